import { describe, expect, it } from 'vitest';
import {
  anchorOf,
  bestPair,
  isDraining,
  type LegPair,
  type LegView,
  sharesZone,
  zonesOf,
} from '../../../src/tunnel/leg-pairs.ts';
import { RouteNodes } from '../../../src/tunnel/route-nodes.ts';
import type { Route } from '../../../src/tunnel/routes.ts';

const ROUTE: Route = { address: { host: '127.0.0.1', port: 1 }, ip: undefined };

/** Legs over these paths (`a-b`), numbered from 1; the first is active. */
function legs(...paths: string[]): LegView[] {
  return paths.map((path, index) => ({
    id: index + 1,
    path: path.split('-'),
    route: ROUTE,
    state: index === 0 ? 'active' : 'warm',
    bornAt: index,
  }));
}

function pairOf(all: readonly LegView[], nodes = new RouteNodes(), replacing?: number): number[] | undefined {
  return bestPair(all, { nodes, replacing, now: 0 })?.map(({ id }) => id);
}

describe('the best pair of legs', () => {
  it.each([
    [
      ['a', 'b'],
      [1, 2],
    ],
    [
      ['a-b', 'b-c', 'c'],
      [1, 3],
    ],
    [['a-b', 'b'], undefined],
    [['a.1', 'a.2'], undefined],
    [['a'], undefined],
    [[], undefined],
    // With the active one, where it is as good.
    [
      ['a', 'b', 'c'],
      [1, 2],
    ],
  ])('of %j is %j', (paths, expected) => {
    expect(pairOf(legs(...paths))).toEqual(expected);
  });

  it('crosses no node that drains, where it can', () => {
    const nodes = new RouteNodes();
    nodes.drains('a', 0);
    expect(pairOf(legs('a', 'b', 'c'), nodes)).toEqual([2, 3]);
    expect(pairOf(legs('a', 'b', 'b-c'), nodes)).toEqual([1, 2]);
    expect(legs('b-a', 'b').map((leg) => isDraining(leg, { nodes, now: 0 }))).toEqual([true, false]);
  });

  it('stands in two zones, where it can, and then goes without the leg that is to be replaced', () => {
    const nodes = new RouteNodes();
    nodes.answered('a', 'z1');
    nodes.answered('b', 'z1');
    nodes.answered('c', 'z2');
    expect(pairOf(legs('a', 'b', 'c'), nodes)).toEqual([1, 3]);
    expect(pairOf(legs('a', 'b', 'c'), nodes, 1)).toEqual([2, 3]);
    expect(pairOf(legs('a', 'b', 'c'), nodes, 3)).toEqual([1, 3]);
    expect(pairOf(legs('a', 'b', 'a.2'), nodes, 1)).toEqual([2, 3]);
    nodes.drains('c', 0);
    expect(pairOf(legs('a', 'b', 'c'), nodes)).toEqual([1, 2]);
  });

  it('is one also in one zone, and none over one host in two zones', () => {
    const nodes = new RouteNodes();
    for (const node of ['a', 'b', 'h.1']) nodes.answered(node, 'z1');
    nodes.answered('h.2', 'z2');
    expect(pairOf(legs('a', 'b'), nodes)).toEqual([1, 2]);
    expect(pairOf(legs('h.1', 'h.2'), nodes)).toBeUndefined();
  });

  it('shares a zone where a node of each is known to stand in it', () => {
    const nodes = new RouteNodes();
    nodes.answered('a', 'z1');
    nodes.answered('b', 'z1');
    nodes.answered('c', 'z2');
    const shares = (...paths: [string, string]): boolean =>
      sharesZone(legs(...paths) as unknown as LegPair, nodes);
    expect([shares('a', 'b'), shares('c-a', 'b'), shares('a', 'c')]).toEqual([true, true, false]);
    expect([shares('a', 'd'), shares('d', 'e'), shares('d-a', 'e-c')]).toEqual([false, false, false]);
    expect([...zonesOf({ path: ['a', 'c', 'unknown'] } as unknown as LegView, nodes)]).toEqual(['z1', 'z2']);
  });
});

describe('the leg to build on', () => {
  it.each([
    [['a-b', 'b'], 2],
    [['a', 'a'], 1],
    [['a-b', 'b-a'], 1],
    [['a-b', 'a.1-a.2'], 2],
  ])('of %j is the shortest, then the active one: %i', (paths, expected) => {
    expect(anchorOf(legs(...paths), { nodes: new RouteNodes(), replacing: undefined, now: 0 })?.id).toBe(
      expected,
    );
  });

  it('does not drain, where there is a choice', () => {
    const nodes = new RouteNodes();
    nodes.drains('a', 0);
    expect(anchorOf(legs('a', 'b-c'), { nodes, replacing: undefined, now: 0 })?.id).toBe(2);
    expect(anchorOf([], { nodes, replacing: undefined, now: 0 })).toBeUndefined();
  });
});
