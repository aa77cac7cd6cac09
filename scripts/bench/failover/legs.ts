/**
 * Faults of a site's own lines while the relays live, on several sites at once: a single leg that is cut, a black hole
 * under the leg in use, and a warm leg that is dropped in silence. Rows 3, 4 and 5.
 */
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { atMost, type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { BARS } from './bars.ts';
import type { DelayProxy, Hole } from './delay-proxy.ts';
import { type Scene, Traffic } from './scene.ts';
import type { Site } from './site.ts';

const SEED = 6;
/** How long the warm leg stays dropped; the other two rows take as long. */
const DROP_MS = { full: 60_000, quick: 15_000 };
const WHOLE_MS = 25_000;
/** Of a transfer: twelve to twenty seconds of it. */
const BYTES = 96 * 1_024 * 1_024;
const FINISH_MS = 60_000;
/** A leg must have lived for 5 s, or its loss counts as a relay that takes nobody, and the next dial waits for longer. */
const HEALTHY_MS = 5_500;
const JITTER_MS = 1_000;
/** Gaps are looked for so long after a fault. */
const AFTER_MS = 7_000;
/** A single leg that is away for longer is worth a look at the logs. */
const SLOW_MS = 2_000;
const HOLES: readonly Hole[] = ['both', 'forth', 'back'];

export async function measureLegs(scene: Scene): Promise<Row[]> {
  await scene.whole(WHOLE_MS);
  const third = scene.sites.length / 3;
  const traffic = Traffic.everywhere(scene, BYTES);
  const [single, holed, dropped] = [0, 1, 2].map((part) => traffic.slice(part * third, (part + 1) * third));
  const end = systemClock.now() + (scene.scale.quick ? DROP_MS.quick : DROP_MS.full);
  const [stalls, holes, notBefore] = await Promise.all([
    gather(single, (each, at) => cutSingle(each, end, at)),
    gather(holed, (each, at) => blackHoles(each, end, at)),
    gather(dropped, (each) => dropWarm(each, end)),
  ]);
  const killed = await killActive(scene, dropped ?? []);
  await Promise.all(traffic.map((each) => each.stop(FINISH_MS)));
  return [
    singleRow(stalls, single ?? []),
    holeRow(holes, holed ?? []),
    droppedRow(scene, dropped ?? [], killed, notBefore),
  ];
}

async function gather<T>(
  traffic: readonly Traffic[] | undefined,
  run: (each: Traffic, at: number) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  return (await Promise.all((traffic ?? []).map(run))).flat();
}

/** The longest gap after each of many cuts of the only leg that can be had. */
async function cutSingle(traffic: Traffic, end: number, at: number): Promise<number[]> {
  const { site } = traffic;
  const random = seededRandom(SEED + at);
  const [only, ...others] = site.brokerWays.filter(({ isClosed }) => !isClosed);
  for (const way of others) {
    way.refuse();
    way.cut();
  }
  const gaps: number[] = [];
  while (systemClock.now() < end) {
    await sleep(systemClock, HEALTHY_MS + random.fraction() * JITTER_MS);
    const { current } = traffic;
    if (!current || !only) continue;
    const cutAt = systemClock.now();
    only.cut();
    await sleep(systemClock, HEALTHY_MS);
    const gap = current.arrivals?.longestGap(cutAt, cutAt + HEALTHY_MS) ?? Number.NaN;
    gaps.push(gap);
    if (gap > SLOW_MS) console.error(`single leg: ${rounded(gap)} ms from ${cutAt}; ${site.tail}`);
  }
  await Promise.all(others.map((way) => way.admit()));
  return gaps;
}

interface HoleSample {
  readonly gap: number;
  /** Whether bytes came by another node of the broker's. */
  readonly moved: boolean;
  readonly hole: Hole;
}

/** Where the leg in use enters the cluster, all bytes one way or both ways are swallowed. */
async function blackHoles(traffic: Traffic, end: number, first: number): Promise<HoleSample[]> {
  const { site } = traffic;
  const random = seededRandom(SEED + 100 + first);
  const samples: HoleSample[] = [];
  for (let at = first; systemClock.now() + AFTER_MS < end; at += 1) {
    await site.whole(WHOLE_MS);
    await sleep(systemClock, random.fraction() * JITTER_MS);
    const { current } = traffic;
    const before = entryOf(site);
    const hole = HOLES[at % HOLES.length] ?? 'both';
    if (!current || !before) continue;
    const from = systemClock.now();
    before.hole = hole;
    await sleep(systemClock, AFTER_MS);
    const gap = current.arrivals?.longestGap(from, from + AFTER_MS) ?? Number.NaN;
    samples.push({ gap, moved: entryOf(site) !== before, hole });
    before.heal();
  }
  return samples;
}

/** The broker's way of the leg in use. */
function entryOf({ active, legs, brokerWays }: Site): DelayProxy | undefined {
  if (!active || legs.length === 0) return undefined;
  return brokerWays[nodeOf(active[0])];
}

function nodeOf(name: string | undefined): number {
  return Number(name?.split('-').at(-1));
}

/** The warm leg goes silent until `end`, and so does every new connection on its way. Says which sites had none. */
async function dropWarm(traffic: Traffic, end: number): Promise<string[]> {
  const { site } = traffic;
  const begin = systemClock.now();
  while (!(site.active && site.redundant) && systemClock.now() < begin + WHOLE_MS) {
    await sleep(systemClock, 50);
  }
  const warm = site.legs.find((path) => path[0] !== site.active?.[0]);
  const way = warm && site.brokerWays[nodeOf(warm[0])];
  if (way) way.hole = 'both';
  await sleep(systemClock, Math.max(0, end - systemClock.now()));
  return warm ? [] : ['no warm leg'];
}

/** Kills the entry of each leg in use, one after the other, and revives it; then heals the dropped ways. */
async function killActive(scene: Scene, dropped: readonly Traffic[]): Promise<number> {
  const nodes = new Set(dropped.map(({ site }) => nodeOf(site.active?.[0])).filter(Number.isInteger));
  for (const node of nodes) {
    scene.kill(node);
    await sleep(systemClock, 1_500);
    await scene.revive(node);
    await sleep(systemClock, HEALTHY_MS);
  }
  for (const { site } of dropped) for (const way of site.brokerWays) way.heal();
  return nodes.size;
}

function singleRow(gaps: readonly number[], traffic: readonly Traffic[]): Row {
  const spread = spreadOf(gaps);
  const errors = traffic.flatMap((each) => each.errors).length;
  const row = atMost({
    ...BARS.single,
    measured: spread.p99,
    more: `p50 ${rounded(spread.p50)}, worst ${rounded(spread.max)}; ${spread.count} cuts, ${errors} errors`,
    how: 'the broker reaches one relay only; its connections there are reset in mid-transfer while that relay lives, so that the leg must be dialled again; longest time between bytes at who receives',
    values: { ...valuesOf('stall', 'ms', spread), errors },
  });
  return { ...row, met: row.met && errors === 0 };
}

function holeRow(samples: readonly HoleSample[], traffic: readonly Traffic[]): Row {
  const spread = spreadOf(samples.map(({ gap }) => gap));
  const errors = traffic.flatMap((each) => each.errors).length;
  const worst = (hole: Hole): string => {
    const gaps = samples.filter((sample) => sample.hole === hole).map(({ gap }) => gap);
    return gaps.length === 0 ? 'none' : rounded(Math.max(...gaps));
  };
  const stayed = samples.filter(({ moved, hole }) => !moved && hole === 'both').length;
  const row = atMost({
    ...BARS.hole,
    measured: spread.max,
    more: `p50 ${rounded(spread.p50)}; both ways ${worst('both')}, from the broker only ${worst('forth')}, to it only ${worst('back')}; ${spread.count} holes, ${errors} errors, ${stayed} stayed on the dead leg`,
    how: 'a proxy between broker and relay swallows the bytes of the leg in use and closes nothing; longest time between bytes at who receives in the 7 s after',
    values: { ...valuesOf('gap', 'ms', spread), errors, stayed },
  });
  return { ...row, met: row.met && errors === 0 && stayed === 0 };
}

function droppedRow(
  { scale }: Scene,
  traffic: readonly Traffic[],
  killed: number,
  without: readonly string[],
): Row {
  const errors = traffic.flatMap((each) => each.errors).length;
  const completed = traffic.reduce((sum, each) => sum + each.completed, 0);
  const ms = scale.quick ? DROP_MS.quick : DROP_MS.full;
  return {
    ...BARS.dropped,
    measured: `${errors} errors, ${completed} transfers with equal hashes, ${killed} relays killed, ${traffic.length} sites, ${without.length} of them had no warm leg`,
    met: errors === 0 && killed > 0 && without.length === 0 && completed > 0,
    how: `a proxy swallows all bytes of the broker's way to the relay where the warm leg enters, for ${ms / 1_000} s, new connections too; then the relay where the leg in use enters is killed and restarted; transfers run all the time`,
    values: { errors, completed, killed, ms },
  };
}
