/** The verdict of the churn run: what is a leak and what is noise. */
import { describe, expect, it } from 'vitest';
import { isFlat, regression, type Sample } from '../scripts/churn/regression.ts';
import { seededRandom } from './support/seeded-random.ts';

/** A sample a second for `minutes`: a rise, and a scatter around it. */
function series(minutes: number, risePerMinute: number, scatter: number): Sample[] {
  const random = seededRandom(7);
  return Array.from({ length: 60 * minutes }, (_, seconds) => ({
    seconds,
    value: 100 + (risePerMinute * seconds) / 60 + scatter * (2 * random.fraction() - 1),
  }));
}

describe('the line through samples', () => {
  it('is the line that they lie on', () => {
    const line = regression(series(10, 6, 0));
    expect(line.samples).toBe(600);
    expect(line.slope).toBeCloseTo(0.1, 9);
    expect([line.from, line.to, line.noise].map((each) => Number(each.toFixed(6)))).toEqual([100, 159.9, 0]);
  });

  it('is level through samples of one moment, and none through two', () => {
    expect(regression([1, 2, 3].map((value) => ({ seconds: 0, value }))).slope).toBe(0);
    expect(regression(series(1, 0, 0).slice(0, 2)).slope).toBeNaN();
  });
});

describe('a series is', () => {
  it.each([
    ['flat where it scatters only', 0, 2, true],
    ['flat where it falls', -5, 0.1, true],
    ['not flat where it rises out of its scatter', 1, 1, false],
    ['not flat where it rises without any', 0.2, 0, false],
    ['flat where it rises by less than the grain', 0.09, 0, true],
  ])('%s', (_name, rise, scatter, flat) => {
    expect(isFlat(regression(series(10, rise, scatter)), 1)).toBe(flat);
  });

  it('not flat where nothing could be measured', () => {
    expect(isFlat(regression([]), 1)).toBe(false);
  });
});
