/** What a report tells of a run, out of its history and of what daemons said: pure. */
import type { Violation } from '../../scenario/checker.ts';
import { type Fault, nameOf } from '../../scenario/faults.ts';
import type { Event, History, StreamId } from '../../scenario/history.ts';
import { sum } from '../../support/compose/metrics-text.ts';
import type { ChaosRun } from '../run.ts';
import { isolated } from '../scenario.ts';

export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface FaultSpan extends Span {
  readonly fault: Fault;
  /** What it is done to: one process, or two. None: all relays. */
  readonly names: readonly string[];
}

export const OUTCOMES = ['complete', 'aborted', 'failed', 'unfinished'] as const;
/** `complete`: both ends read all bytes and an end. `aborted`: by its client, on purpose. `failed`: it saw an error. */
export type Outcome = (typeof OUTCOMES)[number];

export interface StreamSpan extends Span {
  readonly stream: StreamId;
  readonly broker: string;
  readonly outcome: Outcome;
  /** The longest that bytes of it were under way. */
  readonly stall: Stall;
}

export interface Stall {
  readonly ms: number;
  /** When it was over. */
  readonly atMs: number;
}

/** Values by time of one daemon. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [ms: number, value: number])[];
}

/** All links of a relay that is plugged out are one fault. */
export function faultSpans({
  history,
  scenario,
}: Pick<ChaosRun, 'history' | 'scenario'>): readonly FaultSpan[] {
  const told = new Set<string>();
  return scenario.faults.flatMap((fault, index) => {
    const times = history.flatMap((event) =>
      event.what === 'fault' && event.fault === index ? [event.ms] : [],
    );
    const [fromMs, untilMs = Number(fromMs) + fault.forMs] = times;
    if (fromMs === undefined) return [];
    const place = isolated(fault, scenario);
    if (!place) return [{ fault, names: namesOf(fault), fromMs, untilMs }];
    const key = `${nameOf(place)} ${fault.atMs}`;
    if (told.has(key)) return [];
    told.add(key);
    return [{ fault, names: [nameOf(place)], fromMs, untilMs }];
  });
}

function namesOf(fault: Fault): readonly string[] {
  if ('place' in fault) return [nameOf(fault.place)];
  return 'from' in fault ? [nameOf(fault.from), nameOf(fault.to)] : [];
}

interface Open {
  readonly fromMs: number;
  readonly broker: string;
  untilMs: number;
  aborted: boolean;
  failed: boolean;
  ends: number;
  stall: Stall;
  /** What was written and not read yet, by who reads it: where it ends, and when it was written. */
  readonly underWay: { readonly client: [number, number][]; readonly store: [number, number][] };
}

export function streamSpans(history: History): readonly StreamSpan[] {
  const streams = new Map<StreamId, Open>();
  for (const event of history) {
    if (event.what === 'opened') streams.set(event.stream, newStream(event));
    else if ('side' in event) {
      const stream = streams.get(event.stream);
      if (stream) step(stream, event);
    }
  }
  return [...streams].map(([stream, { fromMs, untilMs, broker, stall, ...rest }]) => ({
    ...{ stream, fromMs, untilMs, broker, stall },
    outcome: rest.aborted ? 'aborted' : rest.failed ? 'failed' : rest.ends >= 2 ? 'complete' : 'unfinished',
  }));
}

function newStream({ ms, broker }: Extract<Event, { what: 'opened' }>): Open {
  const none = { ms: 0, atMs: ms };
  return {
    fromMs: ms,
    untilMs: ms,
    broker,
    aborted: false,
    failed: false,
    ends: 0,
    stall: none,
    underWay: { client: [], store: [] },
  };
}

function step(stream: Open, event: Extract<Event, { side: 'client' | 'store' }>): void {
  stream.untilMs = event.ms;
  if (event.what === 'aborted') stream.aborted = true;
  if (event.what === 'failed') stream.failed = true;
  if (event.what === 'end') stream.ends += 1;
  if (event.what === 'wrote')
    stream.underWay[event.side === 'client' ? 'store' : 'client'].push([event.from + event.bytes, event.ms]);
  if (event.what !== 'read') return;
  const underWay = stream.underWay[event.side];
  while (underWay[0] && underWay[0][0] <= event.from + event.bytes) {
    const waited = event.ms - underWay[0][1];
    if (waited > stream.stall.ms) stream.stall = { ms: waited, atMs: event.ms };
    underWay.shift();
  }
}

/** Times that tunnels went on over another leg, as daemons count them; one that starts anew counts from 0 again. */
export function failovers(looks: ChaosRun['looks']): number {
  let total = 0;
  const last = new Map<string, number>();
  for (const { name, metrics } of looks) {
    const now = sum(metrics, 'beacon_failovers_total');
    const before = last.get(name) ?? 0;
    total += now >= before ? now - before : now;
    last.set(name, now);
  }
  return total;
}

