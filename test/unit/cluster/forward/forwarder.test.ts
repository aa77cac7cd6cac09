/** Forwards over real sockets, both ends ours. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  FORWARD_DIALS,
  FORWARD_SIGN_MS,
  FORWARD_SILENCE_MS,
  STALL_TIMEOUT_MS,
} from '../../../../src/base/limits.ts';
import type { Link } from '../../../../src/net/link.ts';
import { spliceLinks } from '../../../../src/net/splice.ts';
import { checkLeaks, settled } from '../../../support/leaks.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { memoryLinks } from '../../../support/memory-link.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import { watch } from '../../../support/streams.ts';
import { LINE_A, LINE_B } from '../nodes.ts';
import { BRIDGE, YEAR_MS } from './ends.ts';
import {
  ask,
  HOST,
  type HolderNode,
  type HolderNodeOptions,
  holderNode,
  linkOf,
  originNode,
  textOf,
} from './nodes.ts';

checkLeaks();

/** A joined forward: the origin's end and the holder's. */
async function joined(
  options: HolderNodeOptions = {},
): Promise<{ origin: Link; holder: Link; node: HolderNode }> {
  const node = await holderNode(options);
  const origin = linkOf(await ask(originNode(), node).result);
  return { origin, holder: node.joined[0] ?? expect.unreachable(), node };
}

/** Takes TCP connections and says nothing. */
async function silentServer(): Promise<{ name: string; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { name: 'holder-0', port: typeof address === 'object' && address ? address.port : 0, sockets };
}

