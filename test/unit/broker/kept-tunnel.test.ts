/** The legs of a tunnel: two that share no node, whatever dies. */
import { describe, expect, it } from 'vitest';
import { REBALANCE_MAX_MS, REPAIR_SPREAD_MS, SESSION_DANGLING_MS } from '../../../src/base/limits.ts';
import { BRIDGE, legScene } from '../../support/leg-scene.ts';
import { quiet } from '../../support/puppet-relay.ts';

describe('a tunnel', () => {
  it('gets a second leg that shares no node with the first, and says so once', async () => {
    const scene = await legScene({ paths: { a: ['a', 'b'], b: ['b'], c: ['c'] } });
    expect(scene.paths()).toBe('a+b c');
    expect(scene.kept.redundancy).toEqual({ kind: 'disjoint', sharesZone: false });
    expect(scene.wishes.at(-1)).toMatchObject({ wanted: BRIDGE, avoid: ['a', 'b'] });
    const told = scene.lines.filter(({ level }) => level === 'info');
    expect(told).toMatchObject([{ message: expect.stringContaining('share no node') }]);
    expect(told[0]?.fields).toEqual({ path: 'a, b; c' });
  });

  it('whose legs share a zone replaces one of them where it can, and says both', async () => {
    const zones = { a: 'z1', b: 'z1', c: 'z2' };
    // The second leg comes out at b: c does not answer yet.
    const scene = await legScene({ zones, down: ['c'] });
    expect(scene.paths()).toBe('a b');
    expect(scene.kept.redundancy).toEqual({ kind: 'disjoint', sharesZone: true });
    scene.down.clear();
    await scene.clock.advanceAsync(60_000);
    await quiet();
    expect(scene.paths()).toMatch(/^[ab] c$/);
    expect(scene.kept.redundancy).toEqual({ kind: 'disjoint', sharesZone: false });
    expect(scene.wishes.at(-1)?.avoid?.toSorted()).toEqual(['a', 'b']);
    const told = scene.lines.filter(({ message }) => message.includes('share no node'));
    expect(told.map(({ fields }) => fields?.['zone'])).toEqual(['z1; z1', 'z1; z2']);
  });

  it('names a zone that is not known as that', async () => {
    const scene = await legScene({ nodes: ['a', 'b'], zones: { b: 'z1' } });
    expect(scene.lines.at(-1)?.fields).toEqual({ path: 'a; b', zone: 'unknown; z1' });
    expect(scene.kept.redundancy).toEqual({ kind: 'disjoint', sharesZone: false });
  });

  it('that has one node only says so and why', async () => {
    const scene = await legScene({ nodes: ['a'] });
    await scene.clock.advanceAsync(60_000);
    await quiet();
    expect(scene.paths()).toBe('a');
    expect(scene.kept.redundancy).toEqual({ kind: 'single', why: 'oneNode' });
    expect(scene.lines.findLast(({ level }) => level === 'info')?.fields).toMatchObject({
      reason: 'oneNode',
    });
  });

  it.each(['a', 'b', 'c'])('goes on when node %s dies, and has two legs again soon', async (node) => {
    const scene = await legScene({ paths: { a: ['a', 'b'] } });
    await scene.kill(node);
    expect(scene.kept.serving).toBe(true);
    expect(scene.kept.tunnel.legs).toHaveLength(1);
    await scene.clock.advanceAsync(REPAIR_SPREAD_MS + 1_000);
    await quiet();
    // Where no two share nothing, two that share a node are better than one.
    const expected = { a: 'b c', b: 'c', c: 'a+b b' }[node];
    expect(scene.paths()).toBe(expected);
    scene.down.delete(node);
    await scene.clock.advanceAsync(2 * 60_000);
    await quiet();
    expect(scene.kept.redundancy.kind).toBe('disjoint');
    expect(scene.kept.tunnel.legs).toHaveLength(2);
  });

  it.each(['a', 'c'])('spreads the repair when the node of either leg dies: %s', async (node) => {
    const scene = await legScene({ paths: { a: ['a', 'b'] } });
    const before = scene.wishes.length;
    await scene.kill(node);
    await scene.clock.advanceAsync(REPAIR_SPREAD_MS / 2 - 1);
    await quiet();
    expect(scene.wishes).toHaveLength(before);
    await scene.clock.advanceAsync(1);
    await quiet();
    expect(scene.wishes.length).toBeGreaterThan(before);
  });

  it('serves nobody before the bridge has finished its handshake: the loss of the first leg would end their streams', async () => {
    const { servedAtOnce, kept, changes } = await legScene({ nodes: ['a'] });
    expect([servedAtOnce, kept.serving, changes()]).toEqual([false, true, 1]);
  });

  it('without any leg serves nobody, and resumes with the first new one', async () => {
    const scene = await legScene({ nodes: ['a', 'b'] });
    expect(scene.paths()).toBe('a b');
    await scene.kill('a');
    await scene.kill('b');
    expect([scene.kept.serving, scene.kept.tunnel.usable, scene.changes()]).toEqual([false, true, 3]);
    scene.down.clear();
    await scene.clock.advanceAsync(31_000);
    await quiet();
    expect(scene.kept.serving).toBe(true);
    expect(scene.changes()).toBeGreaterThan(2);
  });

  it('is gone after 60 s without any leg', async () => {
    const scene = await legScene({ nodes: ['a', 'b'] });
    await scene.kill('a');
    await scene.kill('b');
    await scene.clock.advanceAsync(SESSION_DANGLING_MS - 1);
    await quiet();
    expect(scene.kept.tunnel.usable).toBe(true);
    await scene.clock.advanceAsync(1);
    await scene.kept.tunnel.closed;
    expect(scene.kept.tunnel.usable).toBe(false);
  });

  it('gets off a node when the bridge says so, with the replacement first', async () => {
    const scene = await legScene({ nodes: ['a', 'b', 'c', 'd'] });
    const [leaving] = scene.kept.tunnel.legs[1]?.path ?? [];
    for (const stream of scene.sessions.all) stream.leave(leaving ?? '');
    await quiet();
    await scene.clock.advanceAsync(10_000);
    await quiet();
    expect(scene.kept.tunnel.legs).toHaveLength(2);
    expect(scene.paths()).not.toContain(leaving);
    expect(scene.kept.redundancy.kind).toBe('disjoint');
  });

  it('changes one of its legs within the hour', async () => {
    const scene = await legScene({ nodes: ['a', 'b', 'c', 'd'] });
    const before = scene.legs.length;
    await scene.clock.advanceAsync(REBALANCE_MAX_MS);
    await quiet();
    expect(scene.legs.length).toBeGreaterThan(before);
    expect(scene.kept.redundancy.kind).toBe('disjoint');
    expect(scene.kept.tunnel.legs).toHaveLength(2);
  });
});
