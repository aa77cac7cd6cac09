import { describe, expect, it } from 'vitest';
import { instancesOf, keyOf } from '../../../../src/cluster/directory/entries.ts';
import { Parks } from '../../../../src/cluster/directory/parks.ts';
import { hash, instance } from '../../../support/directory-messages.ts';

const KEY = keyOf(hash(1));
const of = (...numbers: number[]): string => instancesOf(...numbers.map(instance));

describe('Parks', () => {
  it('takes several connections of an instance for one', () => {
    const parks = new Parks();
    expect(parks.add(KEY, of(1), '')).toBe(of(1));
    expect(parks.add(KEY, of(1), of(1))).toBeUndefined();
    expect(parks.remove(KEY, of(1), of(1))).toBeUndefined();
    expect(parks.remove(KEY, of(1), of(1))).toBe('');
    expect(parks.add(KEY, of(1), '')).toBe(of(1));
  });

  it('counts instances and info_hashes apart', () => {
    const parks = new Parks();
    parks.add(KEY, of(1), '');
    expect(parks.add(KEY, of(2), of(1))).toBe(of(1, 2));
    expect(parks.add(keyOf(hash(2)), of(1), '')).toBe(of(1));
    expect(parks.remove(KEY, of(1), of(1, 2))).toBe(of(2));
    expect(parks.remove(keyOf(hash(2)), of(1), of(1))).toBe('');
  });

  it('names 8 instances; the ninth takes the first place that is free', () => {
    const parks = new Parks();
    let entry = '';
    for (const each of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) entry = parks.add(KEY, of(each), entry) ?? entry;
    expect(entry).toBe(of(1, 2, 3, 4, 5, 6, 7, 8));
    expect(parks.remove(KEY, of(10), entry)).toBeUndefined();
    expect(parks.remove(KEY, of(3), entry)).toBe(of(1, 2, 4, 5, 6, 7, 8, 9));
    expect(parks.remove(KEY, of(1), of(1, 2, 4, 5, 6, 7, 8, 9))).toBe(of(2, 4, 5, 6, 7, 8, 9, 11));
    expect(parks.remove(KEY, of(2), of(2, 4, 5, 6, 7, 8, 9, 11))).toBe(of(4, 5, 6, 7, 8, 9, 11));
  });

  it('does not take an instance for one that straddles two others', () => {
    const parks = new Parks();
    const straddling = `${'0'.repeat(16)}${'1'.repeat(16)}`;
    const first = parks.add(KEY, instancesOf('0'.repeat(32)), '') ?? '';
    const both = parks.add(KEY, instancesOf('1'.repeat(32)), first) ?? '';
    const all = parks.add(KEY, instancesOf(straddling), both) ?? '';
    expect(parks.remove(KEY, instancesOf(straddling), all)).toBe(both);
  });

  it('holds whoever removes what was not there to be a mistake of ours', () => {
    expect(() => new Parks().remove(KEY, of(1), '')).toThrow(/not parked/);
  });
});
