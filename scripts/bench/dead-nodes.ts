/** What a node knows that is true no longer: a bridge that has left its node, and a node that was killed. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { makePki, type Pki } from '../../test/support/certificates.ts';
import type { WireClient } from '../../test/support/wire-client.ts';
import { broker, knows, pair, park, watch } from './clients.ts';
import { BARS, barOf } from './cluster-bars.ts';
import { alternate, Pool, until } from './pairing.ts';
import type { RelayCluster } from './relay-cluster.ts';
import { atMost, notMeasured, type Row, rounded, spreadOf, valuesOf } from './report.ts';

/** The broker lands on the first, which prefers the second (same zone), where the stale bridge was parked. */
const BROKER = 0;
const STALE = 1;
const LIVE = 2;
const SAMPLES = 60;
const WARM_UP = 10;
/** The instance of bridges that leave; the others have another. */
const LEAVING = 0xb2;
/** Longer than an advert takes, so that nothing is stale any more. */
const SETTLE_MS = 100;
/** Killed in turn, each as the neighbour of the other in its zone. */
const KILLS = [1, 0, 1, 0];
/** When brokers come to a node whose neighbour was killed, in milliseconds after it. */
const BROKERS_AT = [0, 50, 150, 300];
const LOOK_MS = 10;

interface StaleResult {
  readonly fresh: readonly number[];
  readonly stale: readonly number[];
  /** Samples of the first kind that were not stale after all, and retries of the others. */
  readonly notStale: number;
  readonly retries: readonly number[];
}

interface KillResult {
  /** From SIGKILL to the answer by which the slower node showed that it had forgotten. */
  readonly goneMs: number;
  /** From HELLO to PAIRED of brokers that came after the kill. */
  readonly pairedMs: readonly number[];
}

/** Rows 4 and 8 of the table. */
export async function measureDeadNodes(cluster: RelayCluster): Promise<Row[]> {
  const pki = makePki({ fresh: true });
  const live = await Pool.fill({ cluster, node: LIVE, pki });
  const stale = await staleEntries(cluster, pki, live);
  live.empty();
  const rounds: KillResult[] = [];
  for (const victim of KILLS) rounds.push(await kill(cluster, victim));
  return [
    killRow(rounds.map(({ goneMs }) => goneMs)),
    staleRow(
      stale,
      rounds.flatMap(({ pairedMs }) => pairedMs),
    ),
  ];
}

async function staleEntries(cluster: RelayCluster, pki: Pki, live: Pool): Promise<StaleResult> {
  const retries: number[] = [];
  const times: number[] = [];
  const staleOnce = async (): Promise<number> => {
    const sample = await pairStale(cluster, pki, live);
    retries.push(sample.retries);
    times.push(sample.ms);
    await sleep(systemClock, SETTLE_MS);
    return sample.ms;
  };
  const [fresh] = await alternate(SAMPLES, () => live.pairFrom(BROKER), staleOnce, WARM_UP);
  const counted = retries.slice(WARM_UP);
  return {
    fresh,
    stale: times.slice(WARM_UP).filter((_, at) => counted[at] !== 0),
    notStale: counted.filter((count) => count === 0).length,
    retries: counted.filter((count) => count > 0),
  };
}

/** The bridge leaves at the moment in which the broker comes, so its node's advert is still 20 ms and more away. */
async function pairStale(
  cluster: RelayCluster,
  pki: Pki,
  live: Pool,
): Promise<{ readonly ms: number; readonly retries: number }> {
  const watcher = await watch({ cluster, node: BROKER, pki }, LEAVING);
  const leaving = await park({ cluster, node: STALE, pki }, LEAVING);
  await watcher.seen;
  const client = await broker({ cluster, node: BROKER, pki });
  const before = cluster.linesOf(BROKER).length;
  leaving.leave();
  const { ms, path } = await pair(client, pki);
  const failed = cluster.linesOf(BROKER).slice(before).filter(isRetry);
  assert.deepEqual(
    path,
    [BROKER, LIVE].map((node) => cluster.nameOf(node)),
  );
  client.close();
  await live.replace();
  return { ms, retries: failed.length };
}

