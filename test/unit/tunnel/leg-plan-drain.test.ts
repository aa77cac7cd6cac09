/** The plan of a tunnel's legs while nodes drain, against modelled relays. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DRAIN_TIMEOUT_DEFAULT_MS, LEAVE_AGAIN_MS, LET_GO_MS } from '../../../src/base/limits.ts';
import { cluster, type ModelTunnel, type RelayModel } from '../../support/leg-model.ts';

const SEED = 20_261_121;
const HOUR = 3_600_000;

/** `nodes` drain, and the bridge says so and says it again; returns how many legs there were at the least. */
function drain(model: RelayModel, tunnel: ModelTunnel, nodes: readonly string[], forMs: number): number {
  let least = tunnel.legs.length;
  for (const node of nodes) model.draining.add(node);
  const end = tunnel.now + forMs;
  for (; tunnel.now < end; ) {
    for (const node of nodes) tunnel.leave(node);
    tunnel.run(Math.min(end, tunnel.now + LEAVE_AGAIN_MS), () => {
      least = Math.min(least, tunnel.legs.length);
      return false;
    });
  }
  return least;
}

function crossed(tunnel: ModelTunnel): string[] {
  return tunnel.legs.flatMap(({ path }) => path);
}

const cases = fc
  .record({
    size: fc.integer({ min: 1, max: 5 }),
    entries: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1 }),
    holders: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1 }),
    leaving: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 2 }),
    balanced: fc.boolean(),
    prefersLocal: fc.boolean(),
    settledMs: fc.constantFrom(0, 1_000, 60_000, 20 * 60_000),
    seed: fc.nat(),
  })
  .map(({ size, entries, holders, leaving, ...rest }) => {
    const names = ['a', 'b', 'c', 'd', 'e'].slice(0, size);
    const within = (indices: number[]): number[] => [...new Set(indices.map((index) => index % size))];
    return { names, entries: within(entries), holders: within(holders), leaving: within(leaving), ...rest };
  });

