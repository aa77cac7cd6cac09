import { describe, expect, it } from 'vitest';
import { integerBelow, type Random, systemRandom } from '../../../src/base/random.ts';

/** Gives the fractions of `list`, one after the other. */
function scripted(...list: number[]): Random {
  return { bytes: (count) => Buffer.alloc(count), fraction: () => list.shift() ?? 0 };
}

describe('systemRandom', () => {
  it('gives as many bytes as asked, others each time', () => {
    const [first, second] = [systemRandom.bytes(16), systemRandom.bytes(16)];
    expect(first).toHaveLength(16);
    expect(first).not.toEqual(second);
  });

  it('gives fractions from 0 up to, not including, 1', () => {
    const fractions = Array.from({ length: 1_000 }, () => systemRandom.fraction());
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...fractions)).toBeLessThan(1);
    expect(new Set(fractions).size).toBeGreaterThan(990);
  });
});

describe('integerBelow', () => {
  it('covers the whole range and never its end', () => {
    expect(integerBelow(scripted(0), 3)).toBe(0);
    expect(integerBelow(scripted(0.34), 3)).toBe(1);
    expect(integerBelow(scripted(0.999_999), 3)).toBe(2);
    expect(integerBelow(scripted(0.999_999), 1)).toBe(0);
  });
});
