/** What is looked at in each process during churn, and whether it stays where it is. */
import { parseExposition } from '../../test/support/exposition.ts';
import { get } from '../../test/support/http.ts';
import { sumOf } from '../../test/support/metrics.ts';
import { isFlat, type Line, regression, type Sample } from './regression.ts';

const MIB = 1_024 * 1_024;

interface Kind {
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** One of what is shown. */
  readonly unit: number;
  /**
   * What is too little to tell. V8 lets garbage of some megabytes lie before it marks the heap, so memory may rise by as much in
   * minutes without a leak: in five minutes a leak shows from some 4 KiB a pair on, in an hour from 350 bytes on.
   */
  readonly grain: number;
}

export const KINDS = {
  'RSS, MiB': { metric: 'beacon_process_resident_memory_bytes', unit: MIB, grain: 8 },
  'heap, MiB': { metric: 'beacon_process_heap_bytes', unit: MIB, grain: 8 },
  descriptors: { metric: 'beacon_process_open_fds', unit: 1, grain: 1 },
  timers: { metric: 'beacon_process_active_resources', labels: { type: 'Timeout' }, unit: 1, grain: 1 },
  'all resources': { metric: 'beacon_process_active_resources', unit: 1, grain: 2 },
} as const satisfies Readonly<Record<string, Kind>>;
export type KindName = keyof typeof KINDS;

export interface Series {
  readonly daemon: string;
  readonly kind: KindName;
  readonly samples: Sample[];
}

export interface Judged extends Line {
  readonly daemon: string;
  readonly kind: KindName;
  readonly flat: boolean;
}

export function startSeries(daemons: readonly string[]): readonly Series[] {
  const kinds = Object.keys(KINDS) as KindName[];
  return daemons.flatMap((daemon) => kinds.map((kind) => ({ daemon, kind, samples: [] })));
}

/** Of one daemon, whose /metrics are at `port`. One that does not answer has no sample: that it has ended is told elsewhere. */
export async function takeSamples(
  series: readonly Series[],
  daemon: string,
  port: number,
  seconds: number,
): Promise<void> {
  const answer = await get(port, '/metrics').catch(() => undefined);
  if (!answer) return;
  const families = parseExposition(answer.body);
  for (const each of series) {
    if (each.daemon !== daemon) continue;
    const kind: Kind = KINDS[each.kind];
    each.samples.push({ seconds, value: sumOf(families, kind.metric, kind.labels) / kind.unit });
  }
}

export function judgeSeries(series: readonly Series[], warmUpSeconds: number): readonly Judged[] {
  return series.map(({ daemon, kind, samples }) => {
    const line = regression(samples.filter(({ seconds }) => seconds > warmUpSeconds));
    return { daemon, kind, ...line, flat: isFlat(line, KINDS[kind].grain) };
  });
}

/** For a table on the screen. */
export function rowsOf(judged: readonly Judged[]): readonly Readonly<Record<string, string | number>>[] {
  const text = (value: number): number => Number(value.toFixed(2));
  return judged.map(({ daemon, kind, from, to, slope, noise, samples, flat }) => ({
    ...{ daemon, of: kind, from: text(from), to: text(to), 'an hour': text(slope * 3_600) },
    ...{ scatter: text(noise), samples, verdict: flat ? 'flat' : 'RISES' },
  }));
}
