import type { IdentifyResult } from '@libp2p/interface';
import { describe, expect, test } from 'vitest';
import { toMultiaddr } from '../../../src/cluster/libp2p-node.ts';
import { allReachAll, callerOnly, peer, startNode } from './nodes.ts';
import { keyOf, startPuppet } from './puppet.ts';

test.each([
  ['relay-0.relay', '/dns/relay-0.relay/tcp/7946'],
  ['10.0.0.1', '/ip4/10.0.0.1/tcp/7946'],
  ['fd00::1', '/ip6/fd00::1/tcp/7946'],
])('%s is dialled as %s', (host, address) => {
  expect(toMultiaddr({ host, port: 7_946 }).toString()).toBe(address);
});

describe('what a node tells', () => {
  test('is no address, unless one is to be advertised', async () => {
    const puppet = await startPuppet(await keyOf('m'));
    const silent = await startNode('a', [callerOnly('m')]);
    const told = await startNode('a', [callerOnly('m')], { advertise: { host: 'relay-0.example', port: 1 } });
    const addresses = async (port: number): Promise<string[]> => {
      const told = new Promise<IdentifyResult>((resolve) =>
        puppet.node.libp2p.addEventListener('peer:identify', ({ detail }) => resolve(detail), { once: true }),
      );
      await puppet.dial(port);
      return (await told).listenAddrs.map(String);
    };
    expect(await addresses(silent.port)).toEqual([]);
    expect(await addresses(told.port)).toEqual(['/dns/relay-0.example/tcp/1']);
  });
});

test('every address of the machine is listened on where no host is given', async () => {
  const a = await startNode('a', [callerOnly('b')], { listen: { host: '', port: 0 } });
  const b = await startNode('b', [peer('a', a.port)]);
  await allReachAll([a, b]);
});

test('nothing is left when nodes have stopped', async () => {
  const cycle = async (): Promise<void> => {
    const a = await startNode('a', [callerOnly('b'), callerOnly('c')]);
    const b = await startNode('b', [peer('a', a.port), callerOnly('c')]);
    await allReachAll([a, b]);
    a.gossip.heartbeat('b', Buffer.of(1));
    await a.gossip.pull('b', Buffer.of(1)).catch(() => {});
    await Promise.all([a.stop(), b.stop()]);
  };
  const kept = (): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
    return {
      sockets: counts['TCPSocketWrap'] ?? 0,
      servers: counts['TCPServerWrap'] ?? 0,
      timers: counts['Timeout'] ?? 0,
    };
  };
  const { timers } = kept();
  await cycle();
  await expect
    .poll(() => kept(), { timeout: 10_000, interval: 50 })
    .toMatchObject({ sockets: 0, servers: 0 });
  // The poll has a timer of its own.
  expect(kept()['timers']).toBeLessThanOrEqual((timers ?? 0) + 1);
});
