/** Rows 10 and 11: what the death of a relay does to hundreds of brokers at once. */
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { nextSource } from '../../../test/support/sources.ts';
import { LOOPBACK } from '../loopback.ts';
import { RelayCluster } from '../relay-cluster.ts';
import { type Row, rounded } from '../report.ts';
import { BARS } from './bars.ts';
import { Crowd, type CrowdOptions } from './crowd.ts';
import type { CrowdStatus } from './crowd-process.ts';
import { DelayProxy } from './delay-proxy.ts';
import { argsOf, freshPki } from './site.ts';

const ZONES = ['zone-a', 'zone-b', 'zone-c'];
const CLIENTS = { full: 600, quick: 90 };
const TUNNELS = { full: 200, quick: 60 };
const SETTLE_MS = { full: 90_000, quick: 30_000 };
const WATCH_MS = { full: 35_000, quick: 25_000 };
const LOOK_MS = 200;
/** After the last broker has its legs: nothing of the beginning may count. */
const REST_MS = 3_000;
/** 127.1.0.0/16 and above belong to {@link nextSource}. */
const ONE_ADDRESS = '127.0.77.1';

const CROWD_BARS = { wholeMs: 20_000, longestMs: 5_000, share: 60, peak: 3 };
const REBUILD_MS = 30_000;

/** Relays that serve one CA only, its bridge, and brokers that come from an address each. */
interface Many {
  readonly cluster: RelayCluster;
  readonly crowd: Crowd;
  readonly bridge: BeaconProcess;
  /** By node, from the brokers. */
  readonly ways: readonly DelayProxy[];
}

interface ManyOptions extends CrowdOptions {
  /** What the bridge is given. */
  readonly bridgeWays: (cluster: RelayCluster) => Promise<readonly DelayProxy[]>;
}

async function withMany<T>(options: ManyOptions, run: (many: Many) => Promise<T>): Promise<T> {
  const files = await makePkiDirectory(freshPki());
  const cluster = await RelayCluster.start({ zones: ZONES, allow: `${files.pki.infoHash}\n` });
  const ways = await Promise.all(
    cluster.nodes.map((node) => DelayProxy.listen(() => cluster.portOf(node), { source: nextSource })),
  );
  const bridgeWays = await options.bridgeWays(cluster);
  let bridge: BeaconProcess | undefined;
  let crowd: Crowd | undefined;
  try {
    const target = ['--vault-addr', `tcp://${LOOPBACK}:1`];
    bridge = await startBeacon(argsOf(files, 'bridge', bridgeWays, target));
    await bridge.waitFor('parked at a relay');
    crowd = new Crowd(files, ways, options);
    return await run({ cluster, crowd, bridge, ways });
  } finally {
    await crowd?.stop();
    await bridge?.kill();
    for (const way of [...ways, ...bridgeWays]) way.stop();
    await cluster.stop();
    await files.remove();
  }
}

/** Asks until `done`; the last status, and when it was so, or undefined when time was up. */
async function watch(
  crowd: Crowd,
  patienceMs: number,
  done: (status: CrowdStatus) => boolean,
): Promise<{ readonly status: CrowdStatus; readonly at: number | undefined }> {
  const end = systemClock.now() + patienceMs;
  for (;;) {
    const status = await crowd.status();
    const now = systemClock.now();
    if (done(status)) return { status, at: now };
    if (now > end) return { status, at: undefined };
    await sleep(systemClock, LOOK_MS);
  }
}

export function measureCrowd(quick: boolean): Promise<Row[]> {
  const clients = quick ? CLIENTS.quick : CLIENTS.full;
  const options: ManyOptions = {
    brokers: clients,
    processes: 3,
    pauseMs: 60,
    bridgeWays: (cluster) =>
      Promise.all(
        cluster.nodes.map((node) => DelayProxy.listen(() => cluster.portOf(node), { source: nextSource })),
      ),
  };
  return withMany(options, async ({ cluster, crowd, ways }) => {
    const settleMs = quick ? SETTLE_MS.quick : SETTLE_MS.full;
    const begun = systemClock.now();
    const settled = await watch(crowd, settleMs, ({ whole }) => whole === clients);
    const tookMs = systemClock.now() - begun;
    await sleep(systemClock, REST_MS);
    const before = await crowd.status('mark');
    const dead = 0;
    const at = systemClock.now();
    cluster.kill(dead);
    ways[dead]?.refuse();
    await sleep(systemClock, LOOK_MS);
    const after = await watch(
      crowd,
      quick ? WATCH_MS.quick : WATCH_MS.full,
      (status) => status.whole === clients,
    );
    // What the bar allows for the repair, or less: what comes afterwards must not make the mean small.
    const until = Math.min(after.at ?? Number.POSITIVE_INFINITY, at + CROWD_BARS.wholeMs);
    const dials = ways.flatMap((way) => way.dials).filter((time) => time >= at && time < until);
    if (after.at === undefined) console.error('crowd: not whole', after.status.reasons);
    return [
      crowdRow({
        clients,
        settled: { ...settled.status, tookMs },
        before,
        after: after.status,
        dead: cluster.nameOf(dead),
        wholeMs: after.at === undefined ? Number.POSITIVE_INFINITY : after.at - at,
        dials: dials.map((time) => time - at),
      }),
    ];
  });
}

