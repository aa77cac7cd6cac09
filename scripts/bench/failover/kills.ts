/** Relays that carry transfers are killed: nothing is lost, and nobody waits for long. Rows 1 and 2. */
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { integerBelow } from '../../../src/base/random.ts';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { atMost, type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { BARS } from './bars.ts';
import { type Scene, Traffic } from './scene.ts';
import type { Site } from './site.ts';
import type { Transfer } from './transfer.ts';

const KILLS = { full: 100, quick: 10 };
const TIME_MS = { full: 270_000, quick: 60_000 };
const SEED = 5;
/** From both legs to the kill: up to so long, drawn at random. */
const PAUSE_MS = 1_000;
/** Gaps are looked for so long after a kill, and so long before it for comparison. */
const AFTER_MS = 3_000;
const BEFORE_MS = 1_000;
const DOWN_MS = 400;
/** What the bars allow for two legs again. A site that has not both by then is left alone, and the next kill comes elsewhere. */
const WHOLE_MS = 20_000;
/** The rest of a transfer. */
const FINISH_MS = 60_000;

type Role = 'entry' | 'holder' | 'both';

interface Kill {
  readonly at: number;
  /** What the node was in the path that carried the transfer. */
  readonly role: Role;
  readonly transfer: Transfer;
}

export async function measureKills(scene: Scene): Promise<Row[]> {
  const { quick } = scene.scale;
  const wanted = quick ? KILLS.quick : KILLS.full;
  const end = systemClock.now() + (quick ? TIME_MS.quick : TIME_MS.full);
  const random = seededRandom(SEED);
  const traffic = Traffic.everywhere(scene, scene.scale.bytes);
  const kills: Kill[] = [];
  let events = 0;
  let late = 0;
  while (kills.length < wanted && systemClock.now() < end) {
    const broken = await scene.whole(WHOLE_MS);
    late += broken.length;
    for (const site of broken) console.error(`kills: no two legs after ${WHOLE_MS} ms: ${lookOf(site)}`);
    await sleep(systemClock, random.fraction() * PAUSE_MS);
    const hit = strike(scene, traffic, kills, integerBelow(random, scene.cluster.nodes.length));
    if (hit === undefined) continue;
    events += 1;
    await sleep(systemClock, DOWN_MS);
    await scene.revive(hit);
  }
  await Promise.all(traffic.map((each) => each.stop(FINISH_MS)));
  return [lossRow(kills, traffic, { wanted, events, late }), stallRow(kills, events)];
}

/** Kills the node that the most transfers cross; `tie` decides between equals. Undefined: none crosses any. */
function strike(scene: Scene, traffic: readonly Traffic[], kills: Kill[], tie: number): number | undefined {
  const { nodes } = scene.cluster;
  const struck = (node: number): Kill[] => {
    const hits = traffic.flatMap(({ site, current }) => {
      const role = roleOf(scene.cluster.nameOf(node), site);
      return role ? [{ role, current, safe: site.redundant }] : [];
    });
    // Whoever has one leg only does not lose that as well: this is about tunnels that have two.
    if (hits.some(({ safe }) => !safe)) return [];
    const at = systemClock.now();
    return hits.flatMap(({ role, current }) => (current ? [{ at, role, transfer: current }] : []));
  };
  // What was killed least often counts first: entry, holder, or both at once.
  const worth = (each: readonly Kill[]): number =>
    each.reduce((sum, { role }) => sum + 1 / (1 + kills.filter((kill) => kill.role === role).length), 0);
  const turned = nodes.map((_, at) => nodes[(at + tie) % nodes.length] as number);
  const best = turned.reduce((most, node) => (worth(struck(node)) > worth(struck(most)) ? node : most));
  const now = struck(best);
  if (now.length === 0) return undefined;
  scene.kill(best);
  kills.push(...now);
  return best;
}

function roleOf(node: string, { active }: Site): Role | undefined {
  if (!active?.includes(node)) return undefined;
  if (active.length === 1) return 'both';
  return active[0] === node ? 'entry' : 'holder';
}

function lookOf(site: Site): string {
  return `${JSON.stringify(site.legs)}; ${site.tail}`;
}

function lossRow(
  kills: readonly Kill[],
  traffic: readonly Traffic[],
  { wanted, events, late }: { wanted: number; events: number; late: number },
): Row {
  const errors = traffic.flatMap((each) => each.errors);
  const completed = traffic.reduce((sum, each) => sum + each.completed, 0);
  const count = (role: Role, direction: string): number =>
    kills.filter((kill) => kill.role === role && kill.transfer.direction === direction).length;
  const roles = (direction: string): string =>
    `${direction}s ${count('entry', direction)}/${count('holder', direction)}/${count('both', direction)}`;
  const notBack = late > 0 ? `; ${late} times a site had not both legs after ${WHOLE_MS / 1_000} s` : '';
  return {
    ...BARS.loss,
    measured: `${errors.length} errors, ${completed} transfers with equal hashes, ${kills.length} kills (broker's node/holder/one node: ${roles('download')}, ${roles('upload')})${notBack}`,
    met: errors.length === 0 && kills.length >= wanted && completed > 0,
    how: `${events} SIGKILLs, each counted once for each transfer whose leg in use crossed that relay; ${traffic.length} bridges and brokers side by side; transfers are paced, as several kills fall into each; the next kill waits for both legs`,
    values: { errors: errors.length, completed, kills: kills.length, events, late },
  };
}

function stallRow(kills: readonly Kill[], events: number): Row {
  const gaps = kills.map(
    ({ at, transfer }) => transfer.arrivals?.longestGap(at, at + AFTER_MS) ?? Number.NaN,
  );
  const quiet = kills.map(({ at, transfer }) => transfer.arrivals?.longestGap(at - BEFORE_MS, at - 1) ?? 0);
  const stall = spreadOf(gaps);
  const before = spreadOf(quiet);
  return atMost({
    ...BARS.stall,
    measured: stall.p99,
    more: `p50 ${rounded(stall.p50)}, worst ${rounded(stall.max)}; before the kill p99 ${rounded(before.p99)}, p50 ${rounded(before.p50)}; ${kills.length} kills`,
    how: `longest time between bytes at who receives (client of a download, store of an upload) in the ${AFTER_MS / 1_000} s after each of the kills above, ${events} of them at different moments`,
    values: { ...valuesOf('stall', 'ms', stall), ...valuesOf('before', 'ms', before) },
  });
}
