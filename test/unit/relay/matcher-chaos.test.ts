/** Several matchers under whatever may happen: rules that always hold, and that everybody is served once all is well. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { MatcherCluster } from '../../support/matcher-cluster.ts';

const HASHES = ['aa', 'bb'].map((byte) => byte.repeat(32) as InfoHash);
const INSTANCES = ['i0', 'i1', 'i2'];

type Step =
  | { do: 'park'; node: number; hash: number; instance: number }
  | { do: 'connect'; node: number; hash: number; wanted: number | undefined; avoid: number | undefined }
  | { do: 'brokerLeaves' | 'bridgeLeaves' | 'spliceEnds' }
  | { do: 'reach'; node: number; reachable: boolean }
  | { do: 'chances'; accept: number; loss: number }
  | { do: 'pass'; ms: number };

const node = fc.nat({ max: 3 });
const hash = fc.nat({ max: 1 });
const instance = fc.nat({ max: 2 });
const kinds: readonly [number, fc.Arbitrary<Step>][] = [
  [6, fc.record({ do: fc.constant('park' as const), node, hash, instance })],
  [
    6,
    fc.record({
      do: fc.constant('connect' as const),
      node,
      hash,
      wanted: fc.option(instance, { nil: undefined, freq: 3 }),
      avoid: fc.option(node, { nil: undefined, freq: 3 }),
    }),
  ],
  [2, fc.constant({ do: 'brokerLeaves' as const })],
  [2, fc.constant({ do: 'bridgeLeaves' as const })],
  [3, fc.constant({ do: 'spliceEnds' as const })],
  [1, fc.record({ do: fc.constant('reach' as const), node, reachable: fc.boolean() })],
  [
    1,
    fc.record({
      do: fc.constant('chances' as const),
      accept: fc.constantFrom(1, 1, 0.5, 0),
      loss: fc.constantFrom(0, 0, 0.05, 0.3),
    }),
  ],
  [
    8,
    fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 3_000 })),
    }),
  ],
];
const steps = fc.array(fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
  maxLength: 80,
  size: 'max',
});
const shape = fc.record({
  seed: fc.nat(),
  nodes: fc.integer({ min: 1, max: 4 }),
  slots: fc.integer({ min: 1, max: 4 }),
  delayMs: fc.constantFrom(0, 5, 50),
});

function play(cluster: MatcherCluster, step: Step): void {
  const at = (index: number): number => index % cluster.nodes.length;
  switch (step.do) {
    case 'park':
      return void cluster.park(at(step.node), hashOf(step.hash), INSTANCES[step.instance] as string);
    case 'connect':
      return void cluster.connect(at(step.node), hashOf(step.hash), {
        wanted: step.wanted === undefined ? undefined : INSTANCES[step.wanted],
        avoid: step.avoid === undefined ? [] : [`node-${at(step.avoid)}`],
      });
    case 'brokerLeaves': {
      const broker = cluster.pick(cluster.waiting);
      return broker === undefined ? undefined : cluster.leave(cluster.nodeOf(broker), broker);
    }
    case 'bridgeLeaves': {
      const index = cluster.nodes.findIndex(({ parked }) => parked.length > 0);
      const park = cluster.pick(cluster.nodes[index]?.parked ?? []);
      return park && cluster.leave(index, park.connection);
    }
    case 'spliceEnds': {
      const broker = cluster.pick(cluster.splices);
      return broker === undefined ? undefined : cluster.end(broker);
    }
    case 'reach':
      return cluster.setReachable(at(step.node), step.reachable);
    case 'chances':
      cluster.acceptChance = step.accept;
      cluster.lossChance = step.loss;
      return;
    case 'pass':
      return cluster.run(step.ms);
  }
}

function hashOf(index: number): InfoHash {
  return HASHES[index] as InfoHash;
}

/** Nothing is lost any more, and what was lost is noticed. */
function heal(cluster: MatcherCluster): void {
  cluster.acceptChance = 1;
  cluster.lossChance = 0;
  for (const index of cluster.nodes.keys()) cluster.setReachable(index, true);
  cluster.run(15_000);
}

/** Keeps as many bridges of each kind parked, anywhere, as there are brokers waiting, and ends splices, for 10 s. */
function serve(cluster: MatcherCluster): void {
  for (let round = 0; round < 40 && cluster.waiting.length > 0; round += 1) {
    for (const infoHash of HASHES) {
      for (const name of INSTANCES) {
        const parked = cluster.nodes.flatMap((each) => each.parked);
        const have = parked.filter((park) => park.infoHash === infoHash && park.instance === name).length;
        for (let count = have; count < 2; count += 1)
          cluster.park(cluster.pick([...cluster.nodes.keys()]) as number, infoHash, name);
      }
    }
    cluster.run(250);
    for (const broker of cluster.splices) cluster.end(broker);
  }
}

it('keeps every rule, leaks no slot, and serves everybody in the end', () => {
  fc.assert(
    fc.property(shape, steps, (options, list) => {
      const cluster = new MatcherCluster(options);
      for (const step of list) play(cluster, step);
      heal(cluster);
      for (const broker of cluster.splices) cluster.end(broker);
      const late = [...cluster.nodes.keys()].flatMap((index) =>
        HASHES.map((infoHash) => cluster.connect(index, infoHash)),
      );
      serve(cluster);
      expect(late.map((broker) => cluster.refused.get(broker) ?? 'served')).toEqual(late.map(() => 'served'));
      expect(cluster.waiting).toEqual([]);
      cluster.run(5_000);
      for (const broker of cluster.splices) cluster.end(broker);
      cluster.run(5_000);
      cluster.checkEmpty();
    }),
    { seed: 20_261_123, numRuns: 400 },
  );
});
