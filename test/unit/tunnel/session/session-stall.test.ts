/** How long a transfer stands still, in virtual time, when the leg that carries it fails: what the session itself adds. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { patternOf, SimEnd, SimLeg } from '../../../support/sim-session.ts';

const ROUND_TRIP_MS = 50;
const BYTES = 8 * 1_024 * 1_024;
const SHAPE = { latencyMs: ROUND_TRIP_MS / 2, bytesPerMs: 10_000, bufferBytes: 256 * 1_024 };

/** The longest time in which the reader got nothing, while `fail` happens in the middle of a transfer to the bridge. */
function stallOf(at: number, fail: (active: SimLeg) => void, failBack?: boolean): number {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const [there, back] = failBack ? [0, BYTES] : [BYTES, 0];
  const [outgoing, incoming] = [patternOf('broker', there), patternOf('bridge', back)];
  const common = { clock, random, limits: {}, largestChunk: 65_536 };
  const broker = new SimEnd({ ...common, role: 'broker', outgoing, incoming });
  const bridge = new SimEnd({ ...common, role: 'bridge', outgoing: incoming, incoming: outgoing });
  const [from, to] = failBack ? [bridge, broker] : [broker, bridge];
  const legs = [0, 1].map((id) => {
    const leg = new SimLeg(id, broker, bridge, SHAPE);
    broker.begin(id, id === 0);
    broker.pump();
    clock.advance(1_000);
    return leg;
  });
  to.step({ on: 'end' });
  to.pump();
  let [longest, last] = [0, clock.now()];
  for (let ms = 0; to.received < BYTES && ms < 30_000; ms += 1) {
    const before = to.received;
    from.write(65_536);
    if (ms === at && legs[0]) fail(legs[0]);
    clock.advance(1);
    if (to.received === before) continue;
    longest = Math.max(longest, clock.now() - last);
    last = clock.now();
  }
  expect([to.received, from.error, to.error]).toEqual([BYTES, undefined, undefined]);
  for (const end of [broker, bridge]) end.stop();
  return longest;
}

describe('a transfer over two legs with a round trip of 50 ms', () => {
  const moments = [5, 40, 60, 100, 150, 230];

  it.each(moments)(
    'stands still for two round trips when the active leg is cut at %i ms, either way',
    (at) => {
      for (const back of [false, true]) {
        expect(stallOf(at, (leg) => leg.cut(), back)).toBeLessThanOrEqual(2 * ROUND_TRIP_MS + 2);
      }
    },
  );

  it.each(['there', 'back', 'both'] as const)(
    'goes on on the other leg within 600 ms of a black hole: %s',
    (which) => {
      for (const at of moments) {
        for (const back of [false, true]) {
          const stall = stallOf(at, (leg) => leg.hold(which), back);
          expect(stall, `at ${at} ms`).toBeLessThanOrEqual(600);
        }
      }
    },
  );
});
