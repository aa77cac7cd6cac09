/** A node behind a black hole, what the others forget of it and when, and how all agree again once it is healed. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { makePki, type Pki } from '../../test/support/certificates.ts';
import { knows, type Parked, park, watch } from './clients.ts';
import { BARS } from './cluster-bars.ts';
import { RelayCluster } from './relay-cluster.ts';
import { atMost, type Row, rounded } from './report.ts';

/** Cut off in turn. */
const VICTIMS = [2, 0, 1, 2];
/** info_hashes of each node, and how many of them are given up, and new, in each partition. */
const HASHES = 4;
const CHANGES = 2;
/** A partition lasts this much longer than it takes the nodes to forget, and up to as much again: in any phase of their dials. */
const APART_MS = 1_000;
/** Between a healed partition and the next. */
const TOGETHER_MS = 2_000;
const LOOK_MS = 10;
/** Ten bars. What is not true by then is a fault. */
const PATIENCE_MS = 40_000;

/** An info_hash of one node, or one that it has held no longer since the last partition. */
interface Held {
  readonly node: number;
  readonly pki: Pki;
  readonly bridge: Parked;
  gone: boolean;
}

/** Rows 5 and 6 of the table. */
export async function measurePartitions(): Promise<Row[]> {
  const cluster = await RelayCluster.start({ proxied: true });
  try {
    const all = await Promise.all(
      cluster.nodes.flatMap((node) => Array.from({ length: HASHES }, () => hold(cluster, node))),
    );
    await agreed(cluster, all);
    const goneMs: number[] = [];
    const equalMs: number[] = [];
    for (const victim of VICTIMS) {
      goneMs.push(await cutOff(cluster, victim, all));
      await changeApart(cluster, all);
      equalMs.push(await heal(cluster, victim, all));
      await sleep(systemClock, TOGETHER_MS);
    }
    return [goneRow(goneMs), equalRow(equalMs, all)];
  } finally {
    await cluster.stop();
  }
}

async function hold(cluster: RelayCluster, node: number): Promise<Held> {
  const pki = makePki({ fresh: true });
  return { node, pki, bridge: await park({ cluster, node, pki }), gone: false };
}

/** The milliseconds until neither side knows of anything parked on the other. One question at a time to each node. */
async function cutOff(cluster: RelayCluster, victim: number, all: readonly Held[]): Promise<number> {
  const start = systemClock.now();
  cluster.isolate(victim);
  const questions = Map.groupBy(across(cluster, victim, standing(all)), ({ node }) => node);
  const forgotten = [...questions].map(async ([node, asked]) => {
    let at = start;
    for (const { pki } of asked) at = await untilKnown(cluster, node, pki, false);
    return at;
  });
  return Math.max(...(await Promise.all(forgotten))) - start;
}

/** On every node some bridges leave and others come, unseen by the other side. */
async function changeApart(cluster: RelayCluster, all: Held[]): Promise<void> {
  for (const node of cluster.nodes) {
    for (const held of standing(all)
      .filter((each) => each.node === node)
      .slice(0, CHANGES)) {
      held.bridge.leave();
      held.gone = true;
    }
    for (let at = 0; at < CHANGES; at += 1) all.push(await hold(cluster, node));
  }
  await sleep(systemClock, APART_MS * (1 + systemRandom.fraction()));
}

/** The milliseconds until each side knows all that is parked on the other, and nothing else. */
async function heal(cluster: RelayCluster, victim: number, all: readonly Held[]): Promise<number> {
  const watchers = await Promise.all(
    across(cluster, victim, standing(all)).map(({ node, pki }) => watch({ cluster, node, pki })),
  );
  const start = systemClock.now();
  cluster.heal();
  const seen = await Promise.all(watchers.map((watcher) => watcher.seen));
  const wrong = await agreed(cluster, all);
  return Math.max(...seen, ...wrong) - start;
}

/**
 * Holds what every node knows against what is parked, and waits for what is wrong to come right; the times at which it
 * had, none where nothing was wrong.
 */
async function agreed(cluster: RelayCluster, all: readonly Held[]): Promise<number[]> {
  const late: number[] = [];
  for (const { node: holder, pki, gone } of all) {
    for (const node of cluster.othersOf(holder)) {
      const { known } = await knows({ cluster, node, pki });
      if (known === gone) late.push(await untilKnown(cluster, node, pki, !gone));
    }
  }
  return late;
}

/** Each of `all` from the nodes at the other side of the cut. */
function across(
  cluster: RelayCluster,
  victim: number,
  all: readonly Held[],
): { readonly node: number; readonly pki: Pki }[] {
  return all.flatMap(({ node: holder, pki }) => {
    const observers = holder === victim ? cluster.othersOf(victim) : [victim];
    return observers.map((node) => ({ node, pki }));
  });
}

function standing(all: readonly Held[]): Held[] {
  return all.filter(({ gone }) => !gone);
}

async function untilKnown(cluster: RelayCluster, node: number, pki: Pki, wanted: boolean): Promise<number> {
  const until = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const { known, at } = await knows({ cluster, node, pki });
    if (known === wanted) return at;
    assert(at < until, `${cluster.nameOf(node)} is still wrong after ${PATIENCE_MS / 1_000} s`);
    await sleep(systemClock, LOOK_MS);
  }
}

function goneRow(goneMs: readonly number[]): Row {
  return atMost({
    ...BARS.blackHole,
    measured: Math.max(...goneMs),
    more: `best ${rounded(Math.min(...goneMs))} (${goneMs.length} black holes)`,
    how: 'proxies between the relays swallow all bytes both ways; until a broker that avoids all other nodes may wait on the last relay, on either side, for the last info_hash of the other side',
    values: { black_holes: goneMs.length, worst_ms: Math.max(...goneMs), best_ms: Math.min(...goneMs) },
  });
}

function equalRow(equalMs: readonly number[], all: readonly Held[]): Row {
  return atMost({
    ...BARS.healed,
    measured: Math.max(...equalMs),
    more: `best ${rounded(Math.min(...equalMs))} (${equalMs.length} partitions)`,
    how: `the proxies pass new connections again, old ones stay dead; until every relay knows each of ${standing(all).length} info_hashes that others hold and none of those given up meanwhile, seen by brokers that avoid all other nodes`,
    values: { partitions: equalMs.length, worst_ms: Math.max(...equalMs), best_ms: Math.min(...equalMs) },
  });
}
