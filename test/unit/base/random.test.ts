import { describe, expect, it } from 'vitest';
import { integerBelow, type Random, shuffled, systemRandom } from '../../../src/base/random.ts';

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

describe('shuffled', () => {
  it('leaves the given array alone', () => {
    const items = [1, 2, 3];
    expect(shuffled(scripted(0, 0), items)).toEqual([2, 3, 1]);
    expect(items).toEqual([1, 2, 3]);
  });

  it('has nothing to do for one item or none', () => {
    expect([shuffled(systemRandom, []), shuffled(systemRandom, ['x'])]).toEqual([[], ['x']]);
  });

  it('gives every order equally often', () => {
    const seen = new Map<string, number>();
    for (let a = 0; a < 3; a += 1) {
      for (let b = 0; b < 2; b += 1) {
        const order = shuffled(scripted((a + 0.5) / 3, (b + 0.5) / 2), ['x', 'y', 'z']).join('');
        seen.set(order, (seen.get(order) ?? 0) + 1);
      }
    }
    expect([...seen.keys()].sort()).toEqual(['xyz', 'xzy', 'yxz', 'yzx', 'zxy', 'zyx']);
  });
});
