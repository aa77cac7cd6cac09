/** How long adverts and pairings take in a cluster that works: three relay processes, all of them warm. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { makePki, type Pki } from '../../test/support/certificates.ts';
import { broker, knows, type Parked, type Place, pair, park, pathOf, wait, watch } from './clients.ts';
import { BARS } from './cluster-bars.ts';
import { NODES, type RelayCluster } from './relay-cluster.ts';
import { atMost, percentile, type Row, rounded, spreadOf, valuesOf } from './report.ts';

const SAMPLES = 250;
/** Of each kind, on each node. */
const PAIRS = 75;
/** Taken before and not counted: code is compiled, chains are known. */
const WARM_UP = 20;
/** info_hashes that take turns, so that a sample never meets what the one before it left behind. */
const HASHES = 40;
/** Between samples, and up to twice as much, drawn at random: what the one before leaves to be closed is closed, and none
 *  is in step with a timer of the relays. */
const PAUSE_MS = 10;
/** Bridges parked beside the one that is paired, so that the entry stands. */
const POOL = 3;

/** Rows 1, 2 and 3 of the table. */
export async function measurePairing(cluster: RelayCluster): Promise<Row[]> {
  const pkis = Array.from({ length: HASHES }, () => makePki({ fresh: true }));
  return [await adverts(cluster, pkis), await waiters(cluster, pkis), await crossing(cluster)];
}

async function adverts(cluster: RelayCluster, pkis: readonly Pki[]): Promise<Row> {
  const samples = await sample(pkis, async (pki, at) => {
    const holder = at % NODES;
    const others = cluster.othersOf(holder).map((node) => watch({ cluster, node, pki }));
    const watchers = await Promise.all(others);
    const bridge = await park({ cluster, node: holder, pki });
    const seen = await Promise.all(watchers.map((watcher) => watcher.seen));
    bridge.leave();
    return Math.max(...seen) - bridge.at;
  });
  const spread = spreadOf(samples);
  return atMost({
    ...BARS.advert,
    measured: spread.p99,
    more: `p50 ${rounded(spread.p50)}, max ${rounded(spread.max)} (${spread.count} parks)`,
    how: 'from PARKED at the bridge until the slower of the two other relays refuses, with noBridge, a waiting broker that avoids all other nodes',
    values: valuesOf('advert', 'ms', spread),
  });
}

async function waiters(cluster: RelayCluster, pkis: readonly Pki[]): Promise<Row> {
  const samples = await sample(pkis, async (pki, at) => {
    const node = at % NODES;
    const holder = (node + 1 + (at % (NODES - 1))) % NODES;
    const waiting = await wait({ cluster, node, pki });
    const bridge = await park({ cluster, node: holder, pki });
    const path = await pathOf(waiting);
    const ms = systemClock.now() - bridge.at;
    assert.deepEqual(path, [cluster.nameOf(node), cluster.nameOf(holder)]);
    waiting.close();
    bridge.leave();
    return ms;
  });
  const spread = spreadOf(samples);
  return atMost({
    ...BARS.waiting,
    measured: spread.p99,
    more: `p50 ${rounded(spread.p50)}, max ${rounded(spread.max)} (${spread.count} parks)`,
    how: 'from PARKED at the bridge to PAIRED at the broker, all six pairs of relays in turn',
    values: valuesOf('waiting', 'ms', spread),
  });
}

/** One of each kind in turn, the order turned round each time. */
async function crossing(cluster: RelayCluster): Promise<Row> {
  const local: number[] = [];
  const cross: number[] = [];
  for (const node of cluster.nodes) {
    const holder = (node + 1) % NODES;
    const near = await Pool.fill({ cluster, node, pki: makePki({ fresh: true }) });
    const far = await Pool.fill({ cluster, node: holder, pki: makePki({ fresh: true }) });
    await until(async () => (await knows({ ...far.place, node })).known);
    const [localMs, crossMs] = await alternate(
      PAIRS,
      () => near.pairFrom(node),
      () => far.pairFrom(node),
    );
    local.push(...localMs);
    cross.push(...crossMs);
    near.empty();
    far.empty();
  }
  const [here, there] = [spreadOf(local), spreadOf(cross)];
  const differences = cross.map((ms, at) => ms - (local[at] ?? Number.NaN));
  return atMost({
    ...BARS.crossing,
    measured: there.p50 - here.p50,
    more: `local ${rounded(here.p50)}, cross-node ${rounded(there.p50)}, median of the differences ${rounded(percentile(differences, 50))} (${there.count} of each)`,
    how: 'from HELLO on an open connection to PAIRED, one local and one cross-node pairing in turn',
    values: { ...valuesOf('local', 'ms', here), ...valuesOf('cross', 'ms', there) },
  });
}

/** Bridges parked at one place, as many at the end of a pairing as at its beginning. */
export class Pool {
  readonly place: Place;
  #parked: Parked[] = [];

  private constructor(place: Place) {
    this.place = place;
  }

  static async fill(place: Place, size = POOL): Promise<Pool> {
    const pool = new Pool(place);
    for (let at = 0; at < size; at += 1) pool.#parked.push(await park(place));
    return pool;
  }

  /** Pairs a broker at `node` with one of them; the milliseconds from HELLO to PAIRED. */
  async pairFrom(node: number): Promise<number> {
    const { cluster, pki } = this.place;
    const client = await broker({ cluster, node, pki });
    const { ms, path } = await pair(client, pki);
    client.close();
    const names = [cluster.nameOf(node), cluster.nameOf(this.place.node)];
    assert.deepEqual(path, node === this.place.node ? names.slice(1) : names);
    await this.replace();
    return ms;
  }

  /** Another one parks for the one that was paired. */
  async replace(): Promise<void> {
    const taken = await Promise.race(this.#parked.map((parked) => parked.accepted.then(() => parked)));
    taken.leave();
    this.#parked = this.#parked.filter((parked) => parked !== taken);
    this.#parked.push(await park(this.place));
  }

  empty(): void {
    for (const parked of this.#parked.splice(0)) parked.leave();
  }
}

/** `count` of each, in pairs, after a warm-up; a pause before each. */
export async function alternate(
  count: number,
  one: () => Promise<number>,
  other: () => Promise<number>,
  warmUp = WARM_UP,
): Promise<[number[], number[]]> {
  const ones: number[] = [];
  const others: number[] = [];
  for (let at = 0; at < warmUp + count; at += 1) {
    const turns = [async () => ones.push(await one()), async () => others.push(await other())];
    for (const turn of at % 2 === 0 ? turns : turns.reverse()) {
      await pause();
      await turn();
    }
  }
  return [ones.slice(warmUp), others.slice(warmUp)];
}

export function pause(): Promise<void> {
  return sleep(systemClock, PAUSE_MS * (1 + systemRandom.fraction()));
}

/** Asks again and again until `done`. */
export async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await pause();
}

async function sample(
  pkis: readonly Pki[],
  take: (pki: Pki, at: number) => Promise<number>,
): Promise<number[]> {
  const samples: number[] = [];
  for (let at = 0; at < WARM_UP + SAMPLES; at += 1) {
    await pause();
    samples.push(await take(pkis[at % pkis.length] as Pki, at));
  }
  return samples.slice(WARM_UP);
}
