/** How often the plan of a tunnel's legs dials in search of a second one, and how soon it finds one that is there. */
import { describe, expect, it } from 'vitest';
import {
  PARK_SPREAD_MS,
  RATE_CONNECTIONS,
  REPAIR_SPREAD_MS,
  SEARCH_DIALS,
  SEARCH_RETRY_MS,
} from '../../../src/base/limits.ts';
import { cluster, isDisjoint } from '../../support/leg-model.ts';

const HOUR = 3_600_000;

describe('a search that finds nothing', () => {
  it.each([
    ['list', false],
    ['balanced address', true],
  ])('costs little: %s', (_kind, balanced) => {
    const { tunnel } = cluster({ holders: [1], balanced });
    tunnel.run(HOUR);
    for (let minute = 0; minute < 60; minute += 1) {
      const dials = tunnel.dials.filter(({ at }) => Math.floor(at / 60_000) === minute);
      expect(dials.length).toBeLessThanOrEqual(minute === 0 ? 4 * SEARCH_DIALS : 2 * SEARCH_DIALS);
    }
    expect(tunnel.dials.length).toBeLessThanOrEqual(250);
  });
});

describe('a relay that is alone behind one address', () => {
  it('costs ten brokers of one source less than it admits of one, however they begin', () => {
    const starts: number[] = [];
    for (let broker = 1; broker <= 10; broker += 1) {
      const { tunnel } = cluster({ names: ['a'], balanced: true }, broker);
      tunnel.run(HOUR);
      expect(tunnel.legs).toHaveLength(1);
      expect(tunnel.plan.redundancy(tunnel.legs)).toEqual({ kind: 'single', why: 'oneNode' });
      starts.push(...tunnel.dials.map(({ at }) => at));
    }
    const busiest = Math.max(
      ...starts.map((from) => starts.filter((at) => at >= from && at < from + 60_000).length),
    );
    expect(busiest).toBeLessThanOrEqual((6 * RATE_CONNECTIONS) / 10);
    expect(starts.filter((at) => at > HOUR / 2).length).toBeLessThanOrEqual(10 * 7);
  });

  it('is told from a balancer: half of the brokers find its other node at once, nearly all in two minutes', () => {
    const found: number[] = [];
    for (let broker = 1; broker <= 400; broker += 1) {
      const { tunnel } = cluster({ names: ['a', 'b'], balanced: true }, broker);
      tunnel.run(HOUR, () => isDisjoint(tunnel));
      expect(isDisjoint(tunnel)).toBe(true);
      found.push(tunnel.now);
    }
    const within = (ms: number): number => found.filter((at) => at <= ms).length / found.length;
    expect(within(1_000)).toBeGreaterThan(0.45);
    expect(within(30_000)).toBeGreaterThan(0.9);
    expect(within(120_000)).toBeGreaterThan(0.97);
  });
});

describe('a lost leg', () => {
  it('is made up for at once where it was the only one', () => {
    const { model, tunnel } = cluster({ names: ['a', 'b'], holders: [0, 1], entries: [0, 1] });
    model.down.add('b');
    tunnel.run(1_000);
    model.down.clear();
    const lostAt = tunnel.now;
    tunnel.lose('a');
    tunnel.run(lostAt + 1_000, () => tunnel.legs.length > 0);
    expect(tunnel.now - lostAt).toBeLessThanOrEqual(510);
  });

  it('waits little longer than for the bridge, where only one node will do and its park comes back late', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      // The broker reaches a and c, the bridge b and c: one leg crosses a and b, the other is local on c.
      const { model, tunnel } = cluster({ entries: [0, 2], holders: [1, 2] }, seed);
      tunnel.run(60_000, () => isDisjoint(tunnel));
      expect(isDisjoint(tunnel)).toBe(true);
      const lostAt = 60_000;
      tunnel.now = lostAt;
      model.left.add('c');
      tunnel.lose('c');
      tunnel.run(lostAt + PARK_SPREAD_MS + 1_000);
      expect(isDisjoint(tunnel)).toBe(false);
      model.left.clear();
      tunnel.run(lostAt + 60_000, () => isDisjoint(tunnel));
      expect(tunnel.now - lostAt).toBeLessThanOrEqual(REPAIR_SPREAD_MS + SEARCH_RETRY_MS);
    }
  });

  it.each([
    ['each relay has an address', false],
    ['one address stands before all', true],
  ])(
    'is made up for within 8 s where another lives, by all clients together evenly: %s',
    (_kind, balanced) => {
      const names = ['a', 'b', 'c'];
      const lostAt = HOUR / 4;
      const dials: number[] = [];
      const landed = new Map(names.map((name) => [name, 0]));
      for (let client = 1; client <= 600; client += 1) {
        const { model, tunnel } = cluster({ names, balanced, prefersLocal: client % 2 === 0 }, client);
        tunnel.run(lostAt, () => isDisjoint(tunnel));
        tunnel.now = lostAt;
        const before = tunnel.dials.length;
        const answered = model.answers.length;
        model.down.add('a');
        tunnel.lose('a');
        expect(tunnel.legs.length).toBeGreaterThan(0);
        tunnel.run(lostAt + 20_000, () => isDisjoint(tunnel));
        expect(isDisjoint(tunnel)).toBe(true);
        dials.push(...tunnel.dials.slice(before).map(({ at }) => at - lostAt));
        for (const node of model.answers.slice(answered)) landed.set(node, (landed.get(node) ?? 0) + 1);
      }
      const seconds = Array.from({ length: Math.ceil(REPAIR_SPREAD_MS / 1_000) }, (_, second) =>
        dials.filter((at) => Math.floor(at / 1_000) === second),
      );
      const mean = dials.length / seconds.length;
      expect(Math.max(...seconds.map(({ length }) => length)) / mean).toBeLessThanOrEqual(3);
      const [b = 0, c = 0] = [landed.get('b'), landed.get('c')];
      expect(Math.max(b, c) / (b + c)).toBeLessThanOrEqual(0.6);
    },
  );
});
