/** A node that joins two others which hold 100,000 entries, and what that does to the gossip of the two. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { end, start } from './child.ts';
import { BARS, barOf } from './cluster-bars.ts';
import { ENTRIES } from './directory.ts';
import { freePorts, LOOPBACK } from './loopback.ts';
import type { Report, Task } from './newcomer-node.ts';
import { type Row, rounded, spreadOf, valuesOf, withUnit } from './report.ts';

const PROGRAM = './newcomer-node.ts';
const HOLDERS = ['holder-1', 'holder-2'] as const;
const NEWCOMER = 'newcomer';
const JOINS = 3;
/** Before the first newcomer, between two, and after the last: what the gossip of the two takes otherwise. */
const QUIET_MS = 1_500;
/** Fewer ticks than this in one join would say nothing about it. */
const TICKS_PER_JOIN = 20;
/** Ten bars. */
const PATIENCE_MS = 50_000;

/** One end of a tick: when it was due, or when it was known. */
interface Tick {
  readonly node: string;
  readonly tick: number;
  readonly at: number;
}

interface Join {
  /** The newcomer's process was started, and its directory was complete. */
  readonly started: number;
  readonly completed: number;
}

/** Row 7 of the table. */
export async function measureNewcomer(): Promise<Row> {
  const ports = await freePorts(HOLDERS.length + 1);
  const peers = [...HOLDERS, NEWCOMER].map((name, at) => ({ name, host: LOOPBACK, port: ports[at] ?? 0 }));
  const common = { peers, secret: systemRandom.bytes(32).toString('hex') };
  const children: Node[] = [];
  const startNode = (task: Omit<Task, 'peers' | 'secret'>): Node => {
    const child = new Node({ ...common, ...task });
    children.push(child);
    return child;
  };
  try {
    const holders = HOLDERS.map((node, at) =>
      startNode({ node, entries: ENTRIES / 2, complete: ENTRIES, members: 1, tickOf: HOLDERS[1 - at] }),
    );
    const begun = await Promise.all(holders.map((holder) => holder.complete()));
    const since = Math.max(...begun.map(({ completed }) => completed));
    const joins: Join[] = [];
    await sleep(systemClock, QUIET_MS);
    for (let at = 0; at < JOINS; at += 1) {
      const newcomer = startNode({
        node: NEWCOMER,
        entries: 0,
        complete: ENTRIES,
        members: 2,
        tickOf: undefined,
      });
      joins.push(await newcomer.complete());
      await newcomer.stop();
      await sleep(systemClock, QUIET_MS);
    }
    return rowOf(
      joins,
      delays(holders).filter(({ due }) => due > since),
    );
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** A process of newcomer-node.ts. */
class Node {
  /** Ticks of its own, by when they were due; ticks of the other, by when they were known here. */
  readonly ticks: Tick[] = [];
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #complete = Promise.withResolvers<Join>();
  readonly #started = systemClock.wall();

  constructor(task: Task) {
    this.#name = task.node;
    this.#child = start(PROGRAM);
    this.#child.on('message', (report: Report) => this.#onReport(report));
    this.#child.once('exit', () => this.#complete.reject(new Error(`${task.node} has ended`)));
    this.#complete.promise.catch(() => {});
    this.#child.send(task);
  }

  get name(): string {
    return this.#name;
  }

  async complete(): Promise<Join> {
    const timer = systemClock.after(PATIENCE_MS, () =>
      this.#complete.reject(new Error(`${this.#name} was not complete after ${PATIENCE_MS / 1_000} s`)),
    );
    try {
      return await this.#complete.promise;
    } finally {
      timer.cancel();
    }
  }

  stop(): Promise<void> {
    return end(this.#child);
  }

  #onReport(report: Report): void {
    if (report.is === 'tick') this.ticks.push(report);
    if (report.is !== 'complete') return;
    assert.equal(report.doubts, 0, 'a digest did not match');
    this.#complete.resolve({ started: this.#started, completed: report.at });
  }
}

interface Delay {
  readonly due: number;
  readonly ms: number;
}

/** From a tick of one holder to its arrival at the other, both ways. */
function delays(holders: readonly Node[]): Delay[] {
  return holders.flatMap((holder) => {
    const arrivals = holders.filter((other) => other !== holder).flatMap(({ ticks }) => ticks);
    const known = new Map(
      arrivals.filter(({ node }) => node === holder.name).map(({ tick, at }) => [tick, at]),
    );
    const own = holder.ticks.filter(({ node }) => node === holder.name);
    // The last ones may be on their way still; any other that did not come was lost.
    const last = Math.max(...known.keys());
    return own
      .filter(({ tick }) => tick <= last)
      .map(({ tick, at }) => ({ due: at, ms: (known.get(tick) ?? Number.POSITIVE_INFINITY) - at }));
  });
}

function rowOf(joins: readonly Join[], all: readonly Delay[]): Row {
  const completeMs = joins.map(({ started, completed }) => completed - started);
  // One that was due just before a join is delayed by it as well.
  const within = ({ started, completed }: Join): Delay[] =>
    all.filter(({ due }) => due >= started - BARS.delay.bar && due <= completed);
  assert(
    joins.every((join) => within(join).length >= TICKS_PER_JOIN),
    'gossip was not watched during a join',
  );
  const during = [...new Set(joins.flatMap(within))];
  const busy = spreadOf(during.map(({ ms }) => ms));
  const quiet = spreadOf(all.filter((delay) => !during.includes(delay)).map(({ ms }) => ms));
  const slowest = Math.max(...completeMs);
  const { what } = BARS.newcomer;
  return {
    what,
    bar: barOf(what),
    measured: `${withUnit(BARS.newcomer, slowest)} (${joins.length} joins); ${BARS.delay.what} ${withUnit(BARS.delay, busy.max)}, p50 ${rounded(busy.p50)}, otherwise worst ${rounded(quiet.max)}, p50 ${rounded(quiet.p50)}`,
    met: slowest <= BARS.newcomer.bar && busy.max <= BARS.delay.bar,
    how: 'three processes, each a Cluster without a relay around it, two with 50,000 entries each; from the start of the process of the third until it knows every entry; the two park one bridge each 50 ms, timed from when it was due until the other knows it',
    values: {
      joins: joins.length,
      complete_worst_ms: slowest,
      complete_best_ms: Math.min(...completeMs),
      ...valuesOf('gossip_during', 'ms', busy),
      ...valuesOf('gossip_otherwise', 'ms', quiet),
    },
  };
}
