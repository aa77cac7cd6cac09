/** Rows 6 and 7: no relay at all for a while, and requests that must not be made twice while relays die all the time. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { messageOf } from '../../../src/base/errors.ts';
import { integerBelow } from '../../../src/base/random.ts';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { BARS } from './bars.ts';
import { type Scene, Traffic } from './scene.ts';
import { until } from './site.ts';
import { post } from './transfer.ts';

const SEED = 7;
const WHOLE_MS = 25_000;
/** Of a transfer: twelve to twenty seconds of it. */
const BYTES = 96 * 1_024 * 1_024;
const OUTAGE_MS = 20_000;
const FINISH_MS = 60_000;
const POSTS = { full: 1_000, quick: 200 };
const POST_EACH_MS = 60;
const KILL_EACH_MS = 2_000;
const DOWN_MS = 1_000;
/** What a client of the store allows a request. */
const ANSWER_MS = 60_000;

export async function measureOutage(scene: Scene): Promise<Row[]> {
  await scene.whole(WHOLE_MS);
  const traffic = Traffic.everywhere(scene, BYTES);
  await until(
    () => traffic.every(({ current }) => current),
    WHOLE_MS,
    () => 'no transfer came under way',
  );
  const current = traffic.flatMap((each) => each.current ?? []);
  for (const node of scene.cluster.nodes) scene.kill(node);
  await sleep(systemClock, OUTAGE_MS);
  const back = systemClock.now();
  await scene.reviveAll();
  const up = systemClock.now();
  await Promise.all(traffic.map((each) => each.stop(FINISH_MS)));
  const errors = traffic.flatMap((each) => each.errors);
  const resumed = current.map(({ arrivals }) => (arrivals?.firstAfter(back) ?? Number.NaN) - up);
  const spread = spreadOf(resumed);
  return [
    {
      ...BARS.outage,
      measured: `${current.length - errors.length} of ${current.length} completed with equal hashes; bytes again ${rounded(spread.p50)} ms (worst ${rounded(spread.max)}) after the relays were up`,
      met: errors.length === 0,
      how: `all three killed within a moment and started ${OUTAGE_MS / 1_000} s later; one transfer at each of ${traffic.length} sites`,
      values: { errors: errors.length, transfers: current.length, ...valuesOf('resumed', 'ms', spread) },
    },
  ];
}

export async function measurePosts(scene: Scene): Promise<Row[]> {
  await scene.whole(WHOLE_MS);
  // One whose ways are all open: a bridge that reaches two relays only is without any when both die.
  const site = scene.sites.at(-1);
  assert(site);
  const count = scene.scale.quick ? POSTS.quick : POSTS.full;
  const killer = new AbortController();
  const killing = killAllTheTime(scene, killer.signal);
  const failures: string[] = [];
  const times: number[] = [];
  const run = async (id: string): Promise<void> => {
    const start = systemClock.now();
    try {
      assert.equal(await post(site.port, id, ANSWER_MS), id);
      times.push(systemClock.now() - start);
    } catch (error) {
      failures.push(`${id} after ${rounded(systemClock.now() - start)} ms: ${messageOf(error)}`);
    }
  };
  const running: Promise<void>[] = [];
  for (let at = 0; at < count; at += 1) {
    running.push(run(`p${at}`));
    await sleep(systemClock, POST_EACH_MS);
  }
  await Promise.all(running);
  killer.abort();
  const kills = await killing;
  for (const failure of failures.slice(0, 5)) console.error(`posts: ${failure}`);
  if (failures.length > 0) console.error(site.tail);
  return [postsRow(scene, { count, failures, times, kills })];
}

/** Whichever node, every 2 s; back after one. Resolves with how many died. */
async function killAllTheTime(scene: Scene, signal: AbortSignal): Promise<number> {
  const random = seededRandom(SEED);
  let kills = 0;
  while (!signal.aborted) {
    const begin = systemClock.now();
    const node = integerBelow(random, scene.cluster.nodes.length);
    scene.kill(node);
    kills += 1;
    await sleep(systemClock, DOWN_MS);
    await scene.revive(node);
    await sleep(systemClock, Math.max(0, begin + KILL_EACH_MS - systemClock.now()), signal);
  }
  return kills;
}

function postsRow(
  { store, scale }: Scene,
  run: { count: number; failures: readonly string[]; times: readonly number[]; kills: number },
): Row {
  const { count, failures, times, kills } = run;
  const seen = Array.from({ length: count }, (_, at) => store.posts.get(`p${at}`) ?? 0);
  const twice = seen.filter((times) => times > 1).length;
  const never = seen.filter((times) => times === 0).length;
  const spread = spreadOf(times);
  return {
    ...BARS.posts,
    measured: `${times.length} of ${count} answered; ${twice} seen more than once, ${never} never; ${kills} relays died; answer p50 ${rounded(spread.p50)} ms, p99 ${rounded(spread.p99)}, worst ${rounded(spread.max)}`,
    met: twice === 0 && never === 0 && failures.length === 0,
    how: `one each ${POST_EACH_MS} ms on connections of their own, no client tries again; a relay drawn from a seed is killed every 2 s and started 1 s later${scale.quick ? `; ${count} POSTs` : ''}`,
    values: { count, answered: times.length, twice, never, kills, ...valuesOf('answer', 'ms', spread) },
  };
}
