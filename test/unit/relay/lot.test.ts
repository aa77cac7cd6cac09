import { describe, expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { type Choice, fits, Lot } from '../../../src/relay/lot.ts';

const X = 'aa'.repeat(32) as InfoHash;
const Y = 'bb'.repeat(32) as InfoHash;
const ANY: Choice = { wanted: undefined, except: [] };

/** A lot with parks of X; the connection's number tells the order in which they came. */
function lotOf(...instances: string[]): Lot {
  const lot = new Lot();
  for (const [index, instance] of instances.entries()) {
    lot.add({ connection: index + 1, infoHash: X, instance });
  }
  return lot;
}

/** The connections that come out when everything is taken, or `count` of them. */
function takeAll(lot: Lot, choice = ANY, count = 99): number[] {
  const taken: number[] = [];
  for (let park = lot.take(X, choice); park; park = lot.take(X, choice)) {
    taken.push(park.connection);
    if (taken.length === count) break;
  }
  return taken;
}

describe('Lot', () => {
  it('gives a park once, and none of another info_hash', () => {
    const lot = lotOf('a');
    expect(lot.take(Y, ANY)).toBeUndefined();
    expect(lot.take(X, ANY)).toEqual({ connection: 1, infoHash: X, instance: 'a' });
    expect([lot.take(X, ANY), lot.size]).toEqual([undefined, 0]);
  });

  it('takes the newest park of an instance first', () => {
    expect(takeAll(lotOf('a', 'a', 'a'))).toEqual([3, 2, 1]);
  });

  it('lets instances take turns, however many parks each has', () => {
    expect(takeAll(lotOf('a', 'a', 'a', 'b', 'c', 'c'))).toEqual([3, 4, 6, 2, 5, 1]);
  });

  it('puts an instance that parks again at the end of the line', () => {
    const lot = lotOf('a', 'b');
    expect(takeAll(lot, ANY, 1)).toEqual([1]);
    lot.add({ connection: 3, infoHash: X, instance: 'a' });
    expect(takeAll(lot)).toEqual([2, 3]);
  });

  it('keeps the turns where a choice skips an instance', () => {
    const lot = lotOf('a', 'a', 'b', 'b');
    expect(takeAll(lot, { wanted: 'b', except: [] }, 1)).toEqual([4]);
    expect(takeAll(lot, { wanted: undefined, except: ['a'] }, 1)).toEqual([3]);
    expect(takeAll(lot, { wanted: 'b', except: [] })).toEqual([]);
    expect(takeAll(lot)).toEqual([2, 1]);
  });

  it('forgets a park that left', () => {
    const lot = lotOf('a', 'a', 'b');
    expect(lot.remove(1)).toMatchObject({ connection: 1, instance: 'a' });
    expect([lot.remove(1), lot.remove(99)]).toEqual([undefined, undefined]);
    expect([lot.has(1), lot.has(2), lot.size]).toEqual([false, true, 2]);
    expect(takeAll(lot)).toEqual([2, 3]);
  });

  it('says whether a park fits, without taking it', () => {
    const lot = lotOf('a');
    const held = [ANY, { wanted: 'b', except: [] }, { wanted: undefined, except: ['a'] }].map((choice) =>
      lot.holds(X, choice),
    );
    expect([held, lot.holds(Y, ANY), lot.size]).toEqual([[true, false, false], false, 1]);
  });

  it('is empty when all have left, and can be filled again', () => {
    const lot = lotOf('a', 'b');
    lot.remove(1);
    lot.remove(2);
    expect([lot.size, lot.take(X, ANY)]).toEqual([0, undefined]);
    lot.add({ connection: 3, infoHash: X, instance: 'a' });
    expect(takeAll(lot)).toEqual([3]);
  });
});

describe('fits', () => {
  it.each([
    ['any', ANY, true],
    ['the wanted one', { wanted: 'a', except: [] }, true],
    ['another than the wanted one', { wanted: 'b', except: [] }, false],
    ['one of the excepted', { wanted: undefined, except: ['b', 'a'] }, false],
    ['none of the excepted', { wanted: undefined, except: ['b'] }, true],
  ])('%s', (_name, choice, expected) => {
    expect(fits('a', choice)).toBe(expected);
  });

  it('must not be excepted even where it is wanted', () => {
    expect(fits('a', { wanted: 'a', except: ['a'] })).toBe(false);
  });
});