describe('a forward', () => {
  it('joins an origin with a holder, and nothing of the set-up is left', async () => {
    const node = await holderNode();
    const forwarder = originNode();
    const asked = ask(forwarder, node, { request: { wanted: BRIDGE, except: ['02'.repeat(16)] } });
    const link = linkOf(await asked.result);
    expect(asked.told).toEqual(['ready', `joined ${BRIDGE}`]);
    expect(node.told).toEqual(['request', 'answer yes']);
    expect(node.requests[0]?.request).toMatchObject({ origin: 'origin-0', wanted: BRIDGE, hops: 1 });
    expect([forwarder.open, node.server.pending]).toEqual([0, 0]);
    const [atOrigin, atHolder] = [watch(link.stream), watch(node.joined[0]?.stream ?? expect.unreachable())];
    const bulk = Buffer.alloc(1_000_000, 7);
    link.stream.end(bulk);
    node.joined[0]?.stream.end('response');
    await Promise.all([atOrigin.closed, atHolder.closed]);
    expect(atHolder.bytes.equals(bulk)).toBe(true);
    expect(atOrigin.bytes.toString()).toBe('response');
    expect([atOrigin.events, atHolder.events]).toEqual([
      ['end', 'close'],
      ['end', 'close'],
    ]);
  });

  it('hands over what the bridge sent in the same packet as JOINED', async () => {
    const node = await holderNode({ joins: false, onRequest: (incoming) => incoming.ready() });
    const asked = ask(originNode(), node);
    expect(await settled(() => node.told.includes('answer yes'))).toBe(true);
    const holder = node.requests[0]?.join(BRIDGE) ?? expect.unreachable();
    holder.stream.write('at once');
    const origin = linkOf(await asked.result);
    const atOrigin = watch(origin.stream);
    await once(origin.stream, 'data');
    expect(atOrigin.bytes.toString()).toBe('at once');
    holder.reset();
  });

  it.each(['origin', 'holder'] as const)('lets its %s end alone', async (side) => {
    const { origin, holder } = await joined();
    const [first, second] = side === 'origin' ? [origin, holder] : [holder, origin];
    const [atFirst, atSecond] = [watch(first.stream), watch(second.stream)];
    first.stream.end('request');
    await atSecond.ended;
    second.stream.write('one ');
    await once(first.stream, 'data');
    expect(atFirst.events).toEqual([]);
    second.stream.end('two');
    await Promise.all([atFirst.closed, atSecond.closed]);
    expect([atFirst.bytes.toString(), atSecond.bytes.toString()]).toEqual(['one two', 'request']);
  });

  it.each(['origin', 'holder'] as const)('shows a reset by its %s as a reset', async (side) => {
    const { origin, holder } = await joined();
    const [first, second] = side === 'origin' ? [origin, holder] : [holder, origin];
    const atSecond = watch(second.stream);
    first.stream.write('half a sen');
    await once(second.stream, 'data');
    first.reset();
    await atSecond.closed;
    expect(atSecond.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('that is idle lives as long as a local splice does: longer than every limit there is', async () => {
    const clock = new ManualClock();
    const node = await holderNode({ clock });
    const origin = linkOf(await ask(originNode({ clock }), node).result);
    const [broker, atBroker] = memoryLinks();
    const [bridge, atBridge] = memoryLinks();
    const options = { clock, stallMs: STALL_TIMEOUT_MS };
    const splices = [
      spliceLinks(broker, origin, options),
      spliceLinks(node.joined[0] ?? expect.unreachable(), bridge, options),
    ];
    await clock.advanceAsync(YEAR_MS);
    const seen = watch(atBridge.stream);
    atBroker.stream.write('good morning');
    await once(atBridge.stream, 'data');
    expect(seen.bytes.toString()).toBe('good morning');
    await clock.advanceAsync(YEAR_MS);
    atBroker.stream.end();
    await seen.ended;
    atBridge.stream.end();
    atBroker.stream.resume();
    expect((await Promise.all(splices.map(({ done }) => done))).map(({ outcome }) => outcome)).toEqual([
      'ended',
      'ended',
    ]);
    expect(clock.pending).toBe(0);
  });
});

describe('a holder', () => {
  it('that has no such park says how far its directory is', async () => {
    const node = await holderNode({ onRequest: (incoming) => incoming.notHere(1_700_000_000_000, 42) });
    const forwarder = originNode();
    expect(textOf(await ask(forwarder, node).result)).toBe('notHere 1700000000000 42');
    expect(await settled(() => forwarder.open + node.server.pending === 0)).toBe(true);
    expect(node.told).toEqual(['request']);
  });

  it('that refuses says why', async () => {
    const node = await holderNode({ onRequest: (incoming) => incoming.refuse('draining') });
    expect(textOf(await ask(originNode(), node).result)).toBe('refused draining');
  });

  it('lets a request wait, then serves it', async () => {
    const clock = new ManualClock();
    const node = await holderNode({ clock, onRequest: (incoming) => incoming.queued() });
    const asked = ask(originNode({ clock }), node);
    expect(await settled(() => asked.told.length === 1)).toBe(true);
    // Ten seconds in its line, every sign on its way before the next is due.
    for (let sign = 0; sign < 19; sign += 1) {
      clock.advance(FORWARD_SIGN_MS);
      await settled(() => false, 20);
    }
    expect(asked.told).toEqual(['queued']);
    node.requests[0]?.ready();
    expect(textOf(await asked.result)).toBe('joined');
  });

  it('is told no, and is free again', async () => {
    const node = await holderNode();
    const forwarder = originNode();
    ask(forwarder, node, { onReady: (outgoing) => outgoing.decline() });
    expect(await settled(() => node.told.length === 2)).toBe(true);
    expect(await settled(() => forwarder.open + node.server.pending === 0)).toBe(true);
    expect(node.told).toEqual(['request', 'answer no']);
  });

  it('whose certificate names another node is not asked', async () => {
    const node = await holderNode({ name: 'holder-1' });
    expect(textOf(await ask(originNode(), node, { node: 'holder-0' }).result)).toBe('unreachable untrusted');
    expect(node.told).toEqual([]);
  });

  it('under another secret is not asked', async () => {
    const node = await holderNode({ lines: [LINE_B] });
    const { result } = ask(originNode(), node);
    expect(textOf(await result)).toBe('unreachable untrusted');
    expect(await result).toMatchObject({
      error: { message: expect.stringContaining('give all nodes the same cluster secret') },
    });
  });

  it.each([
    ['add the next', [LINE_A], [LINE_A, LINE_B]],
    ['swap them', [LINE_A, LINE_B], [LINE_B, LINE_A]],
    ['remove the old', [LINE_B, LINE_A], [LINE_B]],
  ])('serves while the secret is rotated, both ways: %s', async (_, one, two) => {
    for (const [from, to] of [
      [one, two],
      [two, one],
    ] as const) {
      const node = await holderNode({ lines: to });
      expect(textOf(await ask(originNode({ lines: from }), node).result)).toBe('joined');
    }
  });

  it('that is not there is unreachable at once', async () => {
    const node = await holderNode();
    await node.server.close();
    expect(textOf(await ask(originNode(), node).result)).toBe('unreachable unreachable');
  });

  it('that takes connections and says nothing is given up after 2 s', async () => {
    const clock = new ManualClock();
    const silent = await silentServer();
    const asked = ask(originNode({ clock }), silent);
    expect(await settled(() => silent.sockets.length === 1)).toBe(true);
    clock.advance(FORWARD_SILENCE_MS - 1);
    await settled(() => false, 20);
    expect(asked.told).toEqual([]);
    clock.advance(1);
    expect(textOf(await asked.result)).toBe('unreachable unreachable');
  });

  it('that falls silent after the handshake is given up after 2 s', async () => {
    const clock = new ManualClock();
    const node = await holderNode({ clock: new ManualClock(), onRequest: () => {} });
    const asked = ask(originNode({ clock }), node);
    expect(await settled(() => node.told.length === 1)).toBe(true);
    clock.advance(FORWARD_SILENCE_MS);
    expect(textOf(await asked.result)).toBe('unreachable unreachable');
    expect(await settled(() => node.told.includes('gone'))).toBe(true);
  });
});

describe('cancel', () => {
  it('ends a dial under way', async () => {
    const silent = await silentServer();
    const forwarder = originNode();
    const asked = ask(forwarder, silent);
    expect(await settled(() => silent.sockets.length === 1)).toBe(true);
    asked.outgoing.cancel();
    expect(await settled(() => forwarder.open === 0)).toBe(true);
    expect(asked.told).toEqual([]);
  });

  it.each([
    ['while it waits', (incoming: { queued(): void }) => incoming.queued(), false],
    ['while bridges are offered', (incoming: { ready(): void }) => incoming.ready(), true],
  ])('%s frees the holder', async (_, onRequest, answered) => {
    const node = await holderNode({ joins: false, onRequest });
    const forwarder = originNode();
    const asked = ask(forwarder, node);
    expect(await settled(() => asked.told.length === 1 && node.told.length === (answered ? 2 : 1))).toBe(
      true,
    );
    asked.outgoing.cancel();
    expect(await settled(() => node.told.includes('gone'))).toBe(true);
    expect(await settled(() => forwarder.open + node.server.pending === 0)).toBe(true);
    expect(asked.told).toHaveLength(1);
  });

  it('comes to all of them when the forwarder closes, and not to joined ones', async () => {
    const node = await holderNode();
    const waiting = await holderNode({ name: 'holder-1', onRequest: (incoming) => incoming.queued() });
    const forwarder = originNode();
    const link = linkOf(await ask(forwarder, node).result);
    const asked = ask(forwarder, waiting);
    const dialling = ask(forwarder, await silentServer());
    expect(await settled(() => asked.told.length === 1)).toBe(true);
    forwarder.close();
    expect(await settled(() => waiting.told.includes('gone') && forwarder.open === 0)).toBe(true);
    expect([asked.told, dialling.told]).toEqual([['queued'], []]);
    const atHolder = watch(node.joined[0]?.stream ?? expect.unreachable());
    link.stream.end('still here');
    await atHolder.ended;
    expect(atHolder.bytes.toString()).toBe('still here');
  });
});

it('a fault of ours is logged without what it says', async () => {
  const { log, lines } = recordingLog();
  const node = await holderNode();
  const asked = ask(originNode({ log }), node, {
    onReady: () => {
      throw new TypeError('boom at 192.0.2.7');
    },
  });
  expect(textOf(await asked.result)).toBe('unreachable internal');
  expect(lines.filter(({ level }) => level !== 'debug')).toEqual([
    { level: 'error', message: expect.stringContaining('fault of ours'), fields: undefined },
  ]);
  expect(await settled(() => node.told.includes('gone'))).toBe(true);
});

describe('spare sockets', () => {
  it('carry the next forward, and are replaced', async () => {
    const node = await holderNode();
    const forwarder = originNode({ spares: 1 });
    linkOf(await ask(forwarder, node).result);
    expect(await settled(() => forwarder.spares === 1)).toBe(true);
    const asked = ask(forwarder, node);
    expect(forwarder.spares).toBe(0);
    const link = linkOf(await asked.result);
    const atHolder = watch(node.joined[1]?.stream ?? expect.unreachable());
    link.stream.end('over a spare');
    await atHolder.ended;
    expect(atHolder.bytes.toString()).toBe('over a spare');
    expect(await settled(() => forwarder.spares === 1)).toBe(true);
    forwarder.close();
    expect(forwarder.spares).toBe(0);
    expect(await settled(() => node.server.pending === 0)).toBe(true);
  });

  it('do not outlive the holder, whose successor is dialled', async () => {
    const node = await holderNode();
    const forwarder = originNode({ spares: 2 });
    linkOf(await ask(forwarder, node).result);
    expect(await settled(() => forwarder.spares === 2)).toBe(true);
    await node.server.close();
    const successor = await holderNode({ port: node.port });
    // At once: the origin may not have seen yet that its spares are gone.
    expect(textOf(await ask(forwarder, successor).result)).toBe('joined');
    expect(await settled(() => forwarder.spares === 2 && successor.server.pending === 2)).toBe(true);
  });
});

it('a burst takes turns: every one of it is joined', async () => {
  // A clock that stands still: how long it takes is the business of the machine that tests.
  const clock = new ManualClock();
  const node = await holderNode({ clock });
  const forwarder = originNode({ clock });
  const results = await Promise.all(
    Array.from({ length: 4 * FORWARD_DIALS }, () => ask(forwarder, node).result),
  );
  expect(new Set(results.map(textOf))).toEqual(new Set(['joined']));
  expect(node.joined).toHaveLength(4 * FORWARD_DIALS);
});

it('a burst at a silent holder is given up after 2 s, all of it', async () => {
  const clock = new ManualClock();
  const silent = await silentServer();
  const forwarder = originNode({ clock });
  const asked = Array.from({ length: 4 * FORWARD_DIALS }, () => ask(forwarder, silent));
  expect(await settled(() => silent.sockets.length === FORWARD_DIALS)).toBe(true);
  clock.advance(FORWARD_SILENCE_MS);
  const results = await Promise.all(asked.map(({ result }) => result));
  expect(new Set(results.map(textOf))).toEqual(new Set(['unreachable unreachable']));
  expect([silent.sockets.length, forwarder.open]).toEqual([FORWARD_DIALS, 0]);
});
