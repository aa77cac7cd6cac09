/** Several directories on a simulated network: how long things take, and what must never happen. */
import { describe, expect, it } from 'vitest';
import { NODE_LEASE_MS } from '../../../../src/base/limits.ts';
import {
  ClusterNetwork,
  type ClusterNetworkOptions,
  FAIR,
  type Process,
} from '../../../support/cluster-network.ts';
import { hash, instance } from '../../../support/directory-messages.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const DAY_MS = 86_400_000;

/** Three nodes that know each other; `a` holds info_hash 1. */
function threeNodes(options: Partial<ClusterNetworkOptions> = {}): ClusterNetwork {
  const network = new ClusterNetwork({ random: seededRandom(7), weather: FAIR, ...options });
  for (const name of ['a', 'b', 'c']) network.start(name);
  park(network, 'a', 1);
  network.run(2_000);
  expect(network.disagreements()).toEqual([]);
  return network;
}

function park(network: ClusterNetwork, name: string, at: number): void {
  network.change(network.process(name), (directory) => directory.parked(hash(at), instance(1), network.now));
}

function knows(process: Process, name: string, network: ClusterNetwork): boolean {
  return process.directory.snapshot(network.now).members.some(({ node }) => node === name);
}

function holders(network: ClusterNetwork, name: string, at: number): string[] {
  return network
    .process(name)
    .directory.holders(hash(at), network.now)
    .map(({ node }) => node);
}

function events(process: Process, kind: string): number {
  return process.events.filter((event) => event.do === kind).length;
}

describe('news', () => {
  it('of a bridge is on every node within 50 ms, one way of 1 to 5 ms included', () => {
    const network = threeNodes();
    for (let at = 10; at < 60; at += 1) {
      park(network, 'a', at);
      const all = (): boolean => ['b', 'c'].every((name) => holders(network, name, at).length === 1);
      expect(network.runUntil(all, 1_000)).toBeLessThanOrEqual(50);
      network.run(37);
    }
  });

  it('that gossip lost is there with the next heartbeat', () => {
    const network = threeNodes();
    network.weather = { ...FAIR, loss: 1 };
    park(network, 'a', 2);
    network.run(30);
    network.weather = FAIR;
    expect(network.runUntil(() => network.agree(), 5_000)).toBeLessThanOrEqual(1_500);
  });

  it('of a new node is complete soon, however many pages it takes', () => {
    const network = threeNodes({ limits: { pageEntryBytes: 10 * 49 } });
    network.change(network.process('a'), (directory) => {
      for (let at = 0; at < 500; at += 1) directory.parked(hash(1_000 + at), instance(at), network.now);
    });
    expect(network.runUntil(() => network.agree(), 5_000)).toBeLessThanOrEqual(1_500);
    network.start('d');
    expect(network.runUntil(() => network.agree(), 5_000)).toBeLessThanOrEqual(1_000);
  });
});

