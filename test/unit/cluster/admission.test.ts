import { connect } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import {
  allReachAll,
  callerOnly,
  connected,
  LINE_A,
  LINE_B,
  peer,
  reaches,
  startNode,
  until,
} from './nodes.ts';
import { keyOf, startPuppet } from './puppet.ts';

describe('strangers', () => {
  test.each([
    ['another secret', () => keyOf('b', LINE_B)],
    ['no secret', () => generateKeyPair('Ed25519')],
    ['the secret, and a name that nobody expects', () => keyOf('unexpected')],
  ])('a process with %s reads nothing and injects nothing', async (_, key) => {
    const a = await startNode('a', [callerOnly('b'), callerOnly('c')]);
    const c = await startNode('c', [peer('a', a.port)]);
    await reaches(a, [c]);
    const stranger = await startPuppet(await key());
    // A refused dialler may see its dial succeed, and then a close.
    const connection = await stranger.dial(a.port).catch(() => undefined);
    await until('it is refused', () => a.gossip.counters().connectionsRefused.stranger > 0);
    await until('it is closed', () => connection === undefined || connection.status !== 'open');

    await stranger.publish(Buffer.from('injected'));
    await allReachAll([a, c]);
    expect(stranger.heard).toEqual([]);
    expect([...a.heard, ...c.heard].join()).not.toContain('injected');
    expect(connected(a)).toEqual(['c']);
  });

  test('a node of another cluster at a known address is not connected', async () => {
    const b = await startNode('b', [callerOnly('a')], { lines: [LINE_B] });
    const a = await startNode('a', [peer('b', b.port)]);
    await until('it was seen to be a stranger', () => a.gossip.counters().connectionsRefused.stranger > 0);
    expect(a.heard).toEqual([]);
    expect(b.heard).toEqual([]);
  });

  test('a member at the address of another one is not taken for it', async () => {
    const c = await startNode('c', [callerOnly('a')]);
    const a = await startNode('a', [peer('b', c.port), callerOnly('c')]);
    await until('it was seen to be another', () => a.gossip.counters().connectionsRefused.stranger > 0);
    expect(a.heard).toEqual([]);
  });

  test('another process with our own name is not admitted, under either secret', async () => {
    const a = await startNode('a', [callerOnly('a'), callerOnly('b')], { lines: [LINE_A, LINE_B] });
    const sameId = await startPuppet(await keyOf('a', LINE_A));
    await expect(sameId.dial(a.port)).rejects.toThrow();
    const otherId = await startPuppet(await keyOf('a', LINE_B));
    await otherId.dial(a.port).catch(() => {});
    await until('it is refused', () => a.gossip.counters().connectionsRefused.stranger === 1);
    expect(a.gossip.members().map(({ name }) => name)).toEqual(['b']);
    expect(connected(a)).toEqual([]);
    expect(a.heard).toEqual([]);
  });

  test('a captured connection is of no use', async () => {
    const a = await startNode('a', [callerOnly('b')]);
    const proxy = await TcpProxy.start(a.port);
    const b = await startNode('b', [peer('a', proxy.port)]);
    await allReachAll([a, b]);
    await b.stop();
    await until('b has left', () => a.heard.includes('-b'));
    const before = a.heard.length;

    const captured = Buffer.concat(proxy.recorded[0] ?? []);
    expect(captured.length).toBeGreaterThan(500);
    const socket = connect(a.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.resume();
    socket.write(captured);
    await closed;
    expect(a.heard.slice(before)).toEqual([]);
    expect(connected(a)).toEqual([]);
  });

  test('the door is asked before the handshake', async () => {
    const sources: string[] = [];
    const a = await startNode('a', [callerOnly('b')], {
      door: (source) => {
        sources.push(source);
        return undefined;
      },
    });
    const b = await startNode('b', [peer('a', a.port)]);
    await until('the door was asked', () => a.gossip.counters().connectionsRefused.door > 0);
    expect(sources[0]).toBe('127.0.0.1');
    expect(b.heard).toEqual([]);
  });

  test('the door learns who has proved to be a member, so that it does not count against its address', async () => {
    const proved: string[] = [];
    const a = await startNode('a', [callerOnly('b')], {
      door: (source) => () => void proved.push(source),
    });
    await startNode('b', [peer('a', a.port)]);
    await until('b is connected', () => connected(a).length === 1);
    expect(proved).toEqual(['127.0.0.1']);
  });
});

test('rotation: the steps of a rolling restart keep everybody connected', async () => {
  const [A, B] = ['current-current-current-current-1', 'incoming-incoming-incoming-inco-2'];
  const steps = [[A], [A, B], [B, A], [B]];
  for (const [index, later] of steps.entries()) {
    const earlier = steps[index - 1];
    if (!earlier) continue;
    const a = await startNode('a', [callerOnly('b'), callerOnly('c')], { lines: earlier });
    const b = await startNode('b', [peer('a', a.port), callerOnly('c')], { lines: earlier });
    const c = await startNode('c', [peer('a', a.port), peer('b', b.port)], { lines: later });
    await allReachAll([a, b, c]);
    await c.stop();
    await b.stop();
    const b2 = await startNode('b', [peer('a', a.port), callerOnly('c')], { lines: later });
    const c2 = await startNode('c', [peer('a', a.port), peer('b', b2.port)], { lines: later });
    await allReachAll([a, b2, c2]);
    await Promise.all([a, b2, c2].map((node) => node.stop()));
  }
});
