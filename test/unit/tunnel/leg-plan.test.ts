/** The plan of a tunnel's legs, against modelled relays: every cluster of one to five nodes that a seed brings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AVOID_NODES,
  REBALANCE_MAX_MS,
  REBALANCE_MIN_MS,
  SEARCH_PAUSE_MS,
  ZONE_DIALS,
} from '../../../src/base/limits.ts';
import type { LegView } from '../../../src/tunnel/leg-pairs.ts';
import { LegPlan } from '../../../src/tunnel/leg-plan.ts';
import {
  cluster,
  isDisjoint,
  ModelTunnel,
  RelayModel,
  type RelayModelOptions,
} from '../../support/leg-model.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const SEED = 20_261_120;
const HOUR = 3_600_000;

/** Told apart by letters, not by the code under test. */
function naiveHosts(leg: { readonly path: readonly string[] }): string[] {
  return leg.path.map((name) => name.split('.')[0] as string);
}

function naiveDisjoint(
  one: { readonly path: readonly string[] },
  other: { readonly path: readonly string[] },
) {
  return !naiveHosts(one).some((host) => naiveHosts(other).includes(host));
}

/** Whether there are two paths at all that share no host. */
function isPossible({ names, entries, holders }: RelayModelOptions): boolean {
  const paths = entries.flatMap((entry) =>
    holders.map((holder) => ({ path: [names[entry] as string, names[holder] as string] })),
  );
  return paths.some((one) => paths.some((other) => naiveDisjoint(one, other)));
}

const clusters = fc
  .record({
    size: fc.integer({ min: 1, max: 5 }),
    twins: fc.boolean(),
    entries: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1 }),
    holders: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1 }),
    balanced: fc.boolean(),
    prefersLocal: fc.boolean(),
    seed: fc.nat(),
  })
  .map(({ size, twins, entries, holders, seed, ...rest }) => {
    const names = ['a', 'b', twins ? 'a.2' : 'c', 'd', twins ? 'd.2' : 'e'].slice(0, size);
    const within = (indices: number[]): number[] => [...new Set(indices.map((index) => index % size))];
    return { names, entries: within(entries), holders: within(holders), seed, ...rest };
  });

