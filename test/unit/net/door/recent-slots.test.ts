import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentSlots } from '../../../../src/net/door/recent-slots.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

/** Drawn once: it takes a millisecond. */
const DRAWN = seededRandom(1).bytes(10_240);
const RANDOM = { ...seededRandom(1), bytes: (count: number) => DRAWN.subarray(0, count) };

function recentSlots(capacity: number, onEvicted: (slot: number) => void): RecentSlots {
  return new RecentSlots({ capacity, random: RANDOM, onEvicted });
}

describe('slots for keys', () => {
  it('go from the key that was touched least recently to a new one', () => {
    const evicted: number[] = [];
    const slots = recentSlots(3, (slot) => evicted.push(slot));
    const [a, b, c] = ['a', 'b', 'c'].map((key) => slots.add(key));
    slots.touch(a ?? -1);
    expect(evicted).toEqual([]);
    expect(slots.add('d')).toBe(b);
    expect(evicted).toEqual([b]);
    expect(slots.find('b')).toBeUndefined();
    expect(slots.find('a')).toBe(a);
    slots.evictOldest();
    expect(evicted).toEqual([b, c]);
    expect(slots.size).toBe(2);
  });

  it('are given to each key once', () => {
    const slots = recentSlots(3, () => {});
    slots.add('a');
    expect(() => slots.add('a')).toThrow('a slot already');
    slots.evictOldest();
    expect(() => slots.evictOldest()).toThrow('no key');
  });

  it('are told apart by every character, and by their number', () => {
    const keys = ['', 'a', '\u0100a', 'a\u0100', 'a\0', 'a\0\0', 'aaaaa', 'aaaab', 'aaaa\u0161'];
    const slots = recentSlots(keys.length, () => {});
    const given = keys.map((key) => slots.add(key));
    expect(new Set(given).size).toBe(keys.length);
    expect(keys.map((key) => slots.find(key))).toEqual(given);
    expect(slots.find('b')).toBeUndefined();
    expect(() => slots.add('aaaaaa')).toThrow('too long');
  });

  it('are found in crowded buckets too', () => {
    const slots = recentSlots(1_000, () => {});
    const keys = Array.from({ length: 3_000 }, (_, at) => String.fromCharCode(at, at * 7));
    for (const key of keys) slots.add(key);
    expect(keys.filter((key) => slots.find(key) !== undefined)).toEqual(keys.slice(2_000));
  });

  it('do what a list does', () => {
    const step = fc.oneof(
      { weight: 9, arbitrary: fc.nat(9) },
      { weight: 1, arbitrary: fc.constant('evict' as const) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 100 }), (capacity, steps) => {
        let freed: number | undefined;
        const slots = recentSlots(capacity, (slot) => {
          freed = slot;
        });
        /** Keys and their slots, oldest first. */
        let list: { key: string; slot: number }[] = [];
        const evict = (): void => {
          expect(freed).toBe(list.shift()?.slot);
          freed = undefined;
        };
        for (const one of steps) {
          if (one === 'evict') {
            if (list.length === 0) continue;
            slots.evictOldest();
            evict();
          } else {
            const key = `${one}`;
            const known = list.find((each) => each.key === key);
            expect(slots.find(key)).toBe(known?.slot);
            const slot = known?.slot ?? slots.add(key);
            if (known) slots.touch(slot);
            else if (list.length === capacity) evict();
            list = [...list.filter((each) => each !== known), { key, slot }];
          }
          expect(slots.size).toBe(list.length);
          expect(new Set(list.map(({ slot }) => slot)).size).toBe(list.length);
          expect(Math.max(0, ...list.map(({ slot }) => slot))).toBeLessThan(capacity);
        }
        expect(freed).toBeUndefined();
      }),
      { seed: 20_260_404, numRuns: 500 },
    );
  });
});
