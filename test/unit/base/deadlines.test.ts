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

  it('does not slow down with a key that moves a hundred thousand times', () => {
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
        const model = new Map<number, number>();
        for (const each of steps) {
          if (each.do === 'set') {
            deadlines.set(each.key, each.at);
            model.set(each.key, each.at);
          } else if (each.do === 'delete') {
            deadlines.delete(each.key);
            model.delete(each.key);
          } else {
            const at = Math.min(...model.values());
            const key = deadlines.due(each.now);
            if (at > each.now) expect(key).toBeUndefined();
            else expect(key === undefined ? undefined : model.get(key)).toBe(at);
            if (key !== undefined) model.delete(key);
          }
          expect(deadlines.size).toBe(model.size);
          expect(deadlines.next()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
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
