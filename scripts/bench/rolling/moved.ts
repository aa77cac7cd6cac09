/** Row 3: a node that carries a leg of each of 300 tunnels drains. */
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { RATE_CONNECTIONS, RATE_WINDOW_MS } from '../../../src/base/limits.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../../../test/support/processes.ts';
import { nextSource } from '../../../test/support/sources.ts';
import { Crowd } from '../failover/crowd.ts';
import { DelayProxy } from '../failover/delay-proxy.ts';
import { argsOf, freshPki } from '../failover/site.ts';
import { Store } from '../failover/store.ts';
import { LOOPBACK } from '../loopback.ts';
import { RelayCluster } from '../relay-cluster.ts';
import { type Row, rounded } from '../report.ts';
import { BARS } from './bars.ts';
import { type Outcome, Requests } from './requests.ts';

/** Of each bridge; the first one has one address. */
const TUNNELS = { full: [50, 50, 50, 50, 50, 50], quick: [50, 25, 25] };
const LEAVING = 0;
/** Closed while the tunnels begin, so that all of them have a leg on the node that is to leave. */
const THIRD = 2;
const ONE_ADDRESS = '127.0.77.1';
const SETTLE_MS = 120_000;
/** What a bridge takes to notice a node that is new, and what its dials before that must not count for. */
const REST_MS = RATE_WINDOW_MS + 5_000;
const LOOK_MS = 200;
const PER_SECOND = 50;
const SHARE = 60;
/** Nobody listens there. */
const CLOSED = 1;
/** After the node has left. */
const AFTER_MS = 3_000;

/** A bridge, and the brokers of its CA. */
class Party {
  readonly crowd: Crowd;
  readonly bridge: BeaconProcess;
  /** By node, from the bridge. */
  readonly bridgeWays: readonly DelayProxy[];
  readonly ways: readonly DelayProxy[];
  readonly #files: PkiDirectory;

  private constructor(
    files: PkiDirectory,
    bridge: BeaconProcess,
    ways: readonly DelayProxy[],
    bridgeWays: readonly DelayProxy[],
    brokers: number,
  ) {
    this.#files = files;
    this.bridge = bridge;
    this.ways = ways;
    this.bridgeWays = bridgeWays;
    this.crowd = new Crowd(files, ways, { brokers, processes: 1, pauseMs: 60 });
  }

  static async start(
    cluster: RelayCluster,
    store: Store,
    brokers: number,
    source: () => string,
    thirdIsUp: () => boolean,
  ): Promise<Party> {
    const files = await makePkiDirectory(freshPki());
    const portOf = (node: number): number => (node === THIRD && !thirdIsUp() ? CLOSED : cluster.portOf(node));
    const open = (from: () => string): Promise<DelayProxy[]> =>
      Promise.all(cluster.nodes.map((node) => DelayProxy.listen(() => portOf(node), { source: from })));
    const [ways, bridgeWays] = [await open(nextSource), await open(source)];
    const target = ['--vault-addr', `tcp://${LOOPBACK}:${store.port}`];
    const bridge = await startBeacon(argsOf(files, 'bridge', bridgeWays, target));
    await bridge.waitFor('parked at a relay');
    return new Party(files, bridge, ways, bridgeWays, brokers);
  }

  refuse(node: number): void {
    for (const way of [this.ways[node], this.bridgeWays[node]]) way?.refuse();
  }

  async stop(): Promise<void> {
    await this.crowd.stop();
    await this.bridge.kill();
    for (const way of [...this.ways, ...this.bridgeWays]) way.stop();
    await this.#files.remove();
  }
}

export async function measureMoved(quick: boolean): Promise<Row[]> {
  const cluster = await RelayCluster.start({ zones: ['zone-a', 'zone-b', 'zone-c'] });
  const store = await Store.start();
  const parties: Party[] = [];
  const third = { isUp: false };
  try {
    const sizes = quick ? TUNNELS.quick : TUNNELS.full;
    for (const [index, size] of sizes.entries()) {
      const source = index === 0 ? () => ONE_ADDRESS : nextSource;
      parties.push(await Party.start(cluster, store, size, source, () => third.isUp));
    }
    const tunnels = sizes.reduce((sum, size) => sum + size, 0);
    await settle(parties, tunnels);
    third.isUp = true;
    await sleep(systemClock, REST_MS);
    return [row(await drainOne(cluster, store, parties, tunnels), quick)];
  } finally {
    for (const party of parties) await party.stop();
    await cluster.stop();
    store.stop();
  }
}

