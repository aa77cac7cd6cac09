import dns from 'node:dns';
import { describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { allReachAll, callerOnly, connected, peer, reaches, startNode, until } from './nodes.ts';
import { gossipStreams, keyOf, startPuppet } from './puppet.ts';

describe('one connection', () => {
  test.each([1, 2])('is what simultaneous dials end with, and it works (%i)', async () => {
    const [toA, toB] = [await TcpProxy.start(1), await TcpProxy.start(1)];
    toA.holds = true;
    toB.holds = true;
    const a = await startNode('a', [peer('b', toB.port)], { clock: systemClock });
    const b = await startNode('b', [peer('a', toA.port)], { clock: systemClock });
    toA.target = a.port;
    toB.target = b.port;
    await until('both dial', () => toA.open === 1 && toB.open === 1);
    toA.release();
    toB.release();
    await allReachAll([a, b]);
    await until('one connection is left', () => toA.open + toB.open === 1);
    await allReachAll([a, b]);
    // Neither had to dial again.
    expect(toA.recorded.length + toB.recorded.length).toBe(2);
    expect(a.heard.filter((line) => line === '+b')).toHaveLength(1);
    expect(b.heard.filter((line) => line === '+a')).toHaveLength(1);
    expect([...a.heard, ...b.heard].filter((line) => line.startsWith('-'))).toEqual([]);
  });

  test('a second one is refused while the first is young, and nothing is lost', async () => {
    const a = await startNode('a', [callerOnly('m')], { clock: systemClock });
    const member = await startPuppet(await keyOf('m'));
    const first = await member.dial(a.port);
    await until('a hears it', () => {
      void member.publish(Buffer.from('first'));
      return a.heard.includes('m:first');
    });
    await member.dial(a.port).catch(() => {});
    await until('the second is refused', () => a.gossip.counters().connectionsRefused.tie === 1);
    await member.publish(Buffer.from('after'));
    await until('the first goes on', () => a.heard.includes('m:after'));
    expect(first.status).toBe('open');
    expect(a.heard).not.toContain('-m');
  });

  test('a member that comes again over a new one is heard there, and the old one is closed', async () => {
    // m is the caller here: z takes its word for it that the old one is of no use.
    const z = await startNode('z', [callerOnly('m')]);
    const member = await startPuppet(await keyOf('m'));
    const first = await member.dial(z.port);
    await until('z is connected', () => connected(z).includes('m'));
    const second = await member.dial(z.port);
    await until('the old one is closed', () => first.status !== 'open');
    await until('gossip passes again', () => {
      void member.publish(Buffer.from('again'));
      void z.gossip.publish(Buffer.from('to m'));
      return z.heard.includes('m:again') && member.heard.includes('to m');
    });
    expect(second.status).toBe('open');
    expect(z.gossip.counters().connectionsClosed.spare).toBe(1);
  });
});

describe('dialling', () => {
  test('goes on for as long as a member is expected, and finds it at another address', async () => {
    const lookup = dns.lookup;
    let address: string | undefined;
    const spy = vi.spyOn(dns, 'lookup').mockImplementation(((
      host: string,
      options: object,
      done: (...results: unknown[]) => void,
    ) => {
      if (host !== 'pod-b.test') return lookup(host, options, done);
      if (address === undefined)
        return process.nextTick(done, Object.assign(new RangeError('none'), { code: 'ENOTFOUND' }));
      process.nextTick(done, null, [{ address, family: 4 }]);
    }) as typeof dns.lookup);
    try {
      const first = await startNode('b', [callerOnly('a')], { listen: { host: '127.0.0.2', port: 0 } });
      const a = await startNode('a', [{ name: 'b', host: 'pod-b.test', port: first.port }]);
      await until('the name is seen not to resolve', () => a.gossip.members()[0]?.state === 'unresolved');
      await first.stop();
      await a.stop();

      address = '127.0.0.2';
      const again = await startNode('b', [callerOnly('a')], { listen: { host: address, port: first.port } });
      const a2 = await startNode('a', [{ name: 'b', host: 'pod-b.test', port: first.port }]);
      await reaches(a2, [again]);
      await again.stop();
      await until('a sees it go', () => a2.heard.includes('-b'));

      address = '127.0.0.3';
      const moved = await startNode('b', [callerOnly('a')], { listen: { host: address, port: first.port } });
      await reaches(a2, [moved]);
    } finally {
      spy.mockRestore();
    }
  });
});

describe('a deaf pair', () => {
  test.each(['inbound', 'outbound'] as const)(
    'heals when the %s gossip stream is reset',
    async (direction) => {
      const a = await startNode('a', [callerOnly('m')]);
      const member = await startPuppet(await keyOf('m'));
      const connection = await member.dial(a.port);
      await until('gossip passes both ways', () => {
        void member.publish(Buffer.from('first'));
        void a.gossip.publish(Buffer.from('to m'));
        return a.heard.includes('m:first') && member.heard.includes('to m');
      });
      const stream = gossipStreams(connection).find((one) => one.direction === direction);
      expect(stream).toBeDefined();
      stream?.abort(new RangeError('reset by the test'));
      await until('gossip passes both ways again', () => {
        void member.publish(Buffer.from('again'));
        void a.gossip.publish(Buffer.from('to m again'));
        return a.heard.includes('m:again') && member.heard.includes('to m again');
      });
      expect(a.gossip.counters().reopened).toBeGreaterThan(0);
      expect(connection.status).toBe('open');
      expect(a.heard).not.toContain('-m');
    },
  );
});

test('a black hole is closed, and the member found again', async () => {
  const b = await startNode('b', [callerOnly('a')]);
  const proxy = await TcpProxy.start(b.port);
  const a = await startNode('a', [peer('b', proxy.port)]);
  await allReachAll([a, b]);
  proxy.swallows = true;
  await until('both give it up', () => a.heard.includes('-b') && b.heard.includes('-a'));
  expect(a.gossip.counters().connectionsClosed.silent).toBe(1);
  proxy.swallows = false;
  await allReachAll([a, b]);
});
