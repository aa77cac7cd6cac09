/** Streams of a tunnel: many, half-closed, reset, stalled, refused; and how a tunnel is closed. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  BROKER_STREAMS,
  H2_STREAM_WINDOW,
  LEG_LINGER_MS,
  SESSION_DANGLING_MS,
  STREAM_ACCEPT_MS,
} from '../../../src/base/limits.ts';
import type { Link } from '../../../src/net/link.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { closed, watch, writeUntilStuck } from '../../support/streams.ts';
import { TARGET, type TunnelPair, type TunnelPairOptions, tunnelPair } from '../../support/tunnels.ts';

checkLeaks();

const MIB = 1_024 * 1_024;
/** Much work, for a machine that has other work to do. */
const SLOW = { timeout: 60_000 };

async function open(options?: TunnelPairOptions): Promise<TunnelPair> {
  const tunnel = await tunnelPair(options);
  onTestFinished(() => tunnel.close());
  return tunnel;
}

function linkEvents({ stream }: Link): string[] {
  const events: string[] = [];
  stream.once('end', () => events.push('end'));
  stream.once('close', () => events.push('close'));
  return events;
}

async function pump({ stream }: Link, size: number): Promise<string> {
  const hash = createHash('sha256');
  for (let sent = 0; sent < size; sent += 65_536) {
    const chunk = Buffer.alloc(Math.min(65_536, size - sent), `${sent};`);
    hash.update(chunk);
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  return hash.digest('hex');
}

async function hashOf({ stream }: Link): Promise<string> {
  const hash = createHash('sha256');
  stream.on('data', (chunk: Buffer) => hash.update(chunk)).resume();
  await once(stream, 'end');
  return hash.digest('hex');
}

describe('streams of a tunnel', () => {
  it('200 at once each carry their own bytes, both ways', async () => {
    const tunnel = await open();
    const streams = await Promise.all(Array.from({ length: 200 }, () => tunnel.open()));
    const results = await Promise.all(
      streams.map(async ({ broker, bridge }, number) => {
        const [there, back] = [
          Buffer.alloc(40_000, `there ${number};`),
          Buffer.alloc(50_000, `back ${number};`),
        ];
        const [atBroker, atBridge] = [watch(broker.stream), watch(bridge.stream)];
        broker.stream.end(there);
        bridge.stream.end(back);
        await Promise.all([atBroker.closed, atBridge.closed]);
        return [atBroker.events, atBridge.events, atBridge.bytes.equals(there), atBroker.bytes.equals(back)];
      }),
    );
    for (const result of results) expect(result).toEqual([['end', 'close'], ['end', 'close'], true, true]);
  });

  it.each(['memory', 'tls'] as const)('16 MiB each way at once arrive whole over a %s link', async (kind) => {
    const tunnel = await open({ kind });
    const { broker, bridge } = await tunnel.open();
    const hashes = await Promise.all([
      pump(broker, 16 * MIB),
      hashOf(bridge),
      pump(bridge, 16 * MIB),
      hashOf(broker),
    ]);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[3]).toBe(hashes[2]);
  });

  it('the client may end first and still gets the answer', async () => {
    const tunnel = await open();
    const { broker, bridge } = await tunnel.open();
    const [atBroker, atBridge] = [watch(broker.stream), watch(bridge.stream)];
    broker.stream.end('question');
    await atBridge.ended;
    await settled(() => false, 20);
    bridge.stream.end(Buffer.alloc(2 * MIB, 'answer'));
    await atBroker.closed;
    expect(atBridge.bytes.toString()).toBe('question');
    expect(atBroker.bytes).toHaveLength(2 * MIB);
    expect(atBroker.events).toEqual(['end', 'close']);
  });

  it('the store may end first and still gets the rest', async () => {
    const tunnel = await open();
    const { broker, bridge } = await tunnel.open();
    const [atBroker, atBridge] = [watch(broker.stream), watch(bridge.stream)];
    bridge.stream.end('bye');
    await atBroker.ended;
    await settled(() => false, 20);
    broker.stream.end(Buffer.alloc(2 * MIB, 'rest'));
    await atBridge.closed;
    expect(atBridge.bytes).toHaveLength(2 * MIB);
    expect(atBridge.events).toEqual(['end', 'close']);
  });

  it.each(['broker', 'bridge'] as const)(
    'a reset by the %s reaches the other end as a reset',
    async (from) => {
      const tunnel = await open();
      const { broker, bridge } = await tunnel.open();
      const [near, far] = from === 'broker' ? [broker, bridge] : [bridge, broker];
      const seen = watch(far.stream);
      near.stream.write('part');
      await settled(() => seen.bytes.length > 0);
      near.reset();
      await seen.closed;
      expect(seen.events).not.toContain('end');
      expect(seen.bytes.toString()).toBe('part');
      expect(tunnel.broker.usable).toBe(true);
    },
  );

  it.each(['broker', 'bridge'] as const)(
    '5,000 resets by the %s, with bytes in flight both ways, leave a live stream whole',
    SLOW,
    async (from) => {
      const tunnel = await open();
      const live = await tunnel.open();
      const received = Promise.all([pump(live.broker, 8 * MIB), hashOf(live.bridge)]);
      for (let round = 0; round < 50; round += 1) {
        const streams = await Promise.all(Array.from({ length: 100 }, () => tunnel.open()));
        for (const { broker, bridge } of streams) {
          broker.stream.write(Buffer.alloc(500));
          bridge.stream.write(Buffer.alloc(500));
        }
        await settled(() => false, 2);
        for (const { broker, bridge } of streams) (from === 'broker' ? broker : bridge).reset();
        await Promise.all(
          streams.flatMap(({ broker, bridge }) => [closed(broker.stream), closed(bridge.stream)]),
        );
      }
      const [sent, got] = await received;
      expect(got).toBe(sent);
      const echo = watch(live.broker.stream);
      live.bridge.stream.end('still here');
      await echo.ended;
      expect(echo.bytes.toString()).toBe('still here');
    },
  );

  it('readers that stop for good hold one window each, and fast streams go on', SLOW, async () => {
    const tunnel = await open();
    const stalled = await Promise.all(Array.from({ length: 100 }, () => tunnel.open()));
    for (const { broker } of stalled) broker.stream.pause();
    const written = await Promise.all(stalled.map(({ bridge }) => writeUntilStuck(bridge.stream, 8 * MIB)));
    for (const { broker, bridge } of stalled) {
      expect(broker.stream.readableLength).toBeLessThanOrEqual(H2_STREAM_WINDOW);
      expect(bridge.stream.writableLength).toBeLessThanOrEqual(128 * 1_024);
    }
    // A window, what waits at the sender, and the write that did not fit.
    for (const bytes of written) expect(bytes).toBeLessThanOrEqual(H2_STREAM_WINDOW + 192 * 1_024);
    const fast = await tunnel.open();
    const [sent, got] = await Promise.all([pump(fast.bridge, 32 * MIB), hashOf(fast.broker)]);
    expect(got).toBe(sent);
  });

  it('the end comes after the unread bytes of a paused reader', async () => {
    const tunnel = await open();
    const { broker, bridge } = await tunnel.open();
    bridge.stream.end(Buffer.alloc(500_000, 'x'));
    await once(bridge.stream, 'finish');
    const seen = watch(broker.stream);
    await seen.ended;
    expect(seen.bytes).toHaveLength(500_000);
  });

  it('are counted, so that a full tunnel says so', async () => {
    const tunnel = await open();
    const opened = Array.from({ length: BROKER_STREAMS }, () => tunnel.broker.connect(TARGET));
    await Promise.all(opened.map(({ accepted }) => accepted));
    expect(tunnel.broker.hasRoom).toBe(false);
    expect(tunnel.broker.usable).toBe(true);
    opened[0]?.link.reset();
    await settled(() => tunnel.broker.hasRoom);
    expect(tunnel.broker.hasRoom).toBe(true);
    await tunnel.broker.connect(TARGET).accepted;
  });
});