describe('the legs of a tunnel', () => {
  it('share no host within a bounded number of dials, wherever that is possible', () => {
    fc.assert(
      fc.property(clusters, ({ seed, ...options }) => {
        const random = seededRandom(seed);
        const model = new RelayModel({ ...options, random });
        const tunnel = new ModelTunnel(model, random);
        tunnel.run(HOUR, () => isDisjoint(tunnel));
        expect(isDisjoint(tunnel)).toBe(isPossible({ ...options, random }));
        if (isDisjoint(tunnel)) expect(tunnel.dials.length).toBeLessThanOrEqual(options.balanced ? 120 : 40);
        for (const { avoid } of tunnel.dials) expect(avoid.length).toBeLessThanOrEqual(AVOID_NODES);
      }),
      { seed: SEED, numRuns: 1_500 },
    );
  });

  it('are never called disjoint while any two of them share a host', () => {
    const leg = fc.record({
      path: fc.array(fc.constantFrom('a', 'b', 'c', 'a.2', 'b.1', 'c.x', '.a'), {
        minLength: 1,
        maxLength: 2,
      }),
      state: fc.constantFrom('active', 'warm', 'suspected'),
    });
    const { tunnel } = cluster();
    const [route] = tunnel.routes.all;
    if (!route) throw new Error('no route');
    fc.assert(
      fc.property(fc.array(leg, { maxLength: 4 }), (drawn) => {
        const legs = drawn.map(({ path, state }, id) => ({ id, path, route, state, bornAt: 0 }) as LegView);
        const sound = legs.filter(({ state }) => state !== 'suspected');
        const expected = sound.some((one) => sound.some((other) => naiveDisjoint(one, other)));
        expect(tunnel.plan.redundancy(legs).kind === 'disjoint').toBe(expected);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  it('are two, whatever has been tried', () => {
    const { tunnel } = cluster({ prefersLocal: false }, 5);
    tunnel.run(HOUR / 4);
    expect(tunnel.legs).toHaveLength(2);
    expect(isDisjoint(tunnel)).toBe(true);
  });

  it('are freed of a leg over both of two nodes', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { tunnel } = cluster({ names: ['a', 'b'], prefersLocal: false }, seed);
      tunnel.run(HOUR, () => isDisjoint(tunnel));
      // What is too much goes.
      tunnel.run(tunnel.now);
      expect(tunnel.legs.map(({ path }) => path.join()).filter((path) => path.includes(','))).toEqual([]);
    }
  });
});

describe('the zones of two legs', () => {
  /** Zones of the nodes `a`, `b` ... in order; `-`: none is named. */
  function zoned(zones: string, options: Partial<RelayModelOptions> = {}, seed = 1) {
    const names = [...zones].map((_, index) => String.fromCharCode(97 + index));
    const named = names.flatMap((name, index) => (zones[index] === '-' ? [] : [[name, zones[index]]]));
    return cluster({ ...options, names, zones: Object.fromEntries(named) }, seed);
  }

  function placed(tunnel: ModelTunnel): string {
    const redundancy = tunnel.plan.redundancy(tunnel.legs);
    if (redundancy.kind !== 'disjoint') return redundancy.kind;
    return redundancy.sharesZone ? 'one zone' : 'apart';
  }

  const zoneDials = (tunnel: ModelTunnel): number =>
    tunnel.dials.filter(({ purpose }) => purpose === 'zone').length;

  it.each(['xxy', 'xyx', 'yxx', 'xyz', 'xxxxy'])('%s: differ soon, and stay so', (zones) => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const { tunnel } = zoned(zones, {}, seed);
      tunnel.run(60_000);
      expect(placed(tunnel)).toBe('apart');
      tunnel.run(5 * HOUR, () => placed(tunnel) !== 'apart');
      expect(placed(tunnel)).toBe('apart');
      expect(tunnel.legs).toHaveLength(2);
    }
  });

  it('differ behind one address, nearly always at once', () => {
    let apart = 0;
    for (let seed = 1; seed <= 100; seed += 1) {
      const { tunnel } = zoned('xxy', { balanced: true }, seed);
      tunnel.run(10 * 60_000);
      expect(isDisjoint(tunnel)).toBe(true);
      if (placed(tunnel) === 'apart') apart += 1;
      expect(zoneDials(tunnel)).toBeLessThanOrEqual(ZONE_DIALS);
    }
    // Where each dial comes out in the same zone two times out of three, a second leg and half a search all do so once in 17.
    expect(apart).toBeGreaterThan(85);
  });

  it('never keep a tunnel from two legs, and cost a few dials at the most', () => {
    const letters = fc.constantFrom('x', 'y', '-');
    const zones = fc.array(letters, { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(clusters, zones, ({ seed, ...options }, drawn) => {
        const random = seededRandom(seed);
        const named = options.names.map((name, index) => [name, drawn[index]?.replace('-', '') ?? '']);
        const model = new RelayModel({ ...options, random, zones: Object.fromEntries(named) });
        const tunnel = new ModelTunnel(model, random);
        tunnel.run(REBALANCE_MIN_MS - 1);
        expect(zoneDials(tunnel)).toBeLessThanOrEqual(ZONE_DIALS);
        // One in 4,096 balancers over two nodes has shown one of them only by now.
        tunnel.run(3 * HOUR, () => isDisjoint(tunnel));
        expect(isDisjoint(tunnel)).toBe(isPossible({ ...options, random }));
        for (const { avoid } of tunnel.dials) expect(avoid.length).toBeLessThanOrEqual(AVOID_NODES);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it.each([
    ['xx', 0],
    ['-----', 0],
    ['x----', 0],
    // Whatever has not answered yet may stand elsewhere.
    ['xxx', 1],
  ])('%s: nothing is dialled for what cannot be, or is not known to be wanting', (zones, most) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { tunnel } = zoned(zones, {}, seed);
      tunnel.run(REBALANCE_MIN_MS - 1);
      expect(isDisjoint(tunnel)).toBe(true);
      expect(zoneDials(tunnel)).toBeLessThanOrEqual(most);
    }
  });

  it('are looked at again after a leg was lost, and a node that is back is found', () => {
    const { model, tunnel } = zoned('xxy');
    tunnel.run(60_000);
    model.down.add('c');
    tunnel.lose('c');
    tunnel.run(tunnel.now + 10_000);
    expect(placed(tunnel)).toBe('one zone');
    model.down.clear();
    tunnel.run(tunnel.now + 60_000);
    expect(placed(tunnel)).toBe('apart');
  });

  it('are left as they are while the other zone stays away, until the next rebalance', () => {
    const { model, tunnel } = zoned('xxy');
    model.down.add('c');
    tunnel.run(REBALANCE_MIN_MS - 1);
    expect(placed(tunnel)).toBe('one zone');
    expect(zoneDials(tunnel)).toBe(ZONE_DIALS);
    model.down.clear();
    tunnel.run(REBALANCE_MAX_MS + 60_000);
    expect(placed(tunnel)).toBe('apart');
  });

  it('are searched for again, as often, once a leg was lost', () => {
    const { model, tunnel } = zoned('xxy');
    model.down.add('c');
    tunnel.run(5 * 60_000);
    expect(zoneDials(tunnel)).toBe(ZONE_DIALS);
    tunnel.lose('b');
    tunnel.run(10 * 60_000);
    expect(placed(tunnel)).toBe('one zone');
    expect(zoneDials(tunnel)).toBe(2 * ZONE_DIALS);
  });

  it('yield to a node that drains', () => {
    const { model, tunnel } = zoned('xxy');
    tunnel.run(60_000);
    model.down.add('c');
    tunnel.routes.draining('c', tunnel.now);
    tunnel.run(tunnel.now + 10_000);
    expect(placed(tunnel)).toBe('one zone');
    expect(tunnel.legs.flatMap(({ path }) => path).toSorted()).toEqual(['a', 'b']);
  });
});

describe('a tunnel without two disjoint legs says why', () => {
  it.each([
    ['oneNode', { names: ['a'] }],
    ['oneNode', { names: ['a'], balanced: true }],
    ['noOtherHolder', { names: ['a', 'b', 'c'], holders: [1] }],
    ['noOtherHolder', { names: ['a', 'b'], holders: [0], balanced: true }],
    ['oneNode', { names: ['a.1', 'a.2'] }],
    ['allAvoided', { names: ['a', 'b'], entries: [0], prefersLocal: false }],
  ] as const)('%s', (why, options) => {
    const { tunnel } = cluster(options);
    tunnel.run(10 * SEARCH_PAUSE_MS);
    const redundancy = tunnel.plan.redundancy(tunnel.legs);
    expect(redundancy.kind).not.toBe('disjoint');
    expect(redundancy).toMatchObject({ why });
  });

  it('unreachable, and has two as soon as the other relay is back', () => {
    const { model, tunnel } = cluster({ names: ['a', 'b'] });
    model.down.add('b');
    tunnel.run(2 * SEARCH_PAUSE_MS);
    expect(tunnel.plan.redundancy(tunnel.legs)).toEqual({ kind: 'single', why: 'unreachable' });
    model.down.clear();
    const backAt = tunnel.now;
    tunnel.run(HOUR, () => isDisjoint(tunnel));
    expect(tunnel.now - backAt).toBeLessThanOrEqual(31_000);
  });

  it('suspected, while one of two is silent', () => {
    const { tunnel } = cluster();
    tunnel.run(1_000);
    tunnel.suspect(tunnel.legs[1]?.id ?? 0);
    expect(tunnel.plan.redundancy(tunnel.legs)).toEqual({ kind: 'single', why: 'suspected' });
  });

  it('searching, before anything was tried', () => {
    const { tunnel } = cluster();
    expect(tunnel.plan.redundancy([])).toEqual({ kind: 'none', why: 'searching' });
  });
});

describe('make before break', () => {
  it('replaces a leg across a node that drains, and never has less than two', () => {
    const { tunnel } = cluster({ names: ['a', 'b', 'c'] }, 3);
    tunnel.run(60_000);
    const [leaving = ''] = tunnel.legs[0]?.path ?? [];
    tunnel.routes.draining(leaving, tunnel.now);
    const counts: number[] = [];
    tunnel.run(tunnel.now + 20_000, () => {
      counts.push(tunnel.legs.length);
      return false;
    });
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
    expect(tunnel.legs.flatMap(({ path }) => path)).not.toContain(leaving);
    expect(isDisjoint(tunnel)).toBe(true);
  });

  it('replaces one leg every 30 to 60 minutes, so that a restarted node gets its share', () => {
    const names = ['a', 'b', 'c'];
    const used = new Map(names.map((name) => [name, 0]));
    for (let client = 1; client <= 200; client += 1) {
      const { model, tunnel } = cluster({ names }, client);
      model.down.add('a');
      tunnel.run(60_000);
      model.down.clear();
      const before = tunnel.dials.length;
      tunnel.run(REBALANCE_MIN_MS - 1);
      expect(tunnel.dials).toHaveLength(before);
      tunnel.run(REBALANCE_MAX_MS + 60_000);
      expect(tunnel.dials.length).toBeGreaterThan(before);
      expect(isDisjoint(tunnel)).toBe(true);
      expect(tunnel.legs).toHaveLength(2);
      for (const name of tunnel.legs.flatMap(({ path }) => path)) used.set(name, (used.get(name) ?? 0) + 1);
    }
    // A third of all legs, were they placed anew; one of two has been, and half of those came out here.
    expect(used.get('a')).toBeGreaterThan(60);
  });

  it('has one dial under way, and goes on when it is dropped', () => {
    const { tunnel } = cluster();
    const { routes } = tunnel;
    const plan = new LegPlan({ routes, bridge: Buffer.alloc(16), random: seededRandom(1), now: 0 });
    const step = plan.step(0, []);
    expect(plan.step(0, [])).toMatchObject({ kind: 'wait', waitMs: Number.POSITIVE_INFINITY });
    if (step.kind === 'dial') plan.dropped(step.dial);
    expect(plan.step(0, [])).toMatchObject({ kind: 'dial' });
  });
});
