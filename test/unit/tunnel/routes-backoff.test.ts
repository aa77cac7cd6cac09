/** How long an address is left alone after it failed a client. */
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { RECONNECT_FIRST_MS, RECONNECT_HEALTHY_MS, RECONNECT_MAX_MS } from '../../../src/base/limits.ts';
import type { Route } from '../../../src/tunnel/routes.ts';
import { CUT, DOWN, dial, refusal, routesOf, waitOf } from '../../support/routes.ts';

describe('the backoff of an address', () => {
  it('keeps nobody waiting but itself', () => {
    const routes = routesOf(2);
    const [first, second] = routes.all as [Route, Route];
    routes.failed(first, DOWN, 0);
    for (let count = 0; count < 5; count += 1) expect(dial(routes, 0)).toBe(second);
    expect(dial(routes, RECONNECT_FIRST_MS / 2)).toBe(first);
  });

  it('doubles with each failure up to its maximum, and starts anew after health', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    let now = 0;
    let ceiling = RECONNECT_FIRST_MS;
    for (let count = 0; count < 10; count += 1) {
      expect(dial(routes, now)).toBe(route);
      routes.failed(route, DOWN, now);
      expect(waitOf(routes, now)).toBe(ceiling / 2);
      now += ceiling / 2;
      ceiling = Math.min(2 * ceiling, RECONNECT_MAX_MS);
    }
    routes.lost(route, 'a', CUT, RECONNECT_HEALTHY_MS - 1, now);
    expect(waitOf(routes, now)).toBe(RECONNECT_MAX_MS / 2);
    now += RECONNECT_MAX_MS / 2;
    routes.lost(route, 'a', CUT, RECONNECT_HEALTHY_MS, now);
    expect(waitOf(routes, now)).toBe(RECONNECT_FIRST_MS / 2);
  });

  it('counts the loss of all connections to a dead relay as one failure', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    for (let count = 0; count < 4; count += 1) routes.lost(route, 'a', CUT, 0, 0);
    expect(waitOf(routes, 0)).toBe(RECONNECT_FIRST_MS / 2);
    routes.lost(route, 'a', CUT, 0, RECONNECT_FIRST_MS);
    expect(waitOf(routes, RECONNECT_FIRST_MS)).toBe(RECONNECT_FIRST_MS);
  });

  it('starts anew after health of the address, however young the connection was that ended', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    for (const now of [0, 10_000, 20_000]) routes.failed(route, DOWN, now);
    routes.answered(route, 'a', 30_000);
    routes.answered(route, 'a', 30_000 + RECONNECT_HEALTHY_MS - 1);
    routes.lost(route, 'a', CUT, 1, 30_000 + RECONNECT_HEALTHY_MS);
    expect(waitOf(routes, 30_000 + RECONNECT_HEALTHY_MS)).toBe(RECONNECT_FIRST_MS / 2);
    // One that takes everybody and keeps nobody is not healthy.
    for (const now of [60_000, 63_000, 66_000]) {
      routes.answered(route, 'a', now);
      routes.lost(route, 'a', CUT, 1_000, now + 1_000);
    }
    expect(waitOf(routes, 67_000)).toBe(4 * RECONNECT_FIRST_MS);
  });

  it('comes on top of a time that the relay named, and is slow where a person must act', () => {
    const routes = routesOf(2);
    const [first, second] = routes.all as [Route, Route];
    routes.failed(first, new BeaconError('rateLimit', 'slow', { retry: true, retryAfterMs: 7_000 }), 0);
    routes.failed(second, new BeaconError('notAllowed', 'no'), 0);
    expect(waitOf(routes, 0)).toBe(7_000 + RECONNECT_FIRST_MS / 2);
    expect(dial(routes, RECONNECT_MAX_MS / 2)).toBe(first);
    expect(waitOf(routes, RECONNECT_MAX_MS / 2, { need: 'any', tried: new Set([first]) })).toBe(
      RECONNECT_FIRST_MS / 4,
    );
  });

  it('begins anew at all addresses with the loss of the last connection, but not more often than health would', () => {
    const routes = routesOf(2);
    const fail = (at: number): void => {
      for (const route of routes.all) routes.failed(route, DOWN, at);
    };
    let now = 0;
    for (let count = 0; count < 8; count += 1) {
      fail(now);
      now += waitOf(routes, now);
    }
    fail(now);
    expect(waitOf(routes, now)).toBe(RECONNECT_MAX_MS / 2);
    routes.beginAnew(now);
    expect(waitOf(routes, now)).toBe(RECONNECT_FIRST_MS / 2);
    const soon = now + RECONNECT_FIRST_MS / 2;
    fail(soon);
    const longer = waitOf(routes, soon);
    expect(longer).toBe(RECONNECT_FIRST_MS);
    routes.beginAnew(now + RECONNECT_HEALTHY_MS - 1);
    expect(waitOf(routes, soon)).toBe(longer);
  });

  it('that a relay named, or that waits for a person, is not cut short', () => {
    const routes = routesOf(2);
    const [first, second] = routes.all as [Route, Route];
    const busy = new BeaconError('rateLimit', 'busy', { retry: true, retryAfterMs: 7_000 });
    routes.failed(first, busy, 0);
    routes.failed(second, new BeaconError('notAllowed', 'no'), 0);
    const waitMs = waitOf(routes, 0);
    expect(waitMs).toBeGreaterThanOrEqual(7_000);
    routes.beginAnew(0);
    expect(waitOf(routes, 0)).toBe(waitMs);
  });

  it('is not that of a relay which cannot give what HELLO asked for', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    for (let count = 0; count < 10; count += 1) {
      routes.failed(route, refusal('noBridge'), 1_000 * count, ['x']);
      expect(waitOf(routes, 1_000 * count)).toBe(RECONNECT_FIRST_MS / 2);
    }
  });
});
