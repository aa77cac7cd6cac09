/** When a tunnel is due to be replaced: both sides of each limit, at both ends of each draw. */
import { describe, expect, it } from 'vitest';
import {
  TUNNEL_LIFE_MS,
  TUNNEL_RENEW_LEAST_MS,
  TUNNEL_RENEW_MS,
  TUNNEL_RENEW_SPREAD_MS,
  WALL_LOOK_MS,
} from '../../../src/base/limits.ts';
import type { Random } from '../../../src/base/random.ts';
import { Renewal } from '../../../src/broker/renewal.ts';

const WALL = 1_700_000_000_000;
const BORN = { now: 5_000, wall: WALL };
const YEAR_MS = 365 * TUNNEL_LIFE_MS;

const drawing = (fraction: number): Random => ({ fraction: () => fraction, bytes: (n) => Buffer.alloc(n) });
/** Both clocks, `ms` after the birth. */
const later = (ms: number) => ({ now: BORN.now + ms, wall: BORN.wall + ms });

function dueAt(renewal: Renewal, ms: number): void {
  expect(renewal.isDue(later(ms - 1))).toBe(false);
  expect(renewal.waitMs(later(ms - 1))).toBe(1);
  expect(renewal.isDue(later(ms))).toBe(true);
  expect(renewal.waitMs(later(ms))).toBe(0);
}

describe('a tunnel is due', () => {
  it.each([
    [0, 0],
    [1, TUNNEL_RENEW_SPREAD_MS],
  ])('within some seconds of the word of its bridge: drawn %d', (fraction, ms) => {
    const renewal = new Renewal(drawing(fraction), WALL + YEAR_MS, BORN);
    renewal.ask(later(60_000));
    if (ms === 0) expect(renewal.isDue(later(60_000))).toBe(true);
    else dueAt(renewal, 60_000 + ms);
  });

  it('no later for the word of its bridge than without it', () => {
    const renewal = new Renewal(drawing(1), WALL + YEAR_MS, BORN);
    renewal.ask(later(0.9 * TUNNEL_LIFE_MS - 1));
    dueAt(renewal, 0.9 * TUNNEL_LIFE_MS);
  });

  it.each([
    [0, TUNNEL_LIFE_MS],
    [0.5, 0.95 * TUNNEL_LIFE_MS],
    [1, 0.9 * TUNNEL_LIFE_MS],
  ])('when it is a day old, or up to a tenth less: drawn %d', (fraction, ms) => {
    dueAt(new Renewal(drawing(fraction), WALL + YEAR_MS, BORN), ms);
  });

  it.each([
    [0, TUNNEL_RENEW_MS],
    [1, TUNNEL_RENEW_MS / 2],
  ])('an hour before a certificate expires, or half of it: drawn %d', (fraction, leadMs) => {
    const leftMs = 10 * TUNNEL_RENEW_MS;
    dueAt(new Renewal(drawing(fraction), WALL + leftMs, BORN), leftMs - leadMs);
  });

  it.each([
    [0, 0.5],
    [1, 0.75],
  ])('after half of the time where little is left, or three quarters: drawn %d', (fraction, part) => {
    for (const leftMs of [TUNNEL_RENEW_LEAST_MS, TUNNEL_RENEW_MS]) {
      dueAt(new Renewal(drawing(fraction), WALL + leftMs, BORN), part * leftMs);
    }
  });

  it('not for its dates where a new one would hardly live longer', () => {
    const renewal = new Renewal(drawing(0), WALL + TUNNEL_RENEW_LEAST_MS - 1, BORN);
    expect(renewal.isDue(later(TUNNEL_RENEW_LEAST_MS))).toBe(false);
    dueAt(renewal, TUNNEL_LIFE_MS);
  });

  it("by the machine's clock for its dates, by the other one for its age", () => {
    const renewal = new Renewal(drawing(0), WALL + 2 * TUNNEL_LIFE_MS, BORN);
    expect(renewal.isDue({ now: BORN.now, wall: WALL + TUNNEL_LIFE_MS })).toBe(false);
    expect(renewal.isDue({ now: BORN.now, wall: WALL + 2 * TUNNEL_LIFE_MS - TUNNEL_RENEW_MS })).toBe(true);
    expect(renewal.isDue({ now: BORN.now + TUNNEL_LIFE_MS, wall: WALL })).toBe(true);
  });

  it('and is looked at each minute until then, as clocks are set', () => {
    expect(new Renewal(drawing(0), WALL + YEAR_MS, BORN).waitMs(BORN)).toBe(WALL_LOOK_MS);
  });
});
