/** Real gossip between clusters in one process: what one is told comes out of the others. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import type { ClusterPeer } from '../../../src/base/cluster-peer.ts';
import type { InfoHash } from '../../../src/base/info-hash.ts';
import { HEARTBEAT_MS } from '../../../src/base/limits.ts';
import { systemRandom } from '../../../src/base/random.ts';
import { Cluster, type ClusterOptions } from '../../../src/cluster/cluster.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { callerOnly, LINE_A, LINE_B, peer, secretOf, until } from './nodes.ts';

const X = 'aa'.repeat(32) as InfoHash;
const Y = 'bb'.repeat(32) as InfoHash;
const ONE = '11'.repeat(16);
const TWO = '22'.repeat(16);

interface TestCluster {
  readonly cluster: Cluster;
  readonly port: number;
  readonly appeared: InfoHash[];
  /** Messages at info and above. */
  readonly said: () => string[];
  /** Nodes that hold it, in alphabetical order. */
  readonly holders: (infoHash?: InfoHash) => string[];
}

/** Running; stopped when the test ends. */
async function start(
  node: string,
  peers: readonly ClusterPeer[],
  options: Partial<ClusterOptions> = {},
): Promise<TestCluster> {
  const { log, lines } = recordingLog();
  const appeared: InfoHash[] = [];
  const cluster = new Cluster({
    node,
    zone: `zone-${node}`,
    software: 'test',
    peers,
    secret: secretOf(LINE_A),
    listen: { host: '127.0.0.1', port: 0 },
    forward: ':7443',
    clock: systemClock,
    random: systemRandom,
    log,
    onAppeared: (infoHash) => appeared.push(infoHash),
    onDraining: () => {},
    onSuperseded: () => {},
    ...options,
  });
  const { port } = await cluster.start();
  onTestFinished(() => cluster.stop());
  return {
    cluster,
    port,
    appeared,
    said: () =>
      lines
        .filter(({ level }) => level !== 'debug')
        .map(({ message, fields }) => [message, fields?.['node'], fields?.['reason']].join(' ').trim()),
    holders: (infoHash = X) =>
      cluster
        .holders(infoHash)
        .map((holder) => holder.node)
        .sort(),
  };
}

/** `a` and `b`, which know each other by now. */
async function pair(): Promise<[TestCluster, TestCluster]> {
  const a = await start('a', [callerOnly('b')]);
  const b = await start('b', [peer('a', a.port)]);
  await until('both have joined', () => [a, b].every((each) => joined(each).length === 1));
  return [a, b];
}

function joined({ cluster }: TestCluster): string[] {
  return cluster.status().directory.members.map(({ node }) => node);
}

describe('what is parked', () => {
  test('is held there for the others, with all that a broker chooses by, and not for the node itself', async () => {
    const [a, b] = await pair();
    a.cluster.setLoad(3);
    a.cluster.parked(X, ONE);
    a.cluster.parked(X, TWO);
    a.cluster.parked(X, TWO);
    await until('b knows both instances', () => b.cluster.holders(X)[0]?.instances.length === 2);
    await until('b knows the load', () => b.cluster.holders(X)[0]?.load === 3);
    expect(b.cluster.holders(X)).toEqual([
      {
        node: 'a',
        incarnation: a.cluster.incarnation,
        zone: 'zone-a',
        load: 3,
        forward: ':7443',
        instances: [ONE, TWO],
      },
    ]);
    expect([a.holders(), b.holders(Y)]).toEqual([[], []]);
    a.cluster.unparked(X, TWO);
    a.cluster.unparked(X, ONE);
    await until('one instance is left', () => b.cluster.holders(X)[0]?.instances.length === 1);
    expect(b.cluster.holders(X)[0]?.instances).toEqual([TWO]);
    a.cluster.unparked(X, TWO);
    await until('b knows of none', () => b.holders().length === 0);
  });

  test('before the others came is known to them when they come, late ones too', async () => {
    const a = await start('a', [callerOnly('b'), callerOnly('c')]);
    const hashes = Array.from(
      { length: 3_000 },
      (_, index) => index.toString(16).padStart(64, '0') as InfoHash,
    );
    for (const infoHash of hashes) a.cluster.parked(infoHash, ONE);
    const b = await start('b', [peer('a', a.port), callerOnly('c')]);
    const all = (each: TestCluster): boolean => each.cluster.status().directory.entries === hashes.length;
    await until('b knows all', () => all(b));
    b.cluster.parked(X, TWO);
    const c = await start('c', [peer('a', a.port), peer('b', b.port)]);
    await until('c knows what both hold', () => c.cluster.status().directory.entries === hashes.length + 1);
    expect([c.holders(hashes[2_999]), c.holders(), a.holders()]).toEqual([['a'], ['b'], ['b']]);
  });
});

