import { describe, expect, it } from 'vitest';
import { firstWrong, patternBytes } from '../../scenario/pattern.ts';

const SIZE = 4_096;
const whole = patternBytes(7, 'store', 0, SIZE);
const wrong = (bytes: Uint8Array, from = 0): number | undefined => firstWrong(7, 'store', from, bytes);

describe('the pattern of a stream', () => {
  it('is the same in whatever pieces it is asked for', () => {
    for (const [from, count] of [
      [0, 1],
      [1, 2],
      [3, 8],
      [1_021, 700],
      [SIZE - 1, 1],
      [5, 0],
    ] as const)
      expect(patternBytes(7, 'store', from, count)).toEqual(whole.subarray(from, from + count));
  });

  it('is right where it is', () => {
    expect(wrong(whole)).toBeUndefined();
    expect(wrong(whole.subarray(333), 333)).toBeUndefined();
  });

  it('is another one for each stream and side', () => {
    const others = [patternBytes(7, 'client', 0, SIZE), patternBytes(8, 'store', 0, SIZE)];
    for (const other of others) expect(wrong(other)).toBeLessThan(4);
  });

  it('goes on beyond 4 GiB, from any place', () => {
    const from = 2 ** 33 + 5;
    const bytes = patternBytes(7, 'store', from, 16);
    expect(firstWrong(7, 'store', from, bytes)).toBeUndefined();
    expect(firstWrong(7, 'store', from + 4, bytes)).toBeDefined();
  });
});

describe('a fault in a pattern shows where it is', () => {
  const places = [0, 1, 2, 3, 4, 1_001, 2_046, SIZE - 9];
  const without = (from: number, to: number): Buffer =>
    Buffer.concat([whole.subarray(0, from), whole.subarray(to)]);

  it.each(places)('one byte altered at %i', (at) => {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 1;
    expect(wrong(bytes)).toBe(at);
  });

  it.each(places)('lost bytes at %i', (at) => {
    for (const count of [1, 4, 8]) {
      const found = wrong(without(at, at + count)) ?? SIZE;
      expect(found).toBeGreaterThanOrEqual(at);
      expect(found).toBeLessThan(at + 8);
    }
  });

  it.each(places)('doubled and swapped bytes at %i', (at) => {
    const doubled = Buffer.concat([whole.subarray(0, at + 4), whole.subarray(at)]);
    expect(wrong(doubled)).toBeGreaterThanOrEqual(at);
    expect(wrong(doubled)).toBeLessThan(at + 8);
    const swapped = Buffer.concat([
      whole.subarray(0, at),
      whole.subarray(at + 4, at + 8),
      whole.subarray(at, at + 4),
    ]);
    expect(wrong(swapped)).toBeLessThan(at + 4);
  });
});
