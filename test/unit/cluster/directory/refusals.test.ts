import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import type { Effect } from '../../../../src/cluster/directory/effects.ts';
import { Refusals } from '../../../../src/cluster/directory/refusals.ts';

function fresh(): { refusals: Refusals; effects: Effect[] } {
  const effects: Effect[] = [];
  return { refusals: new Refusals((effect) => effects.push(effect)), effects };
}

const failing = (error: unknown) => (): { node: string } => {
  throw error;
};

describe('Refusals', () => {
  it('pass what is sound and the sender its own', () => {
    const { refusals, effects } = fresh();
    expect(refusals.read('b', () => ({ node: 'b' }))).toEqual({ node: 'b' });
    expect([effects, Object.values(refusals.counts).every((count) => count === 0)]).toEqual([[], true]);
  });

  it('count and report what is not, by the code of the error', () => {
    const { refusals, effects } = fresh();
    expect(refusals.read('b', () => ({ node: 'c' }))).toBeUndefined();
    expect(refusals.read('b', failing(new BeaconError('errGossipValueTooLarge', 'large')))).toBeUndefined();
    expect(refusals.read('b', failing(new BeaconError('unsupportedVersion', 'new')))).toBeUndefined();
    expect(refusals.read('b', failing(new BeaconError('config', 'odd')))).toBeUndefined();
    refusals.add('b', 'tooManyEntries', 'many', 5);
    expect(effects.map((effect) => effect.do === 'refused' && [effect.from, effect.why])).toEqual([
      ['b', 'otherOrigin'],
      ['b', 'errGossipValueTooLarge'],
      ['b', 'unsupportedVersion'],
      ['b', 'malformed'],
      ['b', 'tooManyEntries'],
    ]);
    expect(refusals.counts).toMatchObject({ otherOrigin: 1, malformed: 1, tooManyEntries: 5, flood: 0 });
  });

  it('hide no mistake of ours', () => {
    expect(() => fresh().refusals.read('b', failing(new TypeError('ours')))).toThrow('ours');
  });
});
