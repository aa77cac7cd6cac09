import { describe, expect, it } from 'vitest';
import { SUPPRESS_MS, SUPPRESSED_ENTRIES } from '../../../../src/base/limits.ts';
import { Suppressions } from '../../../../src/cluster/directory/suppressions.ts';

describe('Suppressions', () => {
  it('end after 500 ms', () => {
    const suppressions = new Suppressions();
    suppressions.add('x', 5, 100);
    expect(suppressions.deadline()).toBe(100 + SUPPRESS_MS);
    expect(suppressions.has('x', 100 + SUPPRESS_MS - 1)).toBe(true);
    expect(suppressions.has('x', 100 + SUPPRESS_MS)).toBe(false);
    expect(suppressions.lift(0, 100 + SUPPRESS_MS - 1)).toEqual([]);
    expect(suppressions.lift(0, 100 + SUPPRESS_MS)).toEqual(['x']);
    expect(suppressions.deadline()).toBeUndefined();
  });

  it('end when the holder has said something newer', () => {
    const suppressions = new Suppressions();
    suppressions.add('x', 5, 0);
    suppressions.add('y', 6, 0);
    expect(suppressions.lift(5, 1)).toEqual([]);
    expect(suppressions.lift(6, 1)).toEqual(['x']);
    expect([suppressions.has('x', 1), suppressions.has('y', 1)]).toEqual([false, true]);
  });

  it('begin again when the holder says it again', () => {
    const suppressions = new Suppressions();
    suppressions.add('x', 5, 0);
    suppressions.add('y', 5, 1);
    suppressions.add('x', 7, 2);
    expect(suppressions.deadline()).toBe(1 + SUPPRESS_MS);
    expect(suppressions.has('x', 1 + SUPPRESS_MS)).toBe(true);
  });

  it('forget the oldest past their limit', () => {
    const suppressions = new Suppressions();
    for (let at = 0; at < SUPPRESSED_ENTRIES; at += 1) suppressions.add(`${at}`, 1, 0);
    expect(suppressions.has('0', 1)).toBe(true);
    suppressions.add('one more', 1, 0);
    expect([suppressions.has('0', 1), suppressions.has('1', 1)]).toEqual([false, true]);
  });
});
