import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../../src/base/deadlines.ts';

describe('Deadlines', () => {
  it('gives the earliest first, and only what is due', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('late', 30);
    deadlines.set('early', 10);
    deadlines.set('middle', 20);
    expect(deadlines.next()).toBe(10);
    expect(deadlines.due(9)).toBeUndefined();
    expect([deadlines.due(20), deadlines.due(20), deadlines.due(20)]).toEqual(['early', 'middle', undefined]);
    expect([deadlines.next(), deadlines.size]).toEqual([30, 1]);
  });

  it('moves and forgets a deadline', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('a', 10);
    deadlines.set('b', 20);
    deadlines.set('a', 30);
    expect([deadlines.get('a'), deadlines.next()]).toEqual([30, 20]);
    deadlines.delete('b');
    deadlines.delete('unknown');
    expect([deadlines.get('b'), deadlines.next(), deadlines.size]).toEqual([undefined, 30, 1]);
    deadlines.delete('a');
    expect([deadlines.next(), deadlines.due(99), deadlines.size]).toEqual([undefined, undefined, 0]);
  });

  it('gives those of one moment in the order in which they were set', () => {
    const deadlines = new Deadlines<string>();
    for (const key of ['a', 'b', 'c', 'd', 'e']) deadlines.set(key, 10);
    deadlines.set('b', 10);
    expect(['1', '2', '3', '4', '5'].map(() => deadlines.due(10))).toEqual(['a', 'c', 'd', 'e', 'b']);
  });

  it('may be set again while it is emptied', () => {
    const deadlines = new Deadlines<number>();
    deadlines.set(1, 10);
    const rounds: number[] = [];
    for (let now = 10; now <= 30; now += 10) {
      for (let key = deadlines.due(now); key !== undefined; key = deadlines.due(now)) {
        rounds.push(now);
        deadlines.set(key, now + 10);
      }
    }
    expect(rounds).toEqual([10, 20, 30]);
  });

  it('keeps its order while one key moves a hundred thousand times', () => {
    const deadlines = new Deadlines<string>();
    deadlines.set('first', 1);
    for (let at = 100_000; at > 0; at -= 1) deadlines.set('busy', 100 + at);
    expect([deadlines.due(1_000), deadlines.due(1_000), deadlines.size]).toEqual(['first', 'busy', 0]);
  });

  it('agrees with a sorted list, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key: fc.nat({ max: 40 }), at: fc.nat({ max: 60 }) }),
      fc.record({ do: fc.constant('delete' as const), key: fc.nat({ max: 40 }) }),
      fc.record({ do: fc.constant('due' as const), now: fc.nat({ max: 60 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const deadlines = new Deadlines<number>();
        /** Keys in the order in which their deadlines were set. */
        let model: { key: number; at: number }[] = [];
        for (const each of steps) {
          if (each.do === 'due') {
            const at = Math.min(...model.map((entry) => entry.at));
            const first = model.find((entry) => entry.at === at && at <= each.now);
            expect(deadlines.due(each.now)).toBe(first?.key);
            model = model.filter((entry) => entry !== first);
          } else {
            model = model.filter((entry) => entry.key !== each.key);
            if (each.do === 'set') deadlines.set(each.key, each.at);
            else deadlines.delete(each.key);
            if (each.do === 'set') model.push(each);
          }
          expect(deadlines.size).toBe(model.length);
          // Not after every step: to ask must change nothing.
          if (each.do === 'delete') continue;
          const next = Math.min(...model.map((entry) => entry.at));
          expect(deadlines.next()).toBe(model.length === 0 ? undefined : next);
        }
      }),
      { seed: 20_260_101, numRuns: 300, examples: [[sets(200)]] },
    );
  });
});

/** Enough moves of few keys that the heap is rebuilt. */
function sets(count: number): { do: 'set'; key: number; at: number }[] {
  return Array.from({ length: count }, (_, index) => ({
    do: 'set',
    key: index % 3,
    at: (index * 7) % 60,
  }));
}