describe('a node that dies', () => {
  it('is gone within a second, and nobody ever brings it back', () => {
    const network = threeNodes({ weather: { ...FAIR, maxLatencyMs: 300, duplicate: 0.5 } });
    for (let at = 10; at < 30; at += 1) park(network, 'a', at);
    network.run(40);
    network.kill(network.process('a'));
    const gone = (): boolean => network.alive.every((process) => !knows(process, 'a', network));
    expect(network.runUntil(gone, 5_000)).toBeLessThanOrEqual(1_000);
    for (let second = 0; second < 60; second += 1) {
      network.run(1_000);
      expect(gone()).toBe(true);
      expect(holders(network, 'b', 1)).toEqual([]);
    }
  });

  it('and starts again under its name holds what it holds now', () => {
    const network = threeNodes();
    network.kill(network.process('a'));
    network.start('a');
    park(network, 'a', 2);
    expect(network.runUntil(() => network.agree(), 5_000)).toBeLessThanOrEqual(1_000);
    expect([holders(network, 'b', 1), holders(network, 'b', 2)]).toEqual([[], ['a']]);
  });

  it('and starts again with its clock set back by a day is believed', () => {
    const network = threeNodes();
    const before = network.process('a').directory.snapshot(network.now).incarnation ?? 0;
    network.kill(network.process('a'));
    network.start('a', { wallOffsetMs: -DAY_MS });
    expect(network.runUntil(() => network.agree(), 5_000)).toBeLessThanOrEqual(1_000);
    expect(network.process('a').directory.snapshot(network.now).incarnation).toBe(before + 1);
    expect(events(network.process('a'), 'chosen')).toBe(1);
  });

  it('is believed even by one that remembers its old incarnation and comes after the choice', () => {
    const network = threeNodes();
    network.partition(['c'], true);
    network.kill(network.process('b'));
    network.kill(network.process('a'));
    network.run(10_000);
    network.start('b');
    network.start('a', { wallOffsetMs: -DAY_MS });
    network.run(20_000);
    expect(network.process('a').directory.snapshot(network.now).incarnation).toBeLessThan(1.9e12);
    network.heal();
    expect(network.runUntil(() => network.agree(), 5_000)).toBeLessThanOrEqual(3_000);
    for (const process of network.alive) expect(events(process, 'superseded')).toBe(0);
  });
});

describe('a node behind a black hole', () => {
  it('is gone within 4 s, and back within 3 s', () => {
    const network = threeNodes();
    for (const round of [1, 2]) {
      network.partition(['a'], false);
      const gone = (): boolean => ['b', 'c'].every((name) => !knows(network.process(name), 'a', network));
      expect(network.runUntil(gone, 10_000), `round ${round}`).toBeLessThanOrEqual(4_000);
      expect(holders(network, 'b', 1)).toEqual([]);
      network.run(5_000);
      network.heal();
      expect(
        network.runUntil(() => network.agree(), 10_000),
        `round ${round}`,
      ).toBeLessThanOrEqual(3_000);
    }
  });

  it('for one other only is gone there, though a third passes its gossip on', () => {
    const network = threeNodes();
    network.swallow(['a'], ['b']);
    const b = network.process('b');
    expect(network.runUntil(() => !knows(b, 'a', network), 10_000)).toBeLessThanOrEqual(
      NODE_LEASE_MS + 1_000,
    );
    const gossip = b.received.gossip;
    park(network, 'a', 2);
    network.run(10_000);
    expect(b.received.gossip).toBeGreaterThan(gossip);
    expect([holders(network, 'b', 1), holders(network, 'b', 2), holders(network, 'c', 2)]).toEqual([
      [],
      [],
      ['a'],
    ]);
    expect(knows(network.process('a'), 'b', network)).toBe(true);
  });
});

describe('two processes with one name', () => {
  it('end with the older one told so, and the newer one believed', () => {
    const network = threeNodes();
    const older = network.process('a');
    network.run(10_000);
    const newer = network.start('a');
    park(network, 'a', 2);
    expect(network.runUntil(() => events(older, 'superseded') > 0, 10_000)).toBeLessThanOrEqual(3_000);
    network.kill(older);
    network.run(5_000);
    expect(network.disagreements()).toEqual([]);
    expect([events(newer, 'superseded'), holders(network, 'b', 1), holders(network, 'b', 2)]).toEqual([
      0,
      [],
      ['a'],
    ]);
  });

  it('end so as well where the newer one has the older clock', () => {
    const network = threeNodes();
    const older = network.process('a');
    network.run(10_000);
    const newer = network.start('a', { wallOffsetMs: -DAY_MS });
    expect(network.runUntil(() => events(older, 'superseded') > 0, 10_000)).toBeLessThanOrEqual(3_000);
    network.run(10_000);
    expect(events(newer, 'superseded')).toBe(0);
  });
});
