import { describe, expect, test } from 'vitest';
import { PULL_PAGE_BYTES, PULL_REQUEST_BYTES } from '../../../src/base/limits.ts';
import { PULL_PROTOCOL } from '../../../src/cluster/pull.ts';
import {
  callerOnly,
  connected,
  peer,
  startNode,
  type TestNode,
  type TestNodeOptions,
  until,
} from './nodes.ts';
import { keyOf, startPuppet } from './puppet.ts';

/** `a`, and `b` that is connected to it and answers by `onPull`. */
async function pair(onPull: NonNullable<TestNodeOptions['onPull']>): Promise<[TestNode, TestNode]> {
  const b = await startNode('b', [callerOnly('a')], { onPull });
  const a = await startNode('a', [peer('b', b.port)]);
  await until('they are connected', () => connected(a).length === 1 && connected(b).length === 1);
  return [a, b];
}

describe('a pull', () => {
  test.each([0, 1, PULL_PAGE_BYTES])('brings a page of %i bytes', async (size) => {
    const asked: string[] = [];
    const [a, b] = await pair((from, request) => {
      asked.push(`${from}:${Buffer.from(request).toString()}`);
      return Buffer.alloc(size, 'p');
    });
    expect(Buffer.from(await a.gossip.pull('b', Buffer.from('what')))).toEqual(Buffer.alloc(size, 'p'));
    expect(asked).toEqual(['a:what']);
    expect(a.gossip.counters()).toMatchObject({ pullsMade: 1, pullsFailed: 0 });
    expect(b.gossip.counters()).toMatchObject({ pullsServed: 1 });
  });

  test('can be made again and again, also at once', async () => {
    const [a] = await pair((_, request) => request);
    for (let round = 0; round < 100; round += 1) await a.gossip.pull('b', Buffer.from(`${round}`));
    const pages = await Promise.all(['x', 'y', 'z'].map((text) => a.gossip.pull('b', Buffer.from(text))));
    expect(pages.map((page) => Buffer.from(page).toString())).toEqual(['x', 'y', 'z']);
  });

  test('that is refused, or fails at the holder, throws and leaves the connection', async () => {
    let answer = (): Uint8Array | undefined => undefined;
    const [a] = await pair(() => answer());
    await expect(a.gossip.pull('b', Buffer.of(1))).rejects.toMatchObject({ code: 'closed', retry: true });
    answer = () => {
      throw new RangeError('from the test');
    };
    await expect(a.gossip.pull('b', Buffer.of(1))).rejects.toMatchObject({ code: 'closed' });
    answer = () => Buffer.of(7);
    expect([...(await a.gossip.pull('b', Buffer.of(1)))]).toEqual([7]);
    expect(a.gossip.counters()).toMatchObject({ pullsMade: 3, pullsFailed: 2 });
  });

  test('of a node that stops before it answers throws, although libp2p closes the stream cleanly', async () => {
    const stopped = Promise.withResolvers<void>();
    const [a, b] = await pair(() => {
      stopped.resolve(b.stop());
      return undefined;
    });
    await expect(a.gossip.pull('b', Buffer.of(1))).rejects.toMatchObject({ code: 'closed' });
    await stopped.promise;
  });
});

describe('a member that pulls as none should', () => {
  test.each([
    ['a request that is too long', [0, 0, 1, 1]],
    ['a request of 4 GB', [255, 255, 255, 255]],
  ])('%s ends the stream only', async (_, bytes) => {
    const a = await startNode('a', [callerOnly('m')], { onPull: () => Buffer.of(1) });
    const member = await startPuppet(await keyOf('m'));
    const connection = await member.dial(a.port);
    const stream = await connection.newStream(PULL_PROTOCOL);
    const ended = new Promise((resolve) => stream.addEventListener('close', resolve));
    stream.send(Buffer.from(bytes));
    await ended;
    expect(PULL_REQUEST_BYTES).toBeLessThan(257);
    expect(connection.status).toBe('open');
  });

  test('more bytes than a request has end the stream only', async () => {
    const a = await startNode('a', [callerOnly('m')], { onPull: () => Buffer.of(1) });
    const member = await startPuppet(await keyOf('m'));
    const connection = await member.dial(a.port);
    const stream = await connection.newStream(PULL_PROTOCOL);
    const ended = new Promise((resolve) => stream.addEventListener('close', resolve));
    stream.send(Buffer.concat([Buffer.of(0, 0, 1, 0), Buffer.alloc(64 * 1_024)]));
    await ended;
    expect(connection.status).toBe('open');
  });

  test('a page that is too long is refused by who asked', async () => {
    const member = await startPuppet(await keyOf('m'));
    await member.node.libp2p.handle(PULL_PROTOCOL, (stream) => {
      stream.send(Buffer.of(0, 255, 0, 0));
    });
    const a = await startNode('a', [callerOnly('m')]);
    await member.dial(a.port);
    await until('m is connected', () => connected(a).length === 1);
    await expect(a.gossip.pull('m', Buffer.of(1))).rejects.toMatchObject({ code: 'malformed' });
  });
});
