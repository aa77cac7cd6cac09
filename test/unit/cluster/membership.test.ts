import { describe, expect, test } from 'vitest';
import { CLUSTER_PARALLEL_DIALS } from '../../../src/base/limits.ts';
import type { Random } from '../../../src/base/random.ts';
import { Membership } from '../../../src/cluster/membership.ts';

/** Always the least, or the most, that jitter may be. */
const LEAST: Random = { bytes: (count) => Buffer.alloc(count), fraction: () => 0 };
const MOST: Random = { ...LEAST, fraction: () => 1 };

/** `a` is the caller of `m`, and `m` the caller of `z`. */
function membersOf(self: string, names = ['a', 'm', 'z'], random = LEAST): Membership {
  return new Membership(self, names, random, 0);
}

describe('whom to dial', () => {
  test('never ourselves; the caller at once, the other after a grace', () => {
    const m = membersOf('m');
    expect(m.expects('m')).toBe(false);
    expect(m.due(0)).toEqual(['z']);
    expect(m.due(299)).toEqual([]);
    expect(m.due(300)).toEqual(['a']);
  });

  test.each([
    ['least', LEAST, 1_000],
    ['most', MOST, 2_000],
  ])('again and again, with the %s jitter', (_, random, pauseMs) => {
    const m = membersOf('a', ['m'], random);
    let now = 400;
    for (let round = 0; round < 50; round += 1) {
      expect(m.due(now)).toEqual(['m']);
      expect(m.due(now)).toEqual([]);
      m.dialEnded('m', 'failed', now + 10);
      expect(m.due(now + pauseMs - 1)).toEqual([]);
      now += pauseMs;
    }
  });

  test('a dial that took long is followed by the next at once, one that found no name by a pause', () => {
    const m = membersOf('a', ['m']);
    m.due(0);
    m.dialEnded('m', 'failed', 2_000);
    expect(m.status()).toEqual([{ name: 'm', state: 'absent' }]);
    expect(m.due(2_000)).toEqual(['m']);
    m.dialEnded('m', 'unresolved', 2_100);
    expect(m.status()).toEqual([{ name: 'm', state: 'unresolved' }]);
    expect(m.due(7_099)).toEqual([]);
    expect(m.due(7_100)).toEqual(['m']);
  });

  test('not who is connected; at once who was and is gone; after a pause who closes at once', () => {
    const m = membersOf('a', ['m']);
    m.due(0);
    m.opened('m', '1', 'outbound', 50);
    m.dialEnded('m', 'opened', 50);
    expect(m.status()).toEqual([{ name: 'm', state: 'connecting' }]);
    expect(m.ready('m', '1')).toBe(true);
    expect(m.ready('m', '1')).toBe(false);
    expect(m.status()).toEqual([{ name: 'm', state: 'connected' }]);
    expect(m.due(60_000)).toEqual([]);
    expect(m.closed('m', '1', 60_000)).toBe(true);
    expect(m.closed('m', '1', 60_000)).toBe(false);
    expect(m.due(60_000)).toEqual(['m']);

    m.opened('m', '2', 'outbound', 60_010);
    m.dialEnded('m', 'opened', 60_010);
    expect(m.closed('m', '2', 60_020)).toBe(false);
    expect(m.due(61_019)).toEqual([]);
    expect(m.due(61_020)).toEqual(['m']);
  });

  test('at most so many at once, and everybody has a turn', () => {
    const names = Array.from({ length: 3 * CLUSTER_PARALLEL_DIALS }, (_, index) => `m${index}`);
    const m = membersOf('a', names);
    const dialled = new Set<string>();
    for (let now = 0; now < 10_000; now += 2_000) {
      const due = m.due(now);
      expect(due.length).toBeLessThanOrEqual(CLUSTER_PARALLEL_DIALS);
      for (const name of due) {
        dialled.add(name);
        m.dialEnded(name, 'failed', now + 1_999);
      }
    }
    expect(dialled.size).toBe(names.length);
  });
});

describe('an inbound connection', () => {
  test('of a stranger is refused', () => {
    expect(membersOf('m').judge('who', 0)).toBe('refuse');
    expect(membersOf('m').judge('m', 0)).toBe('refuse');
  });

  test('waits for the own dial of the caller, and is refused once that has come through', () => {
    const m = membersOf('a', ['m']);
    m.due(0);
    expect(m.judge('m', 10)).toBe('wait');
    m.opened('m', '1', 'outbound', 20);
    m.dialEnded('m', 'opened', 20);
    expect(m.judge('m', 21)).toBe('refuse');
  });

  test('is admitted when the own dial of the caller came to nothing, and only one', () => {
    const m = membersOf('a', ['m']);
    m.due(0);
    m.dialEnded('m', 'failed', 20);
    expect(m.judge('m', 21)).toBe('admit');
    expect(m.judge('m', 22)).toBe('refuse');
    expect(m.due(1_500)).toEqual([]);
    expect(m.opened('m', '1', 'inbound', 1_600)).toEqual({ close: [], abortDial: false });
    expect(m.due(9_000)).toEqual([]);
  });

  test('that was admitted and never opened does not keep us from dialling', () => {
    const m = membersOf('a', ['m']);
    expect(m.judge('m', 0)).toBe('admit');
    expect(m.due(1_999)).toEqual([]);
    expect(m.due(2_000)).toEqual(['m']);
  });

  test('of the caller is admitted at any time, and ends the own dial and what was there', () => {
    const z = membersOf('z', ['m']);
    z.due(400);
    expect(z.judge('m', 410)).toBe('admit');
    expect(z.opened('m', '1', 'outbound', 415)).toEqual({ close: [], abortDial: false });
    expect(z.opened('m', '2', 'inbound', 420)).toEqual({ close: ['1'], abortDial: true });
    z.ready('m', '2');
    expect(z.closed('m', '1', 421)).toBe(false);
    expect(z.isConnected('m')).toBe(true);
  });

  test('replaces a connection that is no longer young: whoever dials knows of none', () => {
    const m = membersOf('a', ['m']);
    m.judge('m', 0);
    m.opened('m', '1', 'inbound', 0);
    m.ready('m', '1');
    expect(m.judge('m', 1_999)).toBe('refuse');
    expect(m.judge('m', 2_000)).toBe('admit');
    expect(m.opened('m', '2', 'inbound', 2_010)).toEqual({ close: ['1'], abortDial: false });
  });
});

test('an outbound connection of the caller is spare where another one exists', () => {
  const m = membersOf('a', ['m']);
  m.due(0);
  m.opened('m', '1', 'inbound', 5);
  expect(m.opened('m', '2', 'outbound', 10)).toEqual({ close: ['2'], abortDial: false });
});

test('who is blocked is neither dialled nor admitted until the pause is over', () => {
  const m = membersOf('a', ['m']);
  m.block('m', 10_000, 0);
  expect(m.due(9_999)).toEqual([]);
  expect(m.judge('m', 9_999)).toBe('refuse');
  expect(m.judge('m', 10_000)).toBe('admit');
});