describe('a stream whose target is not reached', () => {
  it.each(['unknownTarget', 'targetUnreachable', 'targetTls'] as const)(
    'is reset, never ended, and the broker is told %s',
    async (code) => {
      const tunnel = await open({ reach: () => Promise.reject(new BeaconError(code, 'no')) });
      const { link, accepted } = tunnel.broker.connect('other');
      const seen = watch(link.stream);
      link.stream.write('early bytes');
      await expect(accepted).rejects.toMatchObject({ code });
      await seen.closed;
      expect(seen.events).not.toContain('end');
      expect(tunnel.refused.map((error) => error.code)).toEqual([code]);
      expect(tunnel.broker.usable).toBe(true);
    },
  );

  it('is told internal when the bridge failed in another way', async () => {
    const tunnel = await open({ reach: () => Promise.reject(new TypeError('a defect')) });
    await expect(tunnel.broker.connect(TARGET).accepted).rejects.toMatchObject({ code: 'internal' });
    expect(tunnel.refused[0]?.code).toBe('internal');
  });

  it(`is given up after ${STREAM_ACCEPT_MS} ms`, async () => {
    const clock = new ManualClock();
    const tunnel = await open({ reach: () => new Promise(() => {}), clock });
    const { link, accepted } = tunnel.broker.connect(TARGET);
    const outcome = accepted.then(
      () => 'accepted',
      ({ code }: BeaconError) => code,
    );
    const seen = watch(link.stream);
    await clock.advanceAsync(STREAM_ACCEPT_MS - 1);
    expect(link.stream.destroyed).toBe(false);
    await clock.advanceAsync(1);
    expect(await outcome).toBe('timeout');
    await seen.closed;
    expect(seen.events).not.toContain('end');
  });

  it('is told closed when the tunnel goes first', async () => {
    const tunnel = await open({ reach: () => new Promise(() => {}) });
    const { accepted } = tunnel.broker.connect(TARGET);
    await settled(() => false, 10);
    tunnel.bridge.destroy();
    await expect(accepted).rejects.toMatchObject({ code: 'closed', retry: true });
  });

  it('keeps what the client sent until the target is there', async () => {
    const reached = Promise.withResolvers<Link>();
    const tunnel = await open({ reach: () => reached.promise });
    const opening = tunnel.open();
    const other = await tunnelPair();
    onTestFinished(() => other.close());
    await settled(() => false, 20);
    reached.resolve((await other.open()).broker);
    const { bridge, broker } = await opening;
    broker.stream.end('early');
    const seen = watch(bridge.stream);
    await seen.ended;
    expect(seen.bytes.toString()).toBe('early');
  });
});

