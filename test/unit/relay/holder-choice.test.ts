import { describe, expect, it } from 'vitest';
import type { Holder } from '../../../src/cluster/directory/effects.ts';
import { chooseHolder, mayServe } from '../../../src/relay/holder-choice.ts';
import { seededRandom } from '../../support/seeded-random.ts';

function holder(node: string, more: Partial<Holder> = {}): Holder {
  return { node, incarnation: 1, zone: '', load: 0, forward: ':1', instances: ['a'], ...more };
}

/** How often each was chosen in `count` draws. */
function drawn(holders: readonly Holder[], zone: string, count = 1_000): Record<string, number> {
  const random = seededRandom(7);
  const times: Record<string, number> = {};
  for (let draw = 0; draw < count; draw += 1) {
    const node = chooseHolder(holders, zone, random)?.node ?? 'none';
    times[node] = (times[node] ?? 0) + 1;
  }
  return times;
}

describe('chooseHolder', () => {
  it('has nothing to choose from an empty list', () => {
    expect(drawn([], 'eu', 3)).toEqual({ none: 3 });
  });

  it('takes one of the own zone, however loaded it is', () => {
    const holders = [holder('far', { zone: 'us' }), holder('near', { zone: 'eu', load: 900 })];
    expect(Object.keys(drawn(holders, 'eu'))).toEqual(['near']);
  });

  it('takes any where none is in the own zone, or the own zone is not known', () => {
    const holders = [holder('one', { zone: 'us' }), holder('other', { zone: '' })];
    expect(Object.keys(drawn(holders, 'eu')).sort()).toEqual(['one', 'other']);
    expect(Object.keys(drawn(holders, '')).sort()).toEqual(['one', 'other']);
  });

  it('spreads brokers evenly over holders of the same load', () => {
    const times = drawn([holder('a'), holder('b'), holder('c'), holder('d')], '');
    for (const count of Object.values(times)) expect(count).toBeGreaterThan(200);
    expect(Object.keys(times)).toHaveLength(4);
  });

  it('prefers the less loaded, and does not send everybody to the least', () => {
    const times = drawn(
      [0, 10, 20, 30].map((load) => holder(`load-${load}`, { load })),
      '',
    );
    const counts = [0, 10, 20, 30].map((load) => times[`load-${load}`] ?? 0);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    expect(counts[0]).toBeLessThan(600);
    expect(counts[3]).toBeGreaterThan(20);
  });
});

describe('mayServe', () => {
  const any = { wanted: undefined, except: [] };
  const full = Array.from({ length: 8 }, (_, index) => `i${index}`);

  it.each([
    ['any instance', ['a'], any, true],
    ['the wanted one', ['a', 'b'], { wanted: 'b', except: [] }, true],
    ['not the wanted one', ['a'], { wanted: 'b', except: [] }, false],
    ['none but excepted ones', ['a', 'b'], { wanted: undefined, except: ['a', 'b'] }, false],
    ['one that is not excepted', ['a', 'b'], { wanted: undefined, except: ['a'] }, true],
    ['a list that is full, and may leave the wanted one out', full, { wanted: 'z', except: [] }, true],
    ['a list with room, which leaves nothing out', full.slice(1), { wanted: 'z', except: [] }, false],
  ])('%s', (_name, instances, choice, expected) => {
    expect(mayServe(holder('x', { instances }), choice)).toBe(expected);
  });
});
