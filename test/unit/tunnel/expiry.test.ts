/** The end of a certificate's life, by the machine's clock, whatever becomes of that. */
import { describe, expect, it } from 'vitest';
import { WALL_LOOK_MS } from '../../../src/base/limits.ts';
import { Expiry } from '../../../src/tunnel/expiry.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const YEAR_MS = 365 * 24 * 3_600_000;

function expiring(leftMs: number) {
  const clock = new ManualClock();
  let expired = 0;
  const expiry = new Expiry(clock, clock.wall() + leftMs, () => {
    expired += 1;
  });
  return { clock, expiry, expired: () => expired };
}

describe('Expiry', () => {
  it.each([5_000, WALL_LOOK_MS - 1_000, WALL_LOOK_MS, 10 * WALL_LOOK_MS + 1])(
    'comes when the last second is over, %i ms and one second from now, and once',
    (leftMs) => {
      const { clock, expired } = expiring(leftMs);
      clock.advance(leftMs + 999);
      expect(expired()).toBe(0);
      clock.advance(1);
      expect(expired()).toBe(1);
      clock.advance(WALL_LOOK_MS);
      expect([expired(), clock.pending]).toEqual([1, 0]);
    },
  );

  it('comes for what is over already, and not before the constructor has returned', () => {
    const { clock, expired } = expiring(-YEAR_MS);
    expect(expired()).toBe(0);
    clock.advance(0);
    expect(expired()).toBe(1);
  });

  it('comes within a look after the machine slept or its clock was set', () => {
    const { clock, expired } = expiring(YEAR_MS);
    clock.jumpWall(YEAR_MS + 1_000);
    clock.advance(WALL_LOOK_MS - 1);
    expect(expired()).toBe(0);
    clock.advance(1);
    expect(expired()).toBe(1);
  });

  it('waits on when the clock was set back', () => {
    const { clock, expired } = expiring(5_000);
    clock.jumpWall(-1);
    clock.advance(6_000);
    expect(expired()).toBe(0);
    clock.advance(1);
    expect(expired()).toBe(1);
  });

  it('does not come once it is cancelled', () => {
    const { clock, expiry, expired } = expiring(5_000);
    expiry.cancel();
    expiry.cancel();
    clock.advance(YEAR_MS);
    expect([expired(), clock.pending]).toEqual([0, 0]);
  });
});