// The clock stands still: what waits for a deadline to end it never ends.
describe('closing a tunnel', () => {
  it.each(['broker', 'bridge'] as const)('by the %s ends the leg cleanly at both sides', async (side) => {
    const tunnel = await open({ kind: 'tls', clock: new ManualClock() });
    const { broker, bridge } = await tunnel.open();
    watch(broker.stream);
    watch(bridge.stream);
    broker.stream.end();
    bridge.stream.end();
    await Promise.all([closed(broker.stream), closed(bridge.stream)]);
    const events = tunnel.links.map(linkEvents);
    await tunnel[side].close();
    await Promise.all([tunnel.broker.closed, tunnel.bridge.closed]);
    await settled(() => events.flat().length === 4);
    expect(events).toEqual([
      ['end', 'close'],
      ['end', 'close'],
    ]);
  });

  it.each(['broker', 'bridge'] as const)('by the %s lets running streams finish', async (side) => {
    const tunnel = await open({ clock: new ManualClock() });
    const { broker, bridge } = await tunnel.open();
    const seen = watch(broker.stream);
    bridge.stream.write('first');
    await settled(() => seen.bytes.length > 0);
    const closing = tunnel[side].close();
    await tunnel.broker.left;
    expect(tunnel.broker.usable).toBe(false);
    bridge.stream.end(Buffer.alloc(3 * MIB, 'rest'));
    watch(bridge.stream);
    broker.stream.end();
    await seen.closed;
    expect(seen.events).toEqual(['end', 'close']);
    expect(seen.bytes).toHaveLength(3 * MIB + 5);
    await closing;
  });

  it('by the bridge never looks at streams that cross its GOAWAY, and they are told apart', async () => {
    const tunnel = await open({ kind: 'tls', clock: new ManualClock() });
    const running = await tunnel.open();
    const closing = tunnel.bridge.close();
    const crossing: Promise<string>[] = [];
    let last: Link | undefined;
    while (tunnel.broker.usable) {
      const { link, accepted } = tunnel.broker.connect(TARGET);
      last = link;
      link.stream.write('early');
      crossing.push(
        accepted.then(
          () => 'accepted',
          (error: BeaconError) => error.code,
        ),
      );
      await settled(() => false, 1);
    }
    expect(await tunnel.broker.left).toBe('goaway');
    const seen = watch(running.broker.stream);
    running.bridge.stream.end('still served');
    await seen.ended;
    running.broker.reset();
    const outcomes = await Promise.all(crossing);
    expect(outcomes.length).toBeGreaterThan(0);
    expect(new Set(outcomes)).toEqual(new Set(['noTunnel']));
    expect(last?.stream.destroyed).toBe(true);
    await closing;
  });

  it('says that it is gone when it was cut', async () => {
    const clock = new ManualClock();
    const tunnel = await open({ clock });
    // Before that, a cut ends it at once.
    await settled(() => tunnel.broker.attachable);
    tunnel.links[1].reset();
    await clock.advanceAsync(SESSION_DANGLING_MS - 1);
    expect(tunnel.broker.usable).toBe(true);
    await clock.advanceAsync(1);
    expect(await tunnel.broker.left).toBe('gone');
    await tunnel.broker.close();
    await tunnel.bridge.close();
  });

  it.each(['broker', 'bridge'] as const)('by the %s can be cut short by destroy', async (side) => {
    const tunnel = await open({ clock: new ManualClock() });
    const { broker } = await tunnel.open();
    const seen = watch(broker.stream);
    const closing = tunnel[side].close();
    await settled(() => false, 20);
    tunnel[side].destroy();
    await Promise.all([closing, seen.closed]);
    expect(seen.events).not.toContain('end');
  });

  it.each(['broker', 'bridge'] as const)(
    'destroy by the %s works on a leg that takes no bytes',
    async (side) => {
      const clock = new ManualClock();
      const tunnel = await open({ clock });
      const { broker, bridge } = await tunnel.open();
      const [near, far] = side === 'broker' ? [broker, bridge] : [bridge, broker];
      far.stream.pause();
      tunnel.links[side === 'broker' ? 1 : 0].stream.pause();
      await writeUntilStuck(near.stream, 64 * MIB);
      tunnel[side].destroy();
      // At once; only the leg waits, as long as any.
      await closed(near.stream);
      await clock.advanceAsync(LEG_LINGER_MS);
      await tunnel[side].closed;
    },
  );
});
