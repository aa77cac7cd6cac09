import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunksFor, StampQueues } from '../../../../src/net/door/stamps.ts';

/** All stamps of a queue, which is empty after it. */
function drain(stamps: StampQueues, queue: number): number[] {
  const all: number[] = [];
  while (stamps.count(queue) > 0) {
    all.push(stamps.oldest(queue));
    stamps.shift(queue);
  }
  return all;
}

function filled(count: number): StampQueues {
  const stamps = new StampQueues(2, 10);
  for (let stamp = 0; stamp < count; stamp += 1) stamps.push(1, stamp);
  return stamps;
}

describe('a queue of stamps', () => {
  it.each([1, 6, 7, 8, 14, 15, 29])('gives %i back in order, and its memory', (count) => {
    const stamps = filled(count);
    expect(stamps.count(1)).toBe(count);
    expect(stamps.count(0)).toBe(0);
    expect(10 - stamps.room).toBe(Math.ceil(count / 7));
    expect(drain(stamps, 1)).toEqual([...Array(count).keys()]);
    expect(stamps.room).toBe(10);
  });

  it.each([0, 3, 6, 7, 13, 14, 19])('loses stamp %i of 20 and no other', (gone) => {
    const stamps = filled(20);
    stamps.shift(1);
    stamps.push(1, 20);
    expect(stamps.remove(1, gone)).toBe(gone !== 0);
    expect(drain(stamps, 1)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1).filter((n) => n !== gone));
    expect(stamps.room).toBe(10);
  });

  it('loses one of several that are equal', () => {
    const stamps = filled(0);
    for (const stamp of [5, 5, 5, 6]) stamps.push(1, stamp);
    expect(stamps.remove(1, 5)).toBe(true);
    expect(drain(stamps, 1)).toEqual([5, 5, 6]);
  });

  it('keeps the low 32 bits', () => {
    const stamps = filled(0);
    stamps.push(1, 2 ** 32 + 9);
    expect(stamps.oldest(1)).toBe(9);
    expect(stamps.remove(1, 2 ** 33 + 9)).toBe(true);
    expect(stamps.count(1)).toBe(0);
  });

  it('is refused the chunk after the last one', () => {
    const stamps = new StampQueues(1, 2);
    for (let stamp = 0; stamp < 14; stamp += 1) stamps.push(0, stamp);
    expect(stamps.room).toBe(0);
    expect(() => stamps.push(0, 14)).toThrow('no chunk is free');
    stamps.clear(0);
    expect(stamps.room).toBe(2);
  });

  it('has no oldest stamp while it is empty', () => {
    expect(() => filled(0).oldest(1)).toThrow('no oldest stamp');
    expect(() => filled(0).shift(1)).toThrow('no oldest stamp');
    expect(filled(0).remove(1, 0)).toBe(false);
  });

  it('never takes more chunks than it says', () => {
    for (const count of [1, 7, 8, 100]) {
      const stamps = new StampQueues(1, chunksFor(count));
      for (let stamp = 0; stamp < count; stamp += 1) stamps.push(0, stamp);
      for (let stamp = count; stamp < 3 * count + 20; stamp += 1) {
        stamps.shift(0);
        stamps.push(0, stamp);
      }
      expect(stamps.count(0)).toBe(count);
    }
  });

  it('does what lists do', () => {
    const queue = fc.nat(2);
    const stamp = fc.nat(6);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), queue, stamp }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('shift' as const), queue }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), queue, stamp }) },
      fc.record({ do: fc.constant('clear' as const), queue }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const stamps = new StampQueues(3, 60);
        const lists: number[][] = [[], [], []];
        for (const each of steps) {
          const list = lists[each.queue] ?? [];
          if (each.do === 'push') {
            stamps.push(each.queue, each.stamp);
            list.push(each.stamp);
          } else if (each.do === 'remove') {
            const at = list.indexOf(each.stamp);
            expect(stamps.remove(each.queue, each.stamp)).toBe(at >= 0);
            if (at >= 0) list.splice(at, 1);
          } else if (each.do === 'clear') {
            stamps.clear(each.queue);
            list.length = 0;
          } else if (list.length > 0) {
            stamps.shift(each.queue);
            list.shift();
          }
          expect(stamps.count(each.queue)).toBe(list.length);
          if (list.length > 0) expect(stamps.oldest(each.queue)).toBe(list[0]);
        }
        for (const [at, list] of lists.entries()) expect(drain(stamps, at)).toEqual(list);
        expect(stamps.room).toBe(60);
      }),
      { seed: 20_260_403, numRuns: 500 },
    );
  });
});
