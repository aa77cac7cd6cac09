/** How a node leaves: whom it sends away when, what it waits for, and what it cuts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DRAIN_LINGER_MS,
  DRAIN_PARK_MS,
  DRAIN_PARKS_MS,
  DRAIN_TIMEOUT_DEFAULT_MS,
  DRAINING_MEMORY_MS,
  PING_INTERVAL_MS,
} from '../../../src/base/limits.ts';
import { Drain, type DrainEffect } from '../../../src/relay/drain.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const START = 5_000;

function begun(parks: number, splices: number, timeoutMs = DRAIN_TIMEOUT_DEFAULT_MS) {
  const drain = new Drain({ timeoutMs, random: seededRandom(1) });
  drain.begin();
  const ids = Array.from({ length: parks }, (_, id) => id);
  return { drain, effects: drain.sendAway(ids, splices, START) };
}

function times(effects: readonly DrainEffect[]): number[] {
  return effects.flatMap((effect) => (effect.do === 'goAway' ? effect.reconnectAfterMs : []));
}

describe('a drain', () => {
  it('of a node where nothing is ends at once', () => {
    const { drain, effects } = begun(0, 0);
    expect(effects).toEqual([{ do: 'drained', cut: 0 }]);
    expect(drain.state).toBe('drained');
    expect(drain.nextDeadline()).toBeUndefined();
  });

  it('has a beginning before its time runs', () => {
    const drain = new Drain({ timeoutMs: 1_000, random: seededRandom(1) });
    expect(drain.state).toBe('serving');
    drain.begin();
    expect(drain.state).toBe('draining');
    expect(drain.spliced(0, START)).toEqual([]);
    expect(drain.left(1, START)).toEqual([]);
  });

  it('ends with the last splice, and the last park', () => {
    const { drain } = begun(2, 2);
    expect(drain.spliced(1, START + 10)).toEqual([]);
    expect(drain.left(0, START + 11)).toEqual([]);
    expect(drain.spliced(0, START + 20)).toEqual([]);
    expect(drain.state).toBe('draining');
    expect(drain.left(1, START + 30)).toEqual([{ do: 'drained', cut: 0 }]);
    expect(drain.state).toBe('drained');
    expect(drain.left(1, START + 31)).toEqual([]);
    expect(drain.tick(START + 1e9)).toEqual([]);
  });

  it('waits for parks that have nowhere to go no longer than for the last of their times and a dial', () => {
    const { drain } = begun(4, 0);
    const at = START + 4 * DRAIN_PARK_MS + DRAIN_LINGER_MS;
    expect(drain.nextDeadline()).toBe(at);
    expect(at - START).toBeLessThan(2_000);
    expect(drain.tick(at - 1)).toEqual([]);
    expect(drain.tick(at)).toEqual([{ do: 'drained', cut: 0 }]);
  });

  it('does not wait for parks once the last splice ends after that', () => {
    const { drain } = begun(4, 1);
    const late = START + 30_000;
    expect(drain.tick(late)).toMatchObject([{ do: 'tell' }]);
    expect(drain.spliced(0, late)).toEqual([{ do: 'drained', cut: 0 }]);
  });

  it('tells parks at the beginning, and again while they are here', () => {
    const { drain, effects } = begun(2, 1);
    expect(effects[0]).toEqual({ do: 'tell', connections: [0, 1] });
    expect(drain.nextDeadline()).toBe(START + PING_INTERVAL_MS);
    drain.left(0, START + 1);
    expect(drain.tick(START + PING_INTERVAL_MS)).toEqual([{ do: 'tell', connections: [1] }]);
    expect(2 * PING_INTERVAL_MS).toBeLessThanOrEqual(DRAINING_MEMORY_MS);
    drain.left(1, START + PING_INTERVAL_MS + 1);
    expect(drain.nextDeadline()).toBe(START + DRAIN_TIMEOUT_DEFAULT_MS);
  });

  it('cuts what runs at the deadline, not before', () => {
    const { drain } = begun(0, 3, 9_000);
    expect(drain.nextDeadline()).toBe(START + 9_000);
    drain.spliced(2, START + 100);
    expect(drain.tick(START + 8_999)).toEqual([]);
    expect(drain.tick(START + 9_000)).toEqual([{ do: 'drained', cut: 2 }]);
    expect(drain.spliced(0, START + 9_001)).toEqual([]);
  });

  it('sends each park away once, at times spread over a window that grows with them and fits the timeout', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 3_600 }),
        (parks, seconds) => {
          const { effects } = begun(parks, 1, seconds * 1_000);
          const all = times(effects);
          const window = Math.min(parks * DRAIN_PARK_MS, DRAIN_PARKS_MS, (seconds * 1_000) / 3);
          expect(all).toHaveLength(parks);
          for (const time of all) expect(time).toBeLessThan(window);
          if (parks < 500) return;
          // Spread, not bunched: each quarter of the window has its share.
          for (const quarter of [0, 1, 2, 3]) {
            const share = all.filter((time) => Math.floor((4 * time) / window) === quarter).length / parks;
            expect(share).toBeGreaterThan(0.15);
          }
        },
      ),
      { seed: 1, numRuns: 100 },
    );
  });
});
