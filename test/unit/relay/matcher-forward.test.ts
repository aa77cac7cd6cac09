/** The matcher's part in forwards and slots, by several matchers that talk to each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { MatcherCluster } from '../../support/matcher-cluster.ts';

const HASH = 'aa'.repeat(32) as InfoHash;
const OTHER = 'bb'.repeat(32) as InfoHash;

function cluster(options: { nodes?: number; slots?: number; seed?: number } = {}): MatcherCluster {
  return new MatcherCluster({ seed: 1, nodes: 3, slots: 100, delayMs: 5, ...options });
}

describe('across nodes', () => {
  it('pairs a broker with a bridge parked on another node, in one forward', () => {
    const three = cluster();
    three.park(1, HASH, 'bridge');
    three.run(100);
    const broker = three.connect(0, HASH);
    three.run(100);
    expect(three.paired.get(broker)).toEqual({ bridge: 'bridge', path: ['node-0', 'node-1'] });
    three.end(broker);
    three.run(100);
    three.checkEmpty();
  });

  it('pairs them when the broker came first', () => {
    const three = cluster();
    const broker = three.connect(0, HASH);
    three.run(1_000);
    three.park(2, HASH, 'bridge');
    three.run(100);
    expect(three.paired.get(broker)?.path).toEqual(['node-0', 'node-2']);
  });

  it('prefers the own node', () => {
    const three = cluster();
    three.park(1, HASH, 'far');
    three.park(0, HASH, 'near');
    three.run(100);
    const broker = three.connect(0, HASH);
    three.run(100);
    expect(three.paired.get(broker)).toEqual({ bridge: 'near', path: ['node-0'] });
  });

  it('goes to a holder of the wanted instance', () => {
    const three = cluster();
    three.park(0, HASH, 'one');
    three.park(1, HASH, 'two');
    three.park(2, HASH, 'three');
    three.run(100);
    const broker = three.connect(0, HASH, { wanted: 'three' });
    three.run(100);
    expect(three.paired.get(broker)).toEqual({ bridge: 'three', path: ['node-0', 'node-2'] });
  });

  it('never crosses a node to avoid, and says at once when no other holds it', () => {
    const three = cluster();
    three.park(1, HASH, 'bridge');
    three.run(100);
    const broker = three.connect(0, HASH, { avoid: ['node-1'] });
    const own = three.connect(0, HASH, { avoid: ['node-0'] });
    three.run(1);
    expect(three.refused.get(broker)).toBe('noBridge');
    expect(three.refused.get(own)).toBe('avoided');
  });

  it('tells a broker of another info_hash after its time, and not before', () => {
    const three = cluster();
    three.park(1, HASH, 'bridge');
    const broker = three.connect(0, OTHER);
    three.run(9_999);
    expect(three.refused.size).toBe(0);
    three.run(1);
    expect(three.refused.get(broker)).toBe('noBridge');
    three.checkEmpty();
  });

  it('gives one park to one of the brokers that race for it, and lets the others wait', () => {
    const three = cluster();
    const brokers = [three.connect(0, HASH), three.connect(1, HASH), three.connect(0, HASH)];
    three.park(2, HASH, 'bridge');
    three.run(1_000);
    expect(three.paired.size).toBe(1);
    three.park(2, HASH, 'bridge');
    three.park(1, HASH, 'bridge');
    three.run(1_000);
    expect(brokers.filter((broker) => three.paired.has(broker))).toHaveLength(3);
  });

  it('frees everything when brokers leave at any step', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 30 }), (seed, ms) => {
        const two = cluster({ seed, nodes: 2, slots: 1 });
        two.park(1, HASH, 'bridge');
        two.run(20);
        const broker = two.connect(0, HASH);
        two.run(ms);
        if (two.paired.has(broker)) two.end(broker);
        else two.leave(0, broker);
        two.run(5_000);
        two.checkEmpty();
      }),
      { seed: 20_261_120, numRuns: 300 },
    );
  });
});

describe('slots', () => {
  it('lets the broker past the last slot wait, in line, until a splice ends', () => {
    const one = cluster({ nodes: 1, slots: 2 });
    for (let count = 0; count < 4; count += 1) one.park(0, HASH, 'bridge');
    const brokers = [0, 1, 2, 3].map(() => one.connect(0, HASH));
    one.run(60_000);
    expect([...one.paired.keys()]).toEqual(brokers.slice(0, 2));
    expect(one.refused.size).toBe(0);
    one.end(brokers[1] as number);
    one.run(50);
    expect([...one.paired.keys()]).toEqual(brokers.slice(0, 3));
  });

  it('serves first legs before further ones', () => {
    const one = cluster({ nodes: 1, slots: 1 });
    for (let count = 0; count < 3; count += 1) one.park(0, HASH, 'bridge');
    const running = one.connect(0, HASH);
    const further = one.connect(0, HASH, { wanted: 'bridge' });
    const first = one.connect(0, HASH);
    one.run(100);
    one.end(running);
    one.run(100);
    expect([one.paired.has(first), one.paired.has(further)]).toEqual([true, false]);
    one.end(first);
    one.run(100);
    expect(one.paired.has(further)).toBe(true);
  });

  it('two full nodes that forward to each other serve everybody', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 3 }), (seed, slots) => {
        const two = cluster({ seed, nodes: 2, slots });
        const brokers: number[] = [];
        for (let count = 0; count < 8; count += 1) {
          two.park(0, HASH, 'zero');
          two.park(1, OTHER, 'one');
          brokers.push(two.connect(0, OTHER), two.connect(1, HASH));
        }
        for (let round = 0; round < 80 && two.paired.size < brokers.length; round += 1) {
          two.run(500);
          for (const broker of two.splices) two.end(broker);
        }
        expect(two.paired.size).toBe(brokers.length);
        two.run(5_000);
        for (const broker of two.splices) two.end(broker);
        two.run(5_000);
        two.checkEmpty();
      }),
      { seed: 20_261_121, numRuns: 200 },
    );
  });
});
