import { describe, expect, it } from 'vitest';
import { SESSION_SUSPECT_MAX_MS, SESSION_SUSPECT_MIN_MS } from '../../../../src/base/limits.ts';
import { Rtt, suspicionMs } from '../../../../src/tunnel/session/rtt.ts';

describe('a smoothed round trip', () => {
  it('begins with the first sample and follows the others by an eighth', () => {
    const rtt = new Rtt();
    expect(rtt.smoothed).toBeUndefined();
    rtt.sample(100);
    expect(rtt.smoothed).toBe(100);
    rtt.sample(180);
    expect(rtt.smoothed).toBe(110);
  });
});

describe('the time until a leg is suspected', () => {
  it.each([
    ['three round trips', 200, 0, 600],
    ['no less than the lower bound', 99, 0, SESSION_SUSPECT_MIN_MS],
    ['three round trips just over it', 101, 0, 303],
    ['three round trips just under the upper bound', 999, 0, 2_997],
    ['no more than the upper bound', 1_001, 0, SESSION_SUSPECT_MAX_MS],
    ['twice as long the second time', 100, 1, 600],
    ['no more than the upper bound after any number of times', 100, 5_000, SESSION_SUSPECT_MAX_MS],
    ['the upper bound while nothing is known', undefined, 0, SESSION_SUSPECT_MAX_MS],
  ])('is %s', (_what, smoothed, times, ms) => {
    expect(suspicionMs(smoothed, times)).toBe(ms);
  });
});
