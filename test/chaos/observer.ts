/**
 * Looks at every daemon each second, as an operator could: /status and /metrics on loopback of its container. What is seen goes
 * into the history, as levels and directories, and into the samples of which the report draws curves.
 *
 * Not to be seen from outside, and so not in a history of chaos: attempts of brokers at relays (asked, paired, refused), which TLS
 * hides from the proxy in between; and which info_hash a relay holds, as it tells nobody: see {@link Observer} for what is told instead.
 */
import { MOST } from '../scenario/bounds.ts';
import type { Happening, Level } from '../scenario/history.ts';
import { type Metric, parseMetrics, sum } from '../support/compose/metrics-text.ts';
import type { Cluster } from './cluster.ts';
import { ADMIN_PORT, HEALTH_PORT } from './places.ts';

const EVERY_MS = 1_000;
/** One that is paused does not answer. */
const PATIENCE_S = 2;
const MARK = '=====';

type Row = Readonly<Record<string, string | number | boolean | null>>;

/** What `beacon status --json` says, as far as it is asked for. */
export interface DaemonStatus {
  readonly incarnation?: number | null;
  readonly directoryEntries?: number;
  readonly members?: readonly Row[];
  readonly parks?: readonly { readonly host: string; readonly parked: number }[];
  readonly tunnels?: readonly Row[] | number;
  readonly connected?: boolean;
}

export interface Look {
  readonly name: string;
  /** When it was asked, by the clock of the machine. */
  readonly ms: number;
  readonly status: DaemonStatus;
  readonly metrics: readonly Metric[];
}

/** One daemon; undefined where it does not answer. */
export async function look(cluster: Cluster, name: string): Promise<Look | undefined> {
  const ms = Date.now();
  const urls = [`http://127.0.0.1:${ADMIN_PORT}/status`, `http://127.0.0.1:${HEALTH_PORT}/metrics`];
  const options = ['--silent', '--max-time', String(PATIENCE_S), '--write-out', `\n${MARK}\n`];
  try {
    const text = await cluster.inNetwork(name, 'curl', ...options, ...urls);
    const [status = '', metrics = ''] = text.split(`\n${MARK}`);
    return { name, ms, status: JSON.parse(status) as DaemonStatus, metrics: parseMetrics(metrics) };
  } catch {
    return undefined;
  }
}

export class Observer {
  readonly #cluster: Cluster;
  readonly #onLook: (look: Look) => void;
  readonly #stopped = new AbortController();
  readonly #loops: Promise<void>[];

  constructor(cluster: Cluster, names: readonly string[], onLook: (look: Look) => void) {
    this.#cluster = cluster;
    this.#onLook = onLook;
    this.#loops = names.map((name) => this.#loop(name));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#loops);
  }

  async #loop(name: string): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const next = Date.now() + EVERY_MS;
      const seen = await look(this.#cluster, name);
      if (seen && !signal.aborted) this.#onLook(seen);
      await new Promise<void>((resolve) => setTimeout(resolve, Math.max(50, next - Date.now())));
    }
  }
}

/** What counts against a limit at that instant. */
export function levelsOf({ name, metrics, status }: Look): readonly Happening[] {
  const level = (of: Level, value: number, most = MOST[of] ?? Number.MAX_SAFE_INTEGER): Happening => ({
    ...{ what: 'level', of, at: name },
    ...{ value, most },
  });
  if (name.startsWith('relay'))
    return [
      level('slots', sum(metrics, 'beacon_slots_used'), sum(metrics, 'beacon_slots_max')),
      level('rateEntries', sum(metrics, 'beacon_rate_limit_entries')),
    ];
  // The daemon adds up its tunnels: where the mean is above the limit of one, one is.
  const tunnels = Array.isArray(status.tunnels) ? status.tunnels.length : Number(status.tunnels ?? 0);
  return ['in', 'out'].map((direction) => {
    const kept = sum(metrics, 'beacon_window_used_bytes', `direction="${direction}"`);
    return level('window', kept / Math.max(1, tunnels));
  });
}
