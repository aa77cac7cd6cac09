/**
 * Many brokers in one process, each as `beacon broker` composes it, with a listener of its own. Says what legs they have
 * when asked, and how long any of them was without one.
 */
import { type Clock, systemClock, type Timer } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { type RunningBroker, startBroker } from '../../../src/broker/daemon.ts';
import { type Flags, resolveSettings } from '../../../src/config/resolve.ts';
import { heldBytes } from './held.ts';

export interface CrowdTask {
  /** Of each broker. */
  readonly flags: Flags;
  readonly brokers: number;
  /** Between the starts of two, milliseconds. */
  readonly pauseMs: number;
}

export type CrowdQuestion =
  /** Counts time without a leg from now on. */
  { readonly ask: 'mark' } | { readonly ask: 'status' } | { readonly ask: 'held' };

export interface CrowdStatus {
  /** Where each listens. */
  readonly ports: readonly number[];
  /** Those that have two legs which share no node; those that have any leg. */
  readonly whole: number;
  readonly legged: number;
  /** Legs by the node where they enter. */
  readonly entries: Readonly<Record<string, number>>;
  /** Why those that are not whole are not, and how many each. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Since the mark: the longest that one of them had no leg at a stretch, and how many had none at some time. */
  readonly longestMs: number;
  readonly without: number;
  /** Of the process, after full collections; only where it was asked for by `held`. */
  readonly heldBytes: number;
}

const LOOK_MS = 50;

process.once('message', (task: CrowdTask) => void run(task));
// The parent is gone, however it ended.
process.once('disconnect', () => process.exit());

async function run({ flags, brokers, pauseMs }: CrowdTask): Promise<void> {
  const crowd = new Crowd(systemClock);
  process.on('message', (question: CrowdQuestion) => {
    if (question.ask === 'mark') crowd.mark();
    process.send?.(crowd.status(question.ask === 'held'));
  });
  const settings = resolveSettings(
    'broker',
    { healthAddr: 'off', ...flags },
    {},
    { hostname: 'bench', stderrIsTty: false },
  );
  for (let count = 0; count < brokers; count += 1) {
    crowd.add(await startBroker(settings, silentLog));
    await new Promise<void>((resolve) => void systemClock.after(pauseMs, resolve));
  }
}

class Crowd {
  readonly #clock: Clock;
  readonly #brokers: RunningBroker[] = [];
  readonly #timer: Timer;
  /** Since when one has no leg. */
  readonly #since = new Map<RunningBroker, number>();
  readonly #without = new Set<RunningBroker>();
  #longestMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = clock.every(LOOK_MS, () => this.#look());
    process.once('exit', () => this.#timer.cancel());
  }

  add(broker: RunningBroker): void {
    this.#brokers.push(broker);
  }

  mark(): void {
    this.#since.clear();
    this.#without.clear();
    this.#longestMs = 0;
  }

  status(held: boolean): CrowdStatus {
    this.#look();
    const entries: Record<string, number> = {};
    const reasons: Record<string, number> = {};
    for (const running of this.#brokers) {
      const why = reasonOf(running);
      if (why !== undefined) reasons[why] = (reasons[why] ?? 0) + 1;
      for (const [node = ''] of pathsOf(running)) entries[node] = (entries[node] ?? 0) + 1;
    }
    return {
      ports: this.#brokers.map(({ address }) => address.port),
      whole: this.#brokers.filter((each) => reasonOf(each) === undefined).length,
      reasons,
      legged: this.#brokers.filter((each) => pathsOf(each).length > 0).length,
      entries,
      longestMs: this.#longestMs,
      without: this.#without.size,
      heldBytes: held ? heldBytes() : 0,
    };
  }

  #look(): void {
    const now = this.#clock.now();
    for (const broker of this.#brokers) {
      if (pathsOf(broker).length > 0) {
        this.#since.delete(broker);
        continue;
      }
      this.#without.add(broker);
      const since = this.#since.get(broker) ?? now;
      this.#since.set(broker, since);
      this.#longestMs = Math.max(this.#longestMs, now - since);
    }
  }
}

function pathsOf({ broker }: RunningBroker): readonly (readonly string[])[] {
  return broker.tunnels.flatMap(({ paths }) => paths);
}

/** Why it has no two legs that share no node; undefined: it has. */
function reasonOf({ broker }: RunningBroker): string | undefined {
  const { tunnels } = broker;
  if (tunnels.some(({ redundancy }) => redundancy.kind === 'disjoint')) return undefined;
  const [first] = tunnels;
  if (!first) return 'no tunnel';
  const paths = first.paths.map((path) => path.join('>')).join(' and ');
  const why = first.redundancy.kind === 'disjoint' ? '' : first.redundancy.why;
  return `${why} (${paths})`;
}
