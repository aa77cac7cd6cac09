import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../src/base/backoff.ts';
import type { Random } from '../../../src/base/random.ts';

const OPTIONS = { firstMs: 500, maxMs: 30_000, healthyAfterMs: 5_000 };

/** The largest jitter there is, so that a wait shows its ceiling. */
const most: Random = { bytes: (count) => Buffer.alloc(count), fraction: () => 0.999_999 };

function waits(backoff: Backoff, lives: readonly number[]): number[] {
  return lives.map((livedMs) => Math.round(backoff.next(livedMs)));
}

describe('Backoff', () => {
  it('doubles the ceiling up to the largest and stays there', () => {
    const backoff = new Backoff(OPTIONS, most);
    const failures = Array.from({ length: 9 }, () => 0);
    expect(waits(backoff, failures)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('stays finite after thousands of failures', () => {
    const backoff = new Backoff(OPTIONS, most);
    for (let failure = 0; failure < 5_000; failure += 1) backoff.next(0);
    expect(waits(backoff, [0])).toEqual([30_000]);
  });

  it('starts anew after a healthy connection, and not after a shorter one', () => {
    const backoff = new Backoff(OPTIONS, most);
    expect(waits(backoff, [0, 0, 4_999, 5_000, 0])).toEqual([500, 1000, 2000, 500, 1000]);
  });

  it('draws the wait from the whole range below the ceiling', () => {
    const fractions = [0, 0.25, 0.5];
    const random: Random = { ...most, fraction: () => fractions.shift() ?? 0 };
    expect(waits(new Backoff(OPTIONS, random), [0, 0, 0])).toEqual([0, 250, 1000]);
  });
});