function isRetry({ msg }: { readonly msg: string }): boolean {
  return msg === 'a forward came to nothing';
}

/** Kills `victim`, which holds a bridge of the same info_hash as {@link LIVE} does, and starts it again. */
async function kill(cluster: RelayCluster, victim: number): Promise<KillResult> {
  const [both, alone] = [makePki({ fresh: true }), makePki({ fresh: true })];
  const node = victim === BROKER ? STALE : BROKER;
  const others = cluster.othersOf(victim);
  const bridges = await Promise.all([
    ...BROKERS_AT.map(() => park({ cluster, node: LIVE, pki: both })),
    park({ cluster, node: victim, pki: both }),
    park({ cluster, node: victim, pki: alone }),
  ]);
  for (const other of others) {
    await until(async () => (await knows({ cluster, node: other, pki: alone })).known);
  }
  const clients = await Promise.all(BROKERS_AT.map(() => broker({ cluster, node, pki: both })));
  const start = systemClock.now();
  cluster.kill(victim);
  const [gone, pairedMs] = await Promise.all([
    Promise.all(others.map((other) => forgotten(cluster, other, alone))),
    Promise.all(clients.map((client, at) => pairLater(client, BROKERS_AT[at] ?? 0, both))),
  ]);
  for (const bridge of bridges) bridge.leave();
  await cluster.restart(victim);
  for (const other of others) {
    const { known } = await knows({ cluster, node: other, pki: alone });
    assert(!known, 'a dead node has come back with what it held');
  }
  return { goneMs: Math.max(...gone) - start, pairedMs };
}

async function pairLater(client: WireClient, afterMs: number, pki: Pki): Promise<number> {
  await sleep(systemClock, afterMs);
  const { ms } = await pair(client, pki);
  client.close();
  return ms;
}

/** When the node said, asked again and again, that it knows of no holder. */
async function forgotten(cluster: RelayCluster, node: number, pki: Pki): Promise<number> {
  for (;;) {
    const { known, at } = await knows({ cluster, node, pki });
    if (!known) return at;
    await sleep(systemClock, LOOK_MS);
  }
}

function killRow(goneMs: readonly number[]): Row {
  return atMost({
    ...BARS.killed,
    measured: Math.max(...goneMs),
    more: `best ${rounded(Math.min(...goneMs))} (${goneMs.length} kills)`,
    how: `from the signal until the slower of the two other relays, asked every ${LOOK_MS} ms and a handshake, lets a broker wait that avoids all other nodes`,
    values: { kills: goneMs.length, worst_ms: Math.max(...goneMs), best_ms: Math.min(...goneMs) },
  });
}

function staleRow({ fresh, stale, notStale, retries }: StaleResult, pairedMs: readonly number[]): Row {
  const { what } = BARS.stale;
  const bar = barOf(what);
  if (stale.length < SAMPLES / 2)
    return notMeasured(what, bar, `${notStale} of ${SAMPLES} samples were not stale`);
  const [usual, slow] = [spreadOf(fresh), spreadOf(stale)];
  const more = slow.max - usual.p50;
  const dead = Math.max(...pairedMs) - usual.p50;
  const most = Math.max(...retries);
  return {
    what,
    bar,
    measured: `${most} retry, worst ${rounded(more)} ms more (p50 ${rounded(slow.p50 - usual.p50)}), no error in ${stale.length}; holder killed: worst ${rounded(dead)} ms more, no error in ${pairedMs.length}`,
    met: most === 1 && Math.max(more, dead) <= BARS.stale.bar,
    how: `the bridge leaves the preferred node as the broker comes, or that node is killed, another is parked on the third; against the median of ${usual.count} pairings with the third alone; retries counted in the log of the broker's relay`,
    values: {
      retries_max: most,
      not_stale: notStale,
      dead_holder_worst_more_ms: dead,
      ...valuesOf('fresh', 'ms', usual),
      ...valuesOf('stale', 'ms', slow),
    },
  };
}
