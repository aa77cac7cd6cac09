import { describe, expect, it } from 'vitest';
import { DRAINING_MEMORY_MS, ROUTES_NODES } from '../../../src/base/limits.ts';
import { RouteNodes } from '../../../src/tunnel/route-nodes.ts';

describe('known nodes', () => {
  it('keep their zone, also when a later answer names none', () => {
    const nodes = new RouteNodes();
    nodes.answered('a', 'z1');
    nodes.answered('a', undefined);
    nodes.answered('a', '');
    expect([nodes.zoneOf('a'), nodes.zoneOf('b')]).toEqual(['z1', '']);
    nodes.seen('a', '');
    nodes.seen('b', 'z1');
    nodes.seen('c', 'z2');
    expect(['a', 'b', 'c'].map((node) => nodes.zoneOf(node))).toEqual(['z1', 'z1', 'z2']);
    expect(nodes.inZones(new Set(['z1']))).toEqual(['b', 'a']);
    nodes.seen('d');
    expect(nodes.inZones(new Set([]))).toEqual([]);
  });

  it(`are taken to drain for ${DRAINING_MEMORY_MS} ms after the last word, or until they answer`, () => {
    const nodes = new RouteNodes();
    nodes.drains('a', 0);
    nodes.drains('b', 0);
    nodes.drains('a', 1_000);
    expect(nodes.draining(DRAINING_MEMORY_MS - 1).toSorted()).toEqual(['a', 'b']);
    expect(nodes.draining(DRAINING_MEMORY_MS)).toEqual(['a']);
    expect(nodes.drainsFor('a', DRAINING_MEMORY_MS)).toBe(1_000);
    nodes.answered('a', undefined);
    expect(nodes.draining(DRAINING_MEMORY_MS)).toEqual([]);
  });

  it('count as hosts while they answer, were not lost and do not drain', () => {
    const nodes = new RouteNodes();
    for (const node of ['a.1', 'a.2', 'b', 'c']) nodes.answered(node, undefined);
    nodes.lost('a.1');
    nodes.lost('b');
    nodes.lost('unknown');
    nodes.drains('c', 0);
    expect([...nodes.hosts(0)]).toEqual(['a']);
    nodes.answered('b', undefined);
    expect([...nodes.hosts(DRAINING_MEMORY_MS)].toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('are new once, by the word of another, and no hosts by that', () => {
    const nodes = new RouteNodes();
    expect([nodes.seen('a'), nodes.seen('a')]).toEqual([true, false]);
    expect(nodes.names()).toEqual(['a']);
    expect(nodes.hosts(0).size).toBe(0);
  });

  it(`are at most ${ROUTES_NODES}, those heard of last`, () => {
    const nodes = new RouteNodes();
    nodes.answered('first', undefined);
    for (let count = 1; count < ROUTES_NODES; count += 1) nodes.answered(`n${count}`, undefined);
    nodes.answered('first', undefined);
    nodes.answered('last', undefined);
    expect(nodes.names()).toHaveLength(ROUTES_NODES);
    expect(nodes.names().slice(0, 2)).toEqual(['last', 'first']);
    expect(nodes.names()).not.toContain('n1');
  });
});
