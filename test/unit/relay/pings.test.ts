import { describe, expect, it } from 'vitest';
import { Pings } from '../../../src/relay/pings.ts';

const INTERVAL_MS = 15_000;
const PONG_MS = 5_000;

function setUp(): { pings: Pings; due: (now: number) => string[] } {
  const pings = new Pings({ intervalMs: INTERVAL_MS, pongTimeoutMs: PONG_MS });
  const due = (now: number): string[] =>
    [...pings.due(now)].map((one) =>
      one.do === 'ping' ? `ping ${one.connection} ${one.token}` : `dead ${one.connection}`,
    );
  return { pings, due };
}

describe('a connection that answers', () => {
  it('is pinged after the interval, and again an interval after its pong', () => {
    const { pings, due } = setUp();
    pings.add(1, true, 0);
    expect(pings.next()).toBe(INTERVAL_MS);
    expect(due(INTERVAL_MS - 1)).toEqual([]);
    expect(due(INTERVAL_MS)).toEqual(['ping 1 1']);
    expect(pings.next()).toBe(INTERVAL_MS + PONG_MS);
    expect(pings.pong(1, 1, INTERVAL_MS + 2_000)).toBe(2_000);
    expect(pings.next()).toBe(2 * INTERVAL_MS + 2_000);
    expect(due(2 * INTERVAL_MS + 2_000)).toEqual(['ping 1 2']);
  });

  it('is dead when the pong takes too long, and is told of once', () => {
    const { pings, due } = setUp();
    pings.add(1, true, 0);
    due(INTERVAL_MS);
    expect(due(INTERVAL_MS + PONG_MS - 1)).toEqual([]);
    expect(due(INTERVAL_MS + PONG_MS)).toEqual(['dead 1']);
    expect(pings.next()).toBeUndefined();
    expect(due(10 * INTERVAL_MS)).toEqual([]);
  });

  it('is not kept alive by a pong with another token, or to nothing', () => {
    const { pings, due } = setUp();
    pings.add(1, true, 0);
    pings.pong(1, 0, 10);
    expect(pings.next()).toBe(INTERVAL_MS);
    due(INTERVAL_MS);
    expect(pings.pong(1, 2, INTERVAL_MS + 1)).toBeUndefined();
    expect(due(INTERVAL_MS + PONG_MS)).toEqual(['dead 1']);
    pings.pong(1, 1, INTERVAL_MS + PONG_MS);
    expect(pings.next()).toBeUndefined();
  });

  it('that was given up at one moment with another that is pinged: both are due', () => {
    const { pings, due } = setUp();
    pings.add(1, true, 0);
    pings.add(2, true, PONG_MS);
    due(INTERVAL_MS);
    expect(due(INTERVAL_MS + PONG_MS)).toEqual(['ping 2 2', 'dead 1']);
  });
});

describe('a connection that does not answer', () => {
  it('is pinged at every interval and never dead', () => {
    const { pings, due } = setUp();
    pings.add(1, false, 0);
    for (let round = 1; round <= 5; round += 1) expect(due(round * INTERVAL_MS)).toEqual([`ping 1 ${round}`]);
  });
});

describe('a connection that left', () => {
  it.each([0, INTERVAL_MS])('is neither pinged nor dead, left after %i ms', (afterMs) => {
    const { pings, due } = setUp();
    pings.add(1, true, 0);
    due(afterMs);
    pings.delete(1);
    pings.delete(1);
    expect(pings.next()).toBeUndefined();
    expect(due(10 * INTERVAL_MS)).toEqual([]);
  });

  it('may come again under its number, and owes no old pong', () => {
    const { pings, due } = setUp();
    pings.add(1, true, 0);
    due(INTERVAL_MS);
    pings.delete(1);
    pings.add(1, true, INTERVAL_MS);
    expect(due(INTERVAL_MS + PONG_MS)).toEqual([]);
    expect(due(2 * INTERVAL_MS)).toEqual(['ping 1 2']);
  });
});