interface CrowdResult {
  readonly clients: number;
  readonly settled: CrowdStatus & { readonly tookMs: number };
  readonly before: CrowdStatus;
  readonly after: CrowdStatus;
  readonly dead: string;
  readonly wholeMs: number;
  /** Milliseconds after the kill. */
  readonly dials: readonly number[];
}

function crowdRow(result: CrowdResult): Row {
  const { clients, settled, before, after, dead, wholeMs, dials } = result;
  const survivors = Object.entries(after.entries).filter(([node]) => node !== dead);
  const legs = survivors.reduce((sum, [, count]) => sum + count, 0);
  const share = (100 * Math.max(...survivors.map(([, count]) => count))) / legs;
  const buckets = bucketsOf(dials);
  const mean = dials.length / Math.max(1, buckets.length);
  const peak = Math.max(0, ...buckets) / mean;
  const met =
    settled.whole === clients &&
    wholeMs <= CROWD_BARS.wholeMs &&
    after.longestMs <= CROWD_BARS.longestMs &&
    share <= CROWD_BARS.share &&
    peak <= CROWD_BARS.peak;
  const list = (entries: CrowdStatus['entries']): string =>
    Object.entries(entries)
      .toSorted()
      .map(([node, count]) => `${node} ${count}`)
      .join(', ');
  return {
    ...BARS.crowd,
    measured: `${after.whole} of ${clients} have two legs again after ${Number.isFinite(wholeMs) ? `${rounded(wholeMs / 1_000)} s` : 'the time was up'}; ${after.without} had none for a while, ${rounded(after.longestMs)} ms at the longest; busier survivor ${rounded(share)} %; peak ${Math.max(0, ...buckets)} dials a second, ${rounded(peak)} x the mean of ${rounded(mean)} over ${buckets.length} s; before: ${settled.whole} with two legs after ${rounded(settled.tookMs / 1_000)} s (${list(before.entries)})`,
    met,
    how: `${clients} brokers in three processes, each with sources of its own, as \`beacon broker\` composes them; relays and bridge are processes; ${dead} is killed for good; dials are counted where they arrive, in seconds from the kill to the last of them; legs by the node where they enter: ${list(after.entries)}`,
    values: {
      clients,
      whole: after.whole,
      whole_ms: wholeMs,
      longest_ms: after.longestMs,
      share,
      peak,
      mean,
    },
  };
}

/** How many fell into each second, from the first second to the last that has any. */
function bucketsOf(times: readonly number[]): number[] {
  const buckets = Array.from({ length: 1 + Math.floor(Math.max(0, ...times) / 1_000) }, () => 0);
  for (const time of times) {
    const at = Math.floor(time / 1_000);
    buckets[at] = (buckets[at] ?? 0) + 1;
  }
  return buckets;
}

export function measureRebuild(quick: boolean): Promise<Row[]> {
  const tunnels = quick ? TUNNELS.quick : TUNNELS.full;
  let behind = 0;
  const options: ManyOptions = {
    brokers: tunnels,
    processes: 1,
    pauseMs: 40,
    // A load balancer that leads to a node that lives, from one address.
    bridgeWays: async (cluster) => [
      await DelayProxy.listen(() => cluster.portOf(behind), { source: () => ONE_ADDRESS }),
    ],
  };
  return withMany(options, async ({ cluster, crowd, ways, bridge }) => {
    const settleMs = quick ? SETTLE_MS.quick : SETTLE_MS.full;
    await watch(crowd, settleMs, ({ legged }) => legged === tunnels);
    await sleep(systemClock, REST_MS);
    const before = await crowd.status('mark');
    const at = systemClock.now();
    cluster.kill(behind);
    ways[behind]?.refuse();
    behind = 1;
    await sleep(systemClock, LOOK_MS);
    const after = await watch(crowd, WATCH_MS.full, ({ legged }) => legged === tunnels);
    const tookMs = after.at === undefined ? Number.POSITIVE_INFINITY : after.at - at;
    const lines = bridge.lines.filter(({ level }) => level === 'warn').slice(-5);
    if (after.at === undefined) console.error('rebuild:', lines.map(({ msg }) => msg).join(' | '));
    return [
      {
        ...BARS.rebuild,
        measured: `${after.status.legged} of ${tunnels} have a leg again after ${Number.isFinite(tookMs) ? `${rounded(tookMs / 1_000)} s` : 'the time was up'}; ${before.legged} had one before, ${after.status.without} lost it, for ${rounded(after.status.longestMs)} ms at the longest`,
        met: before.legged === tunnels && tookMs <= REBUILD_MS,
        how: `all parks of the bridge at one relay, which it dials by one address from one source; the relay is killed, and the address leads to another node; ${tunnels} brokers in one process know all three; production limits, the CA listed with --allow-file`,
        values: { tunnels, legged: after.status.legged, took_ms: tookMs, longest_ms: after.status.longestMs },
      },
    ];
  });
}