describe('a broker that waits', () => {
  test('is told when a bridge parks on another node, and again, until nobody watches', async () => {
    const [a, b] = await pair();
    b.cluster.watch(X, true);
    a.cluster.parked(Y, ONE);
    await until('b knows of Y', () => b.holders(Y).length === 1);
    expect(b.appeared).toEqual([]);
    a.cluster.parked(X, ONE);
    await until('b is told', () => b.appeared.length === 1);
    expect([b.appeared, b.holders()]).toEqual([[X], ['a']]);
    a.cluster.parked(X, TWO);
    await until('b is told of another', () => b.appeared.length === 2);
    b.cluster.watch(X, false);
    a.cluster.unparked(X, ONE);
    await until('b knows of one', () => b.cluster.holders(X)[0]?.instances.length === 1);
    a.cluster.parked(X, ONE);
    await until('b knows of two', () => b.cluster.holders(X)[0]?.instances.length === 2);
    expect(b.appeared).toHaveLength(2);
  });

  test('is not sent to a holder that said that it has nothing, until it says that it has', async () => {
    const [a, b] = await pair();
    a.cluster.parked(X, ONE);
    await until('b knows', () => b.holders().length === 1);
    b.cluster.watch(X, true);
    b.cluster.notHere('a', X, a.cluster.sequence);
    expect(b.holders()).toEqual([]);
    a.cluster.parked(X, TWO);
    await until('b is told', () => b.appeared.length === 1);
    expect(b.holders()).toEqual(['a']);
    b.cluster.notHere('a', X, a.cluster.sequence);
    expect(b.holders()).toEqual([]);
    await until('it is offered again after a while', () => b.appeared.length === 2);
    expect(b.holders()).toEqual(['a']);
  });
});

describe('a node that leaves', () => {
  test('is gone from the others within a second, with all that it held, and may come back', async () => {
    const [a, b] = await pair();
    const port = b.port;
    b.cluster.parked(X, ONE);
    await until('a knows', () => a.holders().length === 1);
    const left = systemClock.now();
    await b.cluster.stop();
    await b.cluster.stop();
    await until('a knows no more', () => a.holders().length === 0);
    expect(systemClock.now() - left).toBeLessThan(1_000);
    expect(a.said()).toContain('a node is gone b disconnected');
    const again = await start('b', [peer('a', a.port)], { listen: { host: '127.0.0.1', port } });
    again.cluster.parked(Y, TWO);
    await until('a knows what it holds now', () => a.holders(Y).length === 1);
    expect(a.holders()).toEqual([]);
    expect(again.cluster.incarnation).toBeGreaterThan(b.cluster.incarnation);
  });

  test('and says so first gets nobody any more: all know it within a heartbeat', async () => {
    const heard: string[] = [];
    const a = await start('a', [callerOnly('b')], { onDraining: (node) => heard.push(node) });
    const b = await start('b', [peer('a', a.port)]);
    b.cluster.parked(X, ONE);
    await until('a knows', () => a.holders().length === 1);
    const begun = systemClock.now();
    b.cluster.setDraining();
    await until('a has heard', () => heard.length > 0);
    expect(systemClock.now() - begun).toBeLessThan(HEARTBEAT_MS);
    expect([heard, a.cluster.draining(), a.holders()]).toEqual([['b'], ['b'], []]);
    expect(a.said()).toContain('a node is about to leave b');
    expect(b.cluster.draining()).toEqual([]);
    await b.cluster.stop();
    await until('a sees that it left', () => a.cluster.draining().length === 0);
    expect(heard).toEqual(['b']);
  });

  test('takes inputs without harm when it has stopped', async () => {
    const [a, b] = await pair();
    await a.cluster.stop();
    a.cluster.parked(X, ONE);
    a.cluster.notHere('b', X, 1);
    a.cluster.setLoad(1);
    a.cluster.unparked(X, ONE);
    await until('b sees that it left', () => joined(b).length === 0);
    expect(a.said().filter((line) => line.includes('not sent'))).toEqual([]);
  });
});

describe('who takes part', () => {
  test('not a process with another secret: it is told nothing, and can tell nothing', async () => {
    const a = await start('a', [callerOnly('b'), callerOnly('s')]);
    const b = await start('b', [peer('a', a.port), callerOnly('s')]);
    const stranger = await start('s', [peer('a', a.port), peer('b', b.port)], { secret: secretOf(LINE_B) });
    stranger.cluster.parked(X, ONE);
    a.cluster.parked(Y, TWO);
    await until('b knows what a holds', () => b.holders(Y).length === 1);
    const refused = (): number => a.cluster.status().gossip.connectionsRefused.stranger;
    await until('a has refused the stranger', () => refused() > 0);
    expect([a.holders(), b.holders(), stranger.holders(Y), joined(stranger)]).toEqual([[], [], [], []]);
    expect(stranger.cluster.status().directory.incarnation).toBeUndefined();
    // What a scanner can cause is no line at info.
    expect(a.said().filter((line) => / s\b/.test(line))).toEqual([]);
  });

  test('nobody, where the port is taken: start says so', async () => {
    const a = await start('a', []);
    await expect(start('b', [], { listen: { host: '127.0.0.1', port: a.port } })).rejects.toMatchObject({
      code: 'config',
    });
  });
});