interface Result {
  readonly tunnels: number;
  /** Legs on the node before it drained, by its own count. */
  readonly carried: number;
  readonly code: number | null;
  readonly tookMs: number;
  /** Tunnels with two legs that share no node, right after; and those that were without any at some time. */
  readonly whole: number;
  readonly without: number;
  /** Percent of the legs, by the node where they enter. */
  readonly share: number;
  /** Dials of the bridge on one address to one relay within any RATE_WINDOW_MS, at the most; and refusals. */
  readonly dials: number;
  readonly refused: number;
  readonly outcome: Outcome;
}

async function drainOne(
  cluster: RelayCluster,
  store: Store,
  parties: readonly Party[],
  tunnels: number,
): Promise<Result> {
  const marked = await Promise.all(parties.map(({ crowd }) => crowd.status('mark')));
  const ports = marked.flatMap((status) => status.ports);
  const requests = new Requests(store, PER_SECOND, (at) => ports[at % ports.length] ?? 0);
  const begun = systemClock.now();
  const { code } = await cluster.drain(LEAVING);
  const tookMs = systemClock.now() - begun;
  for (const party of parties) party.refuse(LEAVING);
  await sleep(systemClock, AFTER_MS);
  const after = await Promise.all(parties.map(({ crowd }) => crowd.status()));
  const outcome = await requests.stop();
  const drains = cluster.linesOf(LEAVING).find(({ msg }) => msg === 'this node drains');
  const entries = cluster.nodes.map((node) =>
    after.reduce((sum, { entries: each }) => sum + (each[cluster.nameOf(node)] ?? 0), 0),
  );
  const legs = entries.reduce((sum, each) => sum + each, 0);
  const [first] = parties;
  return {
    tunnels,
    carried: Number(drains?.['splices']),
    code,
    tookMs,
    whole: after.reduce((sum, { whole }) => sum + whole, 0),
    without: after.reduce((sum, { without }) => sum + without, 0),
    share: (100 * Math.max(...entries.filter((_, node) => node !== LEAVING))) / legs,
    dials: Math.max(...(first?.bridgeWays ?? []).map(({ dials }) => mostWithin(dials, RATE_WINDOW_MS))),
    refused: parties.flatMap(({ bridge }) => bridge.lines).filter(({ code: each }) => each === 'rateLimit')
      .length,
    outcome,
  };
}

function row(result: Result, quick: boolean): Row {
  const { tunnels, carried, code, tookMs, whole, without, share, dials, refused, outcome } = result;
  const failed = outcome.failures.length + outcome.twice + outcome.never;
  return {
    ...BARS.moved,
    measured: `exit code ${code} after ${rounded(tookMs / 1_000)} s, ${carried} splices left; ${whole} of ${tunnels} tunnels with two legs, ${without} without any at some time; ${outcome.failures.length} of ${outcome.count} requests failed, ${outcome.twice} seen twice, ${outcome.never} never; busiest other node ${rounded(share)} %; the bridge on one address dialled a relay ${dials} times in a minute at the most, and was refused ${refused} times`,
    met:
      code === 0 &&
      carried >= tunnels &&
      whole === tunnels &&
      failed === 0 &&
      share <= SHARE &&
      dials < RATE_CONNECTIONS &&
      refused === 0,
    how: `bridges with ${(quick ? TUNNELS.quick : TUNNELS.full).join(', ')} brokers; all tunnels have legs on two nodes when the third one comes up; a minute later one of the two gets SIGTERM; ${PER_SECOND} POSTs a second through all brokers in turn; default --drain-timeout (60 s), no allow file, so that the rate limit holds for everybody`,
    values: {
      tunnels,
      carried,
      took_ms: tookMs,
      whole,
      without,
      share,
      dials,
      refused,
      failed,
      requests: outcome.count,
    },
  };
}

async function settle(parties: readonly Party[], tunnels: number): Promise<void> {
  const end = systemClock.now() + SETTLE_MS;
  let whole = 0;
  while (whole < tunnels && systemClock.now() < end) {
    await sleep(systemClock, LOOK_MS);
    const all = await Promise.all(parties.map(({ crowd }) => crowd.status()));
    whole = all.reduce((sum, each) => sum + each.whole, 0);
  }
  if (whole < tunnels) console.error(`moved: only ${whole} of ${tunnels} tunnels have two legs`);
}

/** The most of `times`, which ascend, that fall into any such window. */
function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(
    0,
    ...times.map((from, at) => times.slice(at).filter((time) => time - from < windowMs).length),
  );
}