describe('a tunnel that is told to get off nodes', () => {
  it('is off them before they cut it, wherever there is another way, and is never without a leg', () => {
    fc.assert(
      fc.property(cases, ({ seed, settledMs, leaving, ...options }) => {
        const { model, tunnel } = cluster(options, seed);
        tunnel.run(settledMs, () => settledMs === 0 && tunnel.legs.length > 0);
        const stays = (index: number): boolean => !leaving.includes(index);
        const isPossible = options.entries.some(stays) && options.holders.some(stays);
        const nodes = leaving.map((index) => options.names[index] as string);
        const least = drain(model, tunnel, nodes, DRAIN_TIMEOUT_DEFAULT_MS / 2);
        expect(least).toBeGreaterThan(0);
        const on = crossed(tunnel).filter((node) => nodes.includes(node));
        if (isPossible) expect(on).toEqual([]);
      }),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  it('keeps what it has where every node drains', () => {
    const { model, tunnel } = cluster();
    tunnel.run(60_000);
    const before = tunnel.legs.map(({ id }) => id);
    drain(model, tunnel, ['a', 'b', 'c'], DRAIN_TIMEOUT_DEFAULT_MS);
    expect(tunnel.legs.map(({ id }) => id)).toEqual(before);
    expect(tunnel.dials.filter(({ at }) => at > 60_000).length).toBeLessThan(20);
  });

  it('lets a leg go at once where there is no third node, and is whole again when that one is back', () => {
    const { model, tunnel } = cluster({ names: ['a', 'b'] });
    tunnel.run(60_000);
    expect(tunnel.legs).toHaveLength(2);
    drain(model, tunnel, ['a'], 1_000);
    expect(crossed(tunnel)).toEqual(['b']);
    model.draining.clear();
    tunnel.run(tunnel.now + 60_000);
    expect(new Set(crossed(tunnel))).toEqual(new Set(['a', 'b']));
  });

  it('lets a leg go at once where the third node drains as well', () => {
    const { model, tunnel } = cluster();
    tunnel.run(60_000);
    const [one = '', other = ''] = crossed(tunnel);
    const third = ['a', 'b', 'c'].find((name) => name !== one && name !== other) ?? '';
    drain(model, tunnel, [one, third], 3_000);
    expect(crossed(tunnel)).toEqual([other]);
  });

  it.each(['LEAVE', 'a refusal'])(
    'gets off at once however long the pause of its search, told by %s',
    (how) => {
      const { model, tunnel } = cluster({ names: ['a', 'b'] });
      model.left.add('a');
      tunnel.run(HOUR);
      expect(tunnel.plan.redundancy(tunnel.legs)).toMatchObject({ why: 'noOtherHolder' });
      const before = tunnel.dials.length;
      tunnel.run(HOUR + 30_000);
      expect(tunnel.dials.length - before).toBeLessThan(2);
      // The bridge has parked at a by now.
      model.left.clear();
      model.draining.add('b');
      if (how === 'LEAVE') tunnel.leave('b');
      else tunnel.routes.draining('b', tunnel.now);
      tunnel.run(tunnel.now + 1_000);
      expect(crossed(tunnel)).toEqual(['a']);
    },
  );

  it('waits a while for a third node that does not answer', () => {
    const { model, tunnel } = cluster();
    tunnel.run(60_000);
    const [one = '', other = ''] = crossed(tunnel);
    const third = ['a', 'b', 'c'].find((name) => name !== one && name !== other) ?? '';
    model.down.add(third);
    drain(model, tunnel, [one], LET_GO_MS - 1_000);
    expect(crossed(tunnel)).toContain(one);
    drain(model, tunnel, [one], 5_000);
    expect(crossed(tunnel)).toEqual([other]);
  });

  it('rather crosses the nodes of a leg that leaves than go down with it', () => {
    // The bridge is at b and c, and the broker reaches a only: whichever way it goes, it crosses a.
    const { model, tunnel } = cluster({ entries: [0], holders: [1, 2] });
    tunnel.run(10_000);
    const [, holder = ''] = tunnel.legs[0]?.path ?? [];
    drain(model, tunnel, [holder], 5_000);
    expect(tunnel.legs.map(({ path }) => path)).toEqual([['a', holder === 'b' ? 'c' : 'b']]);
  });
});

describe('a rolling restart', () => {
  it('may be as fast as it likes: a node that is back is of use, though it drained a moment ago', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const { model, tunnel } = cluster({ prefersLocal: seed % 2 === 0 }, seed);
      tunnel.run(60_000);
      for (const name of ['a', 'b', 'c', 'a', 'b', 'c']) {
        expect(drain(model, tunnel, [name], 3_000)).toBeGreaterThan(0);
        expect(crossed(tunnel)).not.toContain(name);
        expect(tunnel.plan.redundancy(tunnel.legs).kind).toBe('disjoint');
        model.draining.clear();
      }
    }
  });

  it('leaves no node with more than 45 % of the legs an hour later', () => {
    const names = ['a', 'b', 'c'];
    for (const prefersLocal of [true, false]) {
      const used = new Map(names.map((name) => [name, 0]));
      for (let client = 1; client <= 300; client += 1) {
        const { model, tunnel } = cluster({ names, prefersLocal }, client);
        // Not all began together: the time to the next exchange of a leg is anywhere in its range.
        tunnel.run(HOUR + (client % 60) * 60_000);
        for (const name of names) {
          drain(model, tunnel, [name], 10_000);
          expect(crossed(tunnel)).not.toContain(name);
          model.draining.clear();
          tunnel.run(tunnel.now + 10_000);
        }
        tunnel.run(tunnel.now + HOUR);
        for (const name of crossed(tunnel)) used.set(name, (used.get(name) ?? 0) + 1);
      }
      const legs = [...used.values()].reduce((sum, count) => sum + count, 0);
      expect(Math.max(...used.values()) / legs).toBeLessThanOrEqual(0.45);
    }
  });
});
