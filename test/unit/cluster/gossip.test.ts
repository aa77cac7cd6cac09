import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { allReachAll, callerOnly, connected, peer, reaches, startNode, until } from './nodes.ts';
import { keyOf, startPuppet } from './puppet.ts';

describe('three nodes', () => {
  test('join, hear one another, and see who leaves', async () => {
    const a = await startNode('a', [callerOnly('b'), callerOnly('c')]);
    const b = await startNode('b', [peer('a', a.port), callerOnly('c')]);
    const c = await startNode('c', [peer('a', a.port), peer('b', b.port)]);
    await allReachAll([a, b, c]);
    await until('a and c are connected to all', () => [a, c].every((node) => connected(node).length === 2));
    expect(a.gossip.members()).toEqual([
      { name: 'b', state: 'connected' },
      { name: 'c', state: 'connected' },
    ]);
    expect(a.gossip.counters()).toMatchObject({ membersExpected: 2, membersConnected: 2 });

    await b.stop();
    await until('a and c see that b left', () => [a, c].every((node) => node.heard.includes('-b')));
    expect(a.gossip.members()[0]?.state).toBe('absent');
    expect(b.heard.filter((line) => line.startsWith('-'))).toEqual([]);
    await reaches(a, [c]);
  });

  test('a late joiner hears and is heard', async () => {
    const a = await startNode('a', [callerOnly('b'), callerOnly('c')]);
    const b = await startNode('b', [peer('a', a.port), callerOnly('c')]);
    await allReachAll([a, b]);
    const c = await startNode('c', [peer('a', a.port), peer('b', b.port)]);
    await allReachAll([a, b, c]);
    await until('c is connected to both', () => connected(c).length === 2);
  });

  test('entries of one node arrive in their order', async () => {
    const a = await startNode('a', [callerOnly('b')]);
    const b = await startNode('b', [peer('a', a.port)]);
    await reaches(a, [b]);
    const texts = Array.from({ length: 100 }, (_, index) => `number ${index}`);
    await Promise.all(texts.map((text) => a.gossip.publish(Buffer.from(text))));
    const numbers = (): string[] => b.heard.filter((line) => line.startsWith('a:number'));
    await until('all are there', () => numbers().length >= texts.length);
    expect(numbers()).toEqual(texts.map((text) => `a:${text}`));
  });
});

describe('entries that are too large', () => {
  test('8,192 bytes pass, 8,193 are refused on sending', async () => {
    const a = await startNode('a', [callerOnly('b')]);
    const b = await startNode('b', [peer('a', a.port)]);
    await reaches(a, [b]);
    const largest = Buffer.alloc(8_192, 'x');
    await a.gossip.publish(largest);
    await until('b heard the largest', () => b.heard.includes(`a:${largest}`));
    await expect(a.gossip.publish(Buffer.alloc(8_193))).rejects.toMatchObject({
      code: 'errGossipValueTooLarge',
    });
    expect(a.gossip.counters().entriesRejected.errGossipValueTooLarge).toBe(1);
  });

  test('are refused on receiving, and the connection goes on', async () => {
    const a = await startNode('a', [callerOnly('m')]);
    const member = await startPuppet(await keyOf('m'));
    const connection = await member.dial(a.port);
    await until('a hears the member', () => {
      void member.publish(Buffer.from('first'));
      return a.heard.includes('m:first');
    });
    await member.publish(Buffer.alloc(8_193, 'x'));
    await member.publish(Buffer.from('later'));
    await until('later entries arrive', () => a.heard.includes('m:later'));
    expect(a.heard.filter((line) => line.includes('xxx'))).toEqual([]);
    expect(a.gossip.counters().entriesRejected.errGossipValueTooLarge).toBe(1);
    expect(connection.status).toBe('open');
    expect(a.heard).not.toContain('-m');
  });
});

test('a member that floods is cut off, and the others go on', async () => {
  const a = await startNode('a', [callerOnly('b'), callerOnly('m')], { clock: systemClock });
  const b = await startNode('b', [peer('a', a.port)]);
  await reaches(b, [a]);
  const member = await startPuppet(await keyOf('m'));
  await member.dial(a.port);
  await until('the member is connected', () => connected(a).includes('m'));
  await until('a hears the member', () => {
    void member.publish(Buffer.from('first'));
    return a.heard.includes('m:first');
  });
  for (let sent = 0; sent < 4_000 && !a.heard.includes('-m'); sent += 1)
    await member.publish(Buffer.of(sent));
  await until('the member is cut off', () => a.heard.includes('-m'));
  expect(a.gossip.counters().entriesRejected.flood).toBeGreaterThan(0);
  expect(a.gossip.counters().connectionsClosed.flood).toBe(1);
  await reaches(b, [a]);
  await reaches(a, [b]);

  await member.dial(a.port).catch(() => {});
  await until('the member is not let in again', () => a.gossip.counters().connectionsRefused.tie === 1);
});

test('an entry that a stranger signed is not taken from a member', async () => {
  const a = await startNode('a', [callerOnly('m')]);
  const member = await startPuppet(await keyOf('m'));
  const stranger = await startPuppet(await keyOf('stranger'));
  await stranger.dial(member.port);
  await member.dial(a.port);
  await until('the stranger reaches the member, and a refuses its entry', () => {
    void stranger.publish(Buffer.from('forged'));
    return member.heard.includes('forged') && a.gossip.counters().entriesRejected.stranger > 0;
  });
  expect(a.heard.filter((line) => line.includes('forged'))).toEqual([]);
  expect(a.heard).not.toContain('-m');
});

test('what a listener throws harms nobody', async () => {
  let calls = 0;
  const a = await startNode('a', [callerOnly('b')], {
    onEntry: () => {
      calls += 1;
      throw new TypeError('from the test');
    },
  });
  const b = await startNode('b', [peer('a', a.port)]);
  await until('it was called twice', () => {
    void b.gossip.publish(Buffer.from('entry'));
    return calls >= 2;
  });
  expect(connected(b)).toEqual(['a']);
});

test('publishing and pulling without a running node fail with a code', async () => {
  const a = await startNode('a', []);
  await expect(a.gossip.pull('b', Buffer.of(1))).rejects.toMatchObject({ code: 'unreachable', retry: true });
  await a.stop();
  await a.stop();
  await expect(a.gossip.publish(Buffer.of(1))).rejects.toMatchObject({ code: 'closed' });
});

test('an address that is in use, and one that is a name, are refused at start', async () => {
  const a = await startNode('a', []);
  await expect(startNode('b', [], { port: a.port })).rejects.toMatchObject({ code: 'config' });
  await expect(startNode('b', [], { listen: { host: 'localhost', port: 0 } })).rejects.toMatchObject({
    code: 'config',
  });
});
