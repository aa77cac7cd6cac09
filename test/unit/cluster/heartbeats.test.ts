import { describe, expect, test } from 'vitest';
import { HEARTBEAT_BYTES } from '../../../src/base/limits.ts';
import { HEARTBEAT_PROTOCOL } from '../../../src/cluster/heartbeats.ts';
import { callerOnly, connected, peer, startNode, until } from './nodes.ts';
import { keyOf, startPuppet } from './puppet.ts';

describe('heartbeats', () => {
  test('reach the one member they are for, in their order', async () => {
    const a = await startNode('a', [callerOnly('b'), callerOnly('c')]);
    const b = await startNode('b', [peer('a', a.port), callerOnly('c')]);
    const c = await startNode('c', [peer('a', a.port), peer('b', b.port)]);
    await until('all are connected', () => [a, b, c].every((node) => connected(node).length === 2));
    a.gossip.heartbeat('b', Buffer.from('1'));
    await until('the first is there', () => b.heard.includes('a!1'));
    for (const text of ['2', '3', 'x'.repeat(HEARTBEAT_BYTES)]) a.gossip.heartbeat('b', Buffer.from(text));
    await until('all are there', () => b.heard.filter((line) => line.startsWith('a!')).length === 4);
    expect(b.heard.filter((line) => line.startsWith('a!')).slice(0, 3)).toEqual(['a!1', 'a!2', 'a!3']);
    expect(c.heard.filter((line) => line.startsWith('a!'))).toEqual([]);
    expect(a.gossip.counters()).toMatchObject({ heartbeatsSent: 4 });
    expect(b.gossip.counters()).toMatchObject({ heartbeatsReceived: 4 });
  });

  test('to a node that is not connected are dropped', async () => {
    const a = await startNode('a', [callerOnly('b')]);
    a.gossip.heartbeat('b', Buffer.of(1));
    a.gossip.heartbeat('unknown', Buffer.of(1));
    expect(a.gossip.counters().heartbeatsSent).toBe(0);
  });

  test('go on after their stream was reset', async () => {
    const heard: string[] = [];
    const member = await startPuppet(await keyOf('m'));
    const streams: { abort(error: Error): void }[] = [];
    await member.node.libp2p.handle(HEARTBEAT_PROTOCOL, (stream) => {
      streams.push(stream);
      stream.addEventListener('message', ({ data }) =>
        heard.push(Buffer.from(data.subarray()).toString('latin1')),
      );
    });
    const a = await startNode('a', [callerOnly('m')]);
    await member.dial(a.port);
    await until('m is connected', () => connected(a).length === 1);
    a.gossip.heartbeat('m', Buffer.from('before'));
    await until('m hears a', () => heard.join().includes('before'));
    streams[0]?.abort(new RangeError('reset by the test'));
    await until('m hears a again', () => {
      a.gossip.heartbeat('m', Buffer.from('after'));
      return heard.join().includes('after');
    });
    expect(streams).toHaveLength(2);
  });

  test('that are too long end the stream only', async () => {
    const a = await startNode('a', [callerOnly('m')]);
    const member = await startPuppet(await keyOf('m'));
    const connection = await member.dial(a.port);
    const stream = await connection.newStream(HEARTBEAT_PROTOCOL);
    const ended = new Promise((resolve) => stream.addEventListener('close', resolve));
    stream.send(Buffer.of(0, 0, 4, 1));
    await ended;
    expect(HEARTBEAT_BYTES).toBe(1_024);
    expect(connection.status).toBe('open');
  });

  test('reach each of two processes that share a name, so that the older can notice', async () => {
    const a = await startNode('a', [callerOnly('b')]);
    const older = await startNode('b', [peer('a', a.port)]);
    await until('the older is connected', () => connected(a).length === 1);
    const newer = await startNode('b', [peer('a', a.port)]);
    await until('the newer is connected', () => connected(newer).length === 1);
    older.heard.length = 0;
    await until('both hear a, one after the other', () => {
      a.gossip.heartbeat('b', Buffer.from('to b'));
      return older.heard.includes('a!to b') && newer.heard.includes('a!to b');
    });
    await older.stop();
    newer.heard.length = 0;
    await until('the newer stays', () => {
      a.gossip.heartbeat('b', Buffer.from('to b'));
      return newer.heard.includes('a!to b');
    });
    // One call for each connection: it may lead to the other process.
    expect(a.heard.filter((line) => line === '+b').length).toBeGreaterThanOrEqual(2);
  });
});
