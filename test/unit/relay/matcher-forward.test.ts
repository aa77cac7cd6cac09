/** The matcher's part in forwards and slots, by several matchers that talk to each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { FORWARD_SILENCE_MS } from '../../../src/base/limits.ts';
import { type ClusterOptions, MatcherCluster } from '../../support/matcher-cluster.ts';

const HASH = 'aa'.repeat(32) as InfoHash;
const OTHER = 'bb'.repeat(32) as InfoHash;

function cluster(options: Partial<ClusterOptions> = {}): MatcherCluster {
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

describe('a holder that cannot be reached', () => {
  it('is given up for another one', () => {
    const three = cluster();
    three.park(1, HASH, 'one');
    three.park(2, HASH, 'two');
    three.run(100);
    three.setReachable(1, false);
    const brokers = Array.from({ length: 20 }, () => three.connect(0, HASH));
    for (let count = 0; count < 20; count += 1) three.park(2, HASH, 'two');
    three.run(5_000);
    expect(three.nodes[0]?.asked).toContain('node-1');
    expect(brokers.map((broker) => three.paired.get(broker)?.path)).toEqual(
      brokers.map(() => ['node-0', 'node-2']),
    );
  });

  it('is told to the broker when no other is left, and not before', () => {
    const three = cluster();
    three.park(1, HASH, 'one');
    three.park(2, HASH, 'two');
    three.run(100);
    three.setReachable(1, false);
    three.setReachable(2, false);
    const broker = three.connect(0, HASH);
    three.run(FORWARD_SILENCE_MS + 1_000);
    expect(three.refused.size).toBe(0);
    three.run(FORWARD_SILENCE_MS);
    expect(three.refused.get(broker)).toBe('holderUnreachable');
    expect(three.nodes[0]?.asked.toSorted()).toEqual(['node-1', 'node-2']);
    three.run(5_000);
    three.checkEmpty();
  });

  it('is told as well when the others had nothing', () => {
    const three = cluster({ delayMs: 0 });
    three.park(1, HASH, 'one');
    three.run(1);
    three.setReachable(1, false);
    const stale = three.park(2, HASH, 'two');
    three.run(1);
    three.hush(2);
    three.leave(2, stale);
    const broker = three.connect(0, HASH);
    three.run(FORWARD_SILENCE_MS + 100);
    expect(three.refused.get(broker)).toBe('holderUnreachable');
    expect(three.nodes[0]?.asked.toSorted()).toEqual(['node-1', 'node-2']);
  });

  it('gives its slot at home back, at whatever step it went silent', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 25 }), (seed, ms) => {
        const two = cluster({ seed, nodes: 2, slots: 1 });
        two.park(1, HASH, 'bridge');
        two.run(20);
        const broker = two.connect(0, HASH);
        two.run(ms);
        two.setReachable(1, false);
        two.run(15_000);
        expect(two.paired.has(broker) || two.refused.has(broker)).toBe(true);
        two.end(broker);
        two.run(100);
        two.checkEmpty();
      }),
      { seed: 20_261_122, numRuns: 200 },
    );
  });
});

describe('an advert that is no longer true', () => {
  it('costs one forward, and the next holder serves', () => {
    const three = cluster({ delayMs: 0 });
    const stale = three.park(1, HASH, 'one');
    three.park(2, HASH, 'two');
    three.run(1);
    three.hush(1);
    three.leave(1, stale);
    const brokers = [three.connect(0, HASH), three.connect(0, HASH, { wanted: 'two' })];
    three.park(2, HASH, 'two');
    three.run(1);
    expect(brokers.map((broker) => three.paired.get(broker)?.path)).toEqual([
      ['node-0', 'node-2'],
      ['node-0', 'node-2'],
    ]);
    expect(three.refused.size).toBe(0);
    expect(three.nodes[0]?.asked.filter((holder) => holder === 'node-1').length).toBeLessThanOrEqual(1);
  });

  it('of every holder: three are asked, then the broker waits and is served when one parks', () => {
    const many = cluster({ nodes: 6, delayMs: 0 });
    for (const node of [1, 2, 3, 4, 5]) {
      const stale = many.park(node, HASH, 'bridge');
      many.run(1);
      many.hush(node);
      many.leave(node, stale);
    }
    const broker = many.connect(0, HASH);
    many.run(1);
    expect(many.nodes[0]?.asked).toHaveLength(3);
    many.run(200);
    expect(new Set(many.nodes[0]?.asked).size, 'those that were left were asked after a pause').toBe(5);
    many.park(4, HASH, 'bridge');
    many.speak(4);
    many.run(1);
    expect(many.paired.get(broker)?.path).toEqual(['node-0', 'node-4']);
  });

  it('is seen to be true again, though the bridge parked while the broker was on its way elsewhere', () => {
    const three = cluster();
    for (const node of [1, 2]) {
      const stale = three.park(node, HASH, 'bridge');
      three.run(10);
      three.hush(node);
      three.leave(node, stale);
    }
    const broker = three.connect(0, HASH);
    const asked = three.nodes[0]?.asked ?? [];
    while (asked.length < 2) three.run(0.1);
    // Nobody watches now, and nobody will tell a second time.
    const first = asked[0] === 'node-1' ? 1 : 2;
    three.park(first, HASH, 'bridge');
    three.speak(first);
    three.run(200);
    expect(three.paired.get(broker)?.path).toEqual(['node-0', `node-${first}`]);
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

  it('serves at once who can be served here, whatever others expect to need elsewhere', () => {
    const two = cluster({ nodes: 2, slots: 1 });
    two.park(1, HASH, 'far');
    two.run(10);
    two.setReachable(1, false);
    two.connect(0, HASH);
    two.connect(0, HASH);
    expect(two.nodes[0]?.matcher.slots).toMatchObject({ used: 0, waiting: 1 });
    two.park(0, OTHER, 'near');
    const broker = two.connect(0, OTHER);
    two.run(10);
    expect(two.paired.get(broker)?.path).toEqual(['node-0']);
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
