import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { PARK_SPREAD_MS, ROUTE_SETTLED, SEARCH_DIALS, SEARCH_PAUSE_MS } from '../../../src/base/limits.ts';
import { ParkSpread } from '../../../src/bridge/park-spread.ts';
import { type Route, Routes } from '../../../src/tunnel/routes.ts';

const REST = Number.POSITIVE_INFINITY;

/** Routes that answered as `nodes`, each at its own address; and one that has not answered for each blank. */
function scene(nodes: string, fraction = 0): { spread: ParkSpread; routes: Routes } {
  const random = { fraction: () => fraction, bytes: (count: number) => Buffer.alloc(count) };
  const routes = new Routes(
    [...nodes].map((_, port) => ({ host: '127.0.0.1', port })),
    random,
  );
  for (const [index, node] of [...nodes].entries()) {
    if (node !== ' ') routes.answered(routes.all[index] as Route, node, 0);
  }
  return { spread: new ParkSpread(routes, random), routes };
}

function parks(nodes: string): { node: string }[] {
  return [...nodes].map((node) => ({ node }));
}

/** Port of the address to dial; undefined: none. */
function dials({ spread }: ReturnType<typeof scene>, at: string, now = 0): number | undefined {
  const step = spread.next(now, parks(at));
  return step.kind === 'dial' ? step.route.address.port : undefined;
}

describe('parks', () => {
  it.each([
    ['abc', 'aabc', undefined],
    ['abc', 'abc', undefined],
    ['abc', 'aabb', 2],
    ['abc', 'aaab', 2],
    ['ab', 'aaab', 1],
    ['ab', 'aaabb', undefined],
    ['ab', 'aabb', undefined],
    ['ab ', 'aabb', 2],
    ['ab ', 'ab', undefined],
    ['a', '', undefined],
    ['abc', 'aaaabc', undefined],
  ])('over the addresses of %j that stand at %j want the address %s', (known, at, expected) => {
    const found = dials(scene(known), at);
    if (known === 'abc' && at === 'aaaabc') expect([1, 2]).toContain(found);
    else expect(found).toBe(expected);
  });

  it('of two nodes of one host count together', () => {
    const { spread, routes } = scene('  ');
    routes.answered(routes.all[0] as Route, 'h.1', 0);
    routes.answered(routes.all[1] as Route, 'h.2', 0);
    expect(ParkSpread.load([{ node: 'h.1' }, { node: 'h.2' }, { node: 'k' }])).toEqual(
      new Map([
        ['h', 2],
        ['k', 1],
      ]),
    );
    expect(spread.next(0, [{ node: 'h.1' }, { node: 'h.2' }]).kind).toBe('rest');
  });

  it('rest while the address of the missing node backs off', () => {
    const { spread, routes } = scene('abc', 0.5);
    routes.lost(routes.all[2] as Route, 'c', new BeaconError('closed', 'cut', { retry: true }), 0, 0);
    expect(spread.next(0, parks('aabb'))).toEqual({ kind: 'rest', waitMs: 250 });
  });

  it('get to a node that has none while brokers come, and are not levelled before they have come', () => {
    const { spread } = scene('abc');
    expect(spread.next(0, parks('aabb'), false).kind).toBe('dial');
    expect(spread.next(0, parks('aaaabc'), false)).toEqual({ kind: 'rest', waitMs: REST });
    expect(spread.next(0, parks('aaaabc'), true).kind).toBe('dial');
  });

  it(`wait up to ${PARK_SPREAD_MS} ms after something changed`, () => {
    const it = scene('ab ', 0.5);
    it.spread.changed(1_000);
    expect(it.spread.next(1_000, parks('aabb'))).toEqual({ kind: 'rest', waitMs: PARK_SPREAD_MS / 2 });
    expect(dials(it, 'aabb', 1_000 + PARK_SPREAD_MS / 2)).toBe(2);
  });
});

describe('a park that was one more', () => {
  it('takes the place of one where most are', () => {
    const it = scene('ab ');
    dials(it, 'aaab');
    const all = parks('aaabc');
    const fresh = all[4] as { node: string };
    expect(it.spread.landed(fresh, all, 0).node).toBe('a');
  });

  it('goes again where it came out at a node that has enough; after a few of these there is a pause', () => {
    const it = scene('a');
    for (let count = 0; count < SEARCH_DIALS; count += 1) {
      // One address may be that of a load balancer.
      expect(dials(it, 'aa')).toBe(0);
      const all = parks('aaa');
      const fresh = all[2] as { node: string };
      expect(it.spread.landed(fresh, all, 0)).toBe(fresh);
    }
    expect(it.spread.next(0, parks('aa'))).toEqual({ kind: 'rest', waitMs: SEARCH_PAUSE_MS / 2 });
  });

  it('is not asked for where one address has shown to stand for one node', () => {
    const { spread, routes } = scene('a');
    for (let count = 1; count < ROUTE_SETTLED; count += 1) routes.answered(routes.all[0] as Route, 'a', 0);
    expect(spread.next(0, parks('aaaa'))).toEqual({ kind: 'rest', waitMs: REST });
  });
});