export const CURVES = {
  rss: { title: 'Resident memory', unit: 'MiB' },
  descriptors: { title: 'Open descriptors', unit: '' },
  cpu: { title: 'CPU', unit: '% of a core' },
  delay: { title: 'Event loop delay, 99th percentile', unit: 'ms' },
} as const;
export type CurveKind = keyof typeof CURVES;

export function curvesOf(
  { looks, beganMs }: Pick<ChaosRun, 'looks' | 'beganMs'>,
  kind: CurveKind,
): readonly Curve[] {
  const names = [...new Set(looks.map(({ name }) => name))].sort(byRole);
  return names.map((name) => {
    const own = looks.filter((look) => look.name === name);
    const points = own.flatMap((look, at) => {
      const value = readOf(kind, look, own[at - 1]);
      return value === undefined ? [] : [[look.ms - beganMs, value] as const];
    });
    return { name, points };
  });
}

function readOf(
  kind: CurveKind,
  look: ChaosRun['looks'][number],
  before: ChaosRun['looks'][number] | undefined,
): number | undefined {
  const { metrics, ms } = look;
  switch (kind) {
    case 'rss':
      return sum(metrics, 'beacon_process_resident_memory_bytes') / 1_048_576;
    case 'descriptors':
      return sum(metrics, 'beacon_process_open_fds');
    case 'delay':
      return sum(metrics, 'beacon_event_loop_delay_seconds', 'quantile="0.99"') * 1_000;
    case 'cpu': {
      if (!before) return undefined;
      const used =
        sum(metrics, 'beacon_process_cpu_seconds_total') -
        sum(before.metrics, 'beacon_process_cpu_seconds_total');
      return used < 0 ? undefined : (used / (ms - before.ms)) * 100_000;
    }
  }
}

const ROLES = ['relay', 'bridge', 'broker'];

/** Relays, then bridges, then brokers. */
export function byRole(one: string, other: string): number {
  const role = (name: string): number => ROLES.findIndex((prefix) => name.startsWith(prefix));
  return role(one) - role(other) || one.localeCompare(other, 'en', { numeric: true });
}

export interface Peak {
  readonly name: string;
  /** Times that it was seen to begin anew. */
  readonly restarts: number;
  readonly most: Readonly<Record<CurveKind, number>>;
}

/** The most that each process was seen to use. */
export function peaksOf(run: Pick<ChaosRun, 'looks' | 'beganMs'>): readonly Peak[] {
  const kinds = Object.keys(CURVES) as CurveKind[];
  const curves = kinds.map((kind) => [kind, curvesOf(run, kind)] as const);
  const names = curves[0]?.[1].map(({ name }) => name) ?? [];
  return names.map((name, at) => {
    const most = curves.map(([kind, all]) => [
      kind,
      Math.max(0, ...(all[at]?.points ?? []).map(([, value]) => value)),
    ]);
    const starts = run.looks
      .filter((look) => look.name === name)
      .map(({ metrics }) => sum(metrics, 'beacon_process_start_time_seconds'));
    return { name, restarts: new Set(starts).size - 1, most: Object.fromEntries(most) };
  });
}

export interface Verdict {
  readonly checker: string;
  readonly violations: readonly Violation[];
}

/** Those that found something first. @param checkers all that looked */
export function verdicts(checkers: readonly string[], violations: readonly Violation[]): readonly Verdict[] {
  const names = new Set([...checkers, ...violations.map(({ checker }) => checker)]);
  return [...names]
    .map((checker) => ({ checker, violations: violations.filter((one) => one.checker === checker) }))
    .sort((one, other) => other.violations.length - one.violations.length);
}

/** When each process was up: relays as they were seen, clients by plan and faults. */
export function livesOf({
  history,
  scenario,
}: Pick<ChaosRun, 'history' | 'scenario'>): ReadonlyMap<string, readonly Span[]> {
  const lives = new Map<string, Span[]>();
  const clients = [
    ...scenario.bridges.map((plan, bridge) => [nameOf({ bridge }), plan] as const),
    ...scenario.brokers.map((plan, broker) => [nameOf({ broker }), plan] as const),
  ];
  for (let relay = 0; relay < scenario.relays; relay += 1) lives.set(nameOf({ relay }), []);
  for (const [name, { spans }] of clients) lives.set(name, [...spans]);
  for (const event of history) {
    if (event.what === 'up') lives.get(event.node)?.push({ fromMs: event.ms, untilMs: scenario.untilMs });
    if (event.what !== 'down') continue;
    const own = lives.get(event.node);
    const last = own?.pop();
    if (last) own?.push({ ...last, untilMs: event.ms });
  }
  return lives;
}
