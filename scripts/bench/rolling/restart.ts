/** Row 1: every replica is stopped and started again, one after the other, while requests come at a steady rate. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { FULL, QUICK, Scene } from '../failover/scene.ts';
import { type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { BARS } from './bars.ts';
import { Requests } from './requests.ts';

const PER_SECOND = 200;
const RUN_MS = { full: 180_000, quick: 60_000 };
/** A way that was closed at first is dialled again by its backoff, 30 s at the most. */
const WHOLE_MS = 60_000;
/** From one replica that is up again to the stop of the next: what a StatefulSet waits for readiness, and a little more. */
const PAUSE_MS = 5_000;

export async function measureRestart(quick: boolean): Promise<Row[]> {
  const scene = await Scene.start({ ...(quick ? QUICK : FULL), sites: 2 });
  try {
    assert.equal((await scene.whole(WHOLE_MS)).length, 0, 'a tunnel has not two legs');
    const { sites } = scene;
    const requests = new Requests(scene.store, PER_SECOND, (at) => sites[at % sites.length]?.port ?? 0);
    const end = systemClock.now() + (quick ? RUN_MS.quick : RUN_MS.full);
    const drains: { readonly code: number | null; readonly ms: number }[] = [];
    for (let turn = 0; systemClock.now() < end; turn += 1) {
      const node = turn % scene.cluster.nodes.length;
      const begun = systemClock.now();
      const { code } = await scene.cluster.drain(node);
      drains.push({ code, ms: systemClock.now() - begun });
      if (code !== 0) for (const { tail } of sites) console.error(`restart: ${node} had to cut; ${tail}`);
      // Nobody listens there until it is up again.
      scene.kill(node);
      await scene.revive(node);
      await sleep(systemClock, Math.min(PAUSE_MS, Math.max(0, end - systemClock.now())));
    }
    const { count, failures, twice, never, times } = await requests.stop();
    const spread = spreadOf(times);
    const slowest = Math.max(...drains.map(({ ms }) => ms));
    const cut = drains.filter(({ code }) => code !== 0).length;
    return [
      {
        ...BARS.restart,
        measured: `${failures.length} of ${count} failed; ${twice} seen more than once by the store, ${never} never; ${drains.length} restarts, ${cut} of them with a splice cut; longest drain ${rounded(slowest / 1_000)} s; answer p50 ${rounded(spread.p50)} ms, p99 ${rounded(spread.p99)}, worst ${rounded(spread.max)}`,
        met: failures.length + twice + never + cut === 0 && drains.length >= scene.cluster.nodes.length,
        how: `SIGTERM, and started again when the process has ended, one replica after the other for ${RUN_MS[quick ? 'quick' : 'full'] / 1_000} s; POSTs with an id each on connections of their own through ${sites.length} brokers, one of which keeps a leg over two nodes; no client tries again; 50 ms of round trip between bridge and relays`,
        values: {
          count,
          failed: failures.length,
          twice,
          never,
          restarts: drains.length,
          cut,
          drain_ms: slowest,
          ...valuesOf('answer', 'ms', spread),
        },
      },
    ];
  } finally {
    await scene.stop();
  }
}
