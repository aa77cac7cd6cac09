/** Which address a client dials next: what is to be avoided, load balancers and names. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  DRAINING_MEMORY_MS,
  RECONNECT_FIRST_MS,
  RECONNECT_MAX_MS,
  ROUTE_ADDRESSES,
  ROUTE_AGAIN_MS,
  ROUTE_RECHECK_MS,
  ROUTE_SETTLED,
} from '../../../src/base/limits.ts';
import { type Route, Routes, type Wish } from '../../../src/tunnel/routes.ts';
import { ANY, answer, DOWN, dial, refusal, routesOf, waitOf } from '../../support/routes.ts';
import { seededRandom } from '../../support/seeded-random.ts';

describe('of several addresses', () => {
  it('dials under way and what is had count: least first', () => {
    const routes = routesOf(3);
    const spread = [dial(routes, 0), dial(routes, 0), dial(routes, 0)];
    expect(new Set(spread).size).toBe(3);
    answer(routes, 'a', 'b', 'c');
    const load = new Map([
      ['a', 2],
      ['b', 1],
      ['c', 2],
    ]);
    expect(dial(routes, 0, { need: 'any', load })).toBe(routes.all[1]);
  });

  it('those that were not avoided come first, and the others where nothing else is ready', () => {
    const routes = routesOf(2);
    answer(routes, 'a.1', 'b');
    const [first, second] = routes.all as [Route, Route];
    const wish: Wish = { need: 'any', avoid: ['a.2'] };
    for (let count = 0; count < 3; count += 1) expect(dial(routes, 0, wish)).toBe(second);
    routes.failed(second, DOWN, 0);
    expect(dial(routes, 0, wish)).toBe(first);
  });

  it('other zones are preferred', () => {
    const routes = routesOf(2);
    routes.answered(routes.all[0] as Route, 'a', 0, 'z1');
    routes.answered(routes.all[1] as Route, 'b', 0, 'z2');
    expect(dial(routes, 0, { need: 'any', zones: new Set(['z2']) })).toBe(routes.all[0]);
    expect(dial(routes, 0, { need: 'any', zones: new Set(['z1']), load: new Map([['a', 1]]) })).toBe(
      routes.all[1],
    );
  });

  it('one that drained is dialled when that is forgotten, whatever the others back off', () => {
    const routes = routesOf(2);
    answer(routes, 'a', 'b');
    const [first, second] = routes.all as [Route, Route];
    routes.draining('a', 0);
    for (let now = 0; now < DRAINING_MEMORY_MS; now += 2_000) routes.failed(second, DOWN, now);
    const now = DRAINING_MEMORY_MS - 2_000;
    routes.failed(second, new BeaconError('rateLimit', 'slow', { retry: true, retryAfterMs: 60_000 }), now);
    expect(waitOf(routes, now)).toBe(2_000);
    expect(dial(routes, DRAINING_MEMORY_MS)).toBe(first);
  });

  it.each(['heard of', 'refused'] as const)(
    'a node known to drain (%s) is skipped until that is forgotten',
    (how) => {
      const routes = routesOf(2);
      answer(routes, 'a', 'b');
      const [first, second] = routes.all as [Route, Route];
      if (how === 'heard of') routes.draining('a', 0);
      else routes.failed(first, refusal('draining'), 0);
      for (let now = 0; now < DRAINING_MEMORY_MS; now += 3_000) expect(dial(routes, now)).toBe(second);
      // Even where the other is silent for a moment; but not where there is no other.
      routes.failed(second, DOWN, 20_000);
      expect(waitOf(routes, 20_000)).toBe(RECONNECT_FIRST_MS / 2);
      expect(dial(routes, 20_000, { need: 'any', tried: new Set([second]) })).toBe(first);
      expect(waitOf(routes, 20_000, { need: 'other', tried: new Set([second]) })).toBe(
        DRAINING_MEMORY_MS - 20_000,
      );
      routes.dropped(second);
      const later = [dial(routes, DRAINING_MEMORY_MS), dial(routes, DRAINING_MEMORY_MS)];
      expect(later).toContain(first);
    },
  );
});

describe('a path', () => {
  it('tells the zones of its nodes, and whether its holder is a new one', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    const [a, b] = [
      { node: 'a', zone: 'z1' },
      { node: 'b', zone: 'z2' },
    ];
    expect(routes.paired(route, [a], 0)).toBe(false);
    expect([routes.paired(route, [a, b], 0), routes.paired(route, [a, b], 0)]).toEqual([true, false]);
    expect(['a', 'b'].map((node) => routes.nodes.zoneOf(node))).toEqual(['z1', 'z2']);
    // Only the first one answered.
    expect([...routes.nodes.hosts(0)]).toEqual(['a']);
  });
});

describe('a node that drained a moment ago', () => {
  it('is tried where nothing else is left and one asks for it, by its own backoff, but not the one to get off', () => {
    const routes = routesOf(3);
    answer(routes, 'a', 'b', 'c');
    const [first] = routes.all as [Route];
    for (const node of ['a', 'b']) routes.draining(node, 0);
    const wish: Wish = { need: 'other', avoid: ['b', 'c'], doubtful: false };
    expect(dial(routes, 1, wish)).toBeUndefined();
    expect(dial(routes, 1, { ...wish, returning: true })).toBe(first);
    routes.failed(first, refusal('draining'), 1, ['b', 'c']);
    expect(dial(routes, 2, { ...wish, returning: true })).toBeUndefined();
    expect(dial(routes, 1 + RECONNECT_FIRST_MS, { ...wish, returning: true })).toBe(first);
    routes.answered(first, 'a', 1_000);
    expect(dial(routes, 1_000, wish)).toBe(first);
  });

  it('may be one whose name was never learned: its address says no', () => {
    const routes = routesOf(2);
    const [first, second] = routes.all as [Route, Route];
    routes.answered(second, 'b', 0);
    routes.failed(first, refusal('draining'), 0);
    const wish: Wish = { need: 'other', avoid: ['b'], doubtful: false };
    expect(routes.next(10_000, wish)).toEqual({
      kind: 'wait',
      waitMs: DRAINING_MEMORY_MS - 10_000,
      backsOff: false,
    });
    expect(dial(routes, 10_000, { ...wish, returning: true })).toBe(first);
    routes.answered(first, 'a', 10_000);
    expect(dial(routes, 10_000, wish)).toBe(first);
  });

  it('is not tried while there is another way', () => {
    const routes = routesOf(3);
    answer(routes, 'a', 'b', 'c');
    routes.draining('a', 0);
    const wish: Wish = { need: 'other', avoid: ['c'], returning: true };
    for (let count = 0; count < 5; count += 1) expect(dial(routes, 1, wish)).toBe(routes.all[1]);
  });
});

describe('one load-balanced address', () => {
  it('is dialled again for another node until it has shown to be one', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    const wish: Wish = { need: 'other', avoid: ['a'] };
    routes.answered(route, 'a', 0);
    let now = 0;
    const waits: number[] = [];
    for (let count = 1; count < ROUTE_SETTLED; count += 1) {
      expect(routes.isSettled(route)).toBe(false);
      waits.push(waitOf(routes, now, wish));
      now += waits.at(-1) ?? 0;
      expect(dial(routes, now, wish)).toBe(route);
      routes.failed(route, refusal('avoided'), now, ['a']);
      // Whoever wants any relay does not wait for that.
      expect(waitOf(routes, now)).toBeLessThanOrEqual(RECONNECT_FIRST_MS);
      now += RECONNECT_FIRST_MS / 2;
    }
    expect(routes.isSettled(route)).toBe(true);
    now -= RECONNECT_FIRST_MS / 2;
    // Drawn from half of the ceiling up to it, here in the middle.
    const rests = waits.slice(1).map((wait) => wait + RECONNECT_FIRST_MS / 2);
    const expected = [1, 2, 4, 8, 16, 32, 64].map((times) => 0.75 * times * ROUTE_AGAIN_MS);
    expect([waits[0], ...rests]).toEqual([0, ...expected, ...Array(3).fill(0.75 * ROUTE_RECHECK_MS)]);
    expect(waitOf(routes, now + 1_000, wish)).toBe(ROUTE_RECHECK_MS - 1_000);
    expect(dial(routes, now + ROUTE_RECHECK_MS, wish)).toBe(route);
    routes.answered(route, 'b', now);
    expect(routes.isSettled(route)).toBe(false);
    expect(dial(routes, now + 1_000, wish)).toBe(route);
  });

  it('is dialled again at once while something says that there is another node', () => {
    const wish: Wish = { need: 'other', avoid: ['a'] };
    const named = routesOf(1);
    const unnamed = routesOf(1);
    for (const routes of [named, unnamed]) routes.answered(routes.all[0] as Route, 'a', 0);
    named.nodes.seen('b');
    unnamed.failed(unnamed.all[0] as Route, refusal('noBridge'), 0, ['a']);
    for (const routes of [named, unnamed]) {
      for (let now = 1_000; now < 10_000; now += 1_000) {
        expect(dial(routes, now, wish)).toBe(routes.all[0]);
        routes.failed(routes.all[0] as Route, refusal('avoided'), now, ['a']);
      }
    }
  });

  it('is tried although the node that answered last drains', () => {
    const routes = routesOf(1);
    const [route] = routes.all as [Route];
    routes.answered(route, 'a', 0);
    routes.draining('a', 0);
    expect(dial(routes, 0)).toBe(route);
  });
});

describe('a name', () => {
  const address = { host: 'relay.test', port: 1 };

  it('is as many routes as it has addresses, which keep what is known of them', () => {
    const routes = routesOf(2);
    const other = routes.all[1] as Route;
    routes.resolved(address, ['10.0.0.1', '10.0.0.2']);
    const [first, second] = routes.all as [Route, Route];
    expect(routes.all.map(({ ip }) => ip)).toEqual(['10.0.0.1', '10.0.0.2', undefined]);
    routes.failed(first, DOWN, 0);
    routes.resolved(address, ['10.0.0.3', '10.0.0.1']);
    expect(routes.all.map(({ ip }) => ip)).toEqual(['10.0.0.3', '10.0.0.1', undefined]);
    expect(routes.all).toContain(first);
    expect(routes.all).not.toContain(second);
    expect(routes.all.at(-1)).toBe(other);
    expect([0, 1, 2, 3].map(() => dial(routes, 0))).not.toContain(first);
    // A route that is no more: nobody minds.
    routes.failed(second, DOWN, 0);
    routes.answered(second, 'a', 0);
  });

  it('keeps its routes where the look-up fails, and has a bounded number of them', () => {
    const routes = routesOf(1);
    routes.resolved(
      address,
      Array.from({ length: 50 }, (_, index) => `10.0.0.${index}`),
    );
    expect(routes.all).toHaveLength(ROUTE_ADDRESSES);
    routes.resolved(address, []);
    routes.resolved({ host: 'unknown.test', port: 1 }, ['10.0.0.9']);
    expect(routes.all).toHaveLength(ROUTE_ADDRESSES);
  });

  it('that was reached at another of its addresses was silent at the first', () => {
    const routes = routesOf(1);
    routes.resolved(address, ['10.0.0.1', '10.0.0.2']);
    const [first, second] = routes.all as [Route, Route];
    expect(routes.landed(first, '10.0.0.1', 0)).toBe(first);
    expect(routes.landed(first, '10.0.0.9', 0)).toBe(first);
    expect(routes.landed(first, '10.0.0.2', 0)).toBe(second);
    routes.answered(second, 'b', 0);
    expect([0, 1, 2].map(() => dial(routes, 0))).toEqual([second, second, second]);
  });
});

describe('any routes', () => {
  it('give out none that backs off, was tried, or is of no use, and never wait in vain', () => {
    const code = fc.constantFrom('unreachable', 'avoided', 'noBridge', 'draining');
    const event = fc.record({
      route: fc.nat(4),
      node: fc.constantFrom('a', 'b', 'c', 'a.2'),
      what: fc.constantFrom('answered', 'failed', 'lost', 'draining'),
      code,
      afterMs: fc.nat(10_000),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(event, { maxLength: 40 }),
        fc.nat(),
        (count, events, seed) => {
          const addresses = Array.from({ length: count }, (_, port) => ({ host: '10.0.0.1', port }));
          const routes = new Routes(addresses, seededRandom(seed));
          let now = 0;
          for (const { route: index, node, what, code, afterMs } of events) {
            const route = routes.all[index % count] as Route;
            const error = new BeaconError(code, code, { retry: true });
            now += afterMs;
            if (what === 'answered') routes.answered(route, node, now);
            else if (what === 'failed') routes.failed(route, error, now, ['a']);
            else if (what === 'lost') routes.lost(route, node, error, afterMs, now);
            else routes.draining(node, now);
            const any = routes.next(now, ANY);
            if (any.kind === 'wait') {
              expect(any.waitMs).toBeLessThanOrEqual(RECONNECT_MAX_MS);
              expect(routes.next(now + any.waitMs, ANY).kind).toBe('dial');
            }
            const wish: Wish = { need: 'other', avoid: ['a'], tried: new Set([route]) };
            const other = routes.next(now, wish);
            if (other.kind === 'dial') expect(other.route).not.toBe(route);
            else expect(other.waitMs).toBeGreaterThan(0);
          }
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });
});
