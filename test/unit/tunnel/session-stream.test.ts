/** A session as a stream: bytes over legs that come and go, ends that are ends, cuts that are cuts, and bounded memory. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import {
  LEG_LINGER_MS,
  SESSION_DANGLING_MS,
  SESSION_ECHO_MS,
  SESSION_LEGS,
  SESSION_SILENCE_MS,
  SESSION_WINDOW_BYTES,
} from '../../../src/base/limits.ts';
import type { SessionStream } from '../../../src/tunnel/session-stream.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { LINK_KINDS } from '../../support/net-links.ts';
import { KEY, type SessionPair, sessionPair } from '../../support/session-pair.ts';
import { patternOf } from '../../support/sim-session.ts';
import { closed, watch, writeUntilStuck } from '../../support/streams.ts';

checkLeaks();

const MIB = 1_024 * 1_024;
const SIZE = 3 * MIB;
const OUT = patternOf('broker', SIZE);
const BACK = patternOf('bridge', SIZE);
/** More than any window and all buffers. */
const MUCH = 64 * MIB;

/** Lets the clock go on, in steps, until `done`; acknowledgements wait for it. */
async function until(clock: ManualClock, done: () => boolean, ms = 5_000): Promise<void> {
  for (let passed = 0; passed < ms && !done(); passed += 10) {
    await clock.advanceAsync(10);
    await settled(done, 20);
  }
  expect(done()).toBe(true);
}

async function scene(): Promise<SessionPair & { clock: ManualClock }> {
  const clock = new ManualClock();
  return { ...(await sessionPair({ clock })), clock };
}

/** Runs `cut` in the midst of a read, when `bytes` have come. */
function cutAfter(stream: SessionStream, bytes: number, cut: () => void): void {
  let seen = 0;
  const onData = (chunk: Buffer): void => {
    seen += chunk.length;
    if (seen < bytes) return;
    stream.off('data', onData);
    cut();
  };
  stream.on('data', onData);
}

function errorOf(stream: SessionStream): string | undefined {
  return stream.errored?.message;
}

describe.each(LINK_KINDS)('a session over %s legs', (kind) => {
  it('carries bytes both ways, ends cleanly both ways, and leaves nothing', async () => {
    const clock = new ManualClock();
    const { broker, bridge, side, first } = await sessionPair({ kind, clock });
    const [atBroker, atBridge] = [watch(broker), watch(bridge)];
    broker.end(OUT);
    bridge.end(BACK);
    await until(clock, () => atBroker.events.length + atBridge.events.length === 4);
    expect(atBridge.bytes.equals(OUT)).toBe(true);
    expect(atBroker.bytes.equals(BACK)).toBe(true);
    expect([atBroker.events, atBridge.events]).toEqual([
      ['end', 'close'],
      ['end', 'close'],
    ]);
    await Promise.all([broker.gone, bridge.gone]);
    await Promise.all([closed(first.broker.stream), closed(first.bridge.stream)]);
    await settled(() => side.sessions.size === 0);
    expect([side.sessions.size, clock.pending]).toEqual([0, 0]);
  });

  it('goes on in one direction when the other has ended', async () => {
    const clock = new ManualClock();
    const { broker, bridge } = await sessionPair({ kind, clock });
    const [atBroker, atBridge] = [watch(broker), watch(bridge)];
    broker.end('question');
    await atBridge.ended;
    bridge.end(BACK);
    await until(clock, () => atBroker.events.length === 2);
    expect(atBroker.bytes.equals(BACK)).toBe(true);
    expect([atBroker.events, atBridge.bytes.toString()]).toEqual([['end', 'close'], 'question']);
  });

  it('aborts at the other end at once when one end aborts', async () => {
    const clock = new ManualClock();
    const { broker, bridge } = await sessionPair({ kind, clock });
    const seen = watch(bridge);
    watch(broker);
    broker.write('part');
    await settled(() => seen.bytes.length > 0);
    broker.destroy();
    // The clock stands still: it is the ABORT that says so.
    await seen.closed;
    expect(seen.events).toEqual(['error:closed', 'close']);
    expect(errorOf(bridge)).toBe('the other end gave the tunnel up');
    await Promise.all([broker.gone, bridge.gone]);
    expect(clock.pending).toBe(0);
  });

  it('loses nothing when the active leg is cut in mid-transfer, both ways', async () => {
    const clock = new ManualClock();
    const { broker, bridge, first, add, events } = await sessionPair({ kind, clock });
    await add();
    const [atBroker, atBridge] = [watch(broker), watch(bridge)];
    cutAfter(bridge, 100_000, () => first.bridge.reset());
    broker.end(OUT);
    bridge.end(BACK);
    await until(clock, () => atBroker.events.length + atBridge.events.length === 4);
    expect(atBridge.bytes.equals(OUT)).toBe(true);
    expect(atBroker.bytes.equals(BACK)).toBe(true);
    expect([...atBroker.events, ...atBridge.events]).toEqual(['end', 'close', 'end', 'close']);
    expect(events).toContain('move 2 lost');
  });

  it('holds a window for a reader that stops, and no more', async () => {
    const clock = new ManualClock();
    const { broker, bridge } = await sessionPair({ kind, clock });
    bridge.pause();
    let isStuck = false;
    const writing = writeUntilStuck(broker, MUCH).then((bytes) => {
      isStuck = true;
      return bytes;
    });
    await until(clock, () => isStuck, 60_000);
    const written = await writing;
    expect(bridge.readableLength).toBeLessThanOrEqual(SESSION_WINDOW_BYTES);
    expect(broker.stats.unacknowledgedBytes).toBeLessThanOrEqual(SESSION_WINDOW_BYTES + 64 * 1_024);
    // A window at the reader and one at the writer, which is what each may hold; and the stream's own buffer.
    expect(written).toBeLessThanOrEqual(2 * SESSION_WINDOW_BYTES + MIB);
    const seen = watch(bridge);
    await until(clock, () => seen.bytes.length === written, 60_000);
    expect(bridge.stats.unreadBytes).toBe(0);
  });
});

describe('a session without a leg', () => {
  it('goes on where it was with the first new one', async () => {
    const { broker, bridge, first, add, clock } = await scene();
    const [atBroker, atBridge] = [watch(broker), watch(bridge)];
    cutAfter(bridge, 100_000, () => first.broker.reset());
    broker.end(OUT);
    bridge.end(BACK);
    await settled(() => bridge.legs.length === 0);
    await clock.advanceAsync(SESSION_DANGLING_MS - 1_000);
    expect([...atBroker.events, ...atBridge.events]).toEqual([]);
    await add();
    await until(clock, () => atBroker.events.length + atBridge.events.length === 4);
    expect([atBridge.bytes.equals(OUT), atBroker.bytes.equals(BACK)]).toEqual([true, true]);
    expect([...atBroker.events, ...atBridge.events]).toEqual(['end', 'close', 'end', 'close']);
  });

  it(`is aborted after ${SESSION_DANGLING_MS} ms, never ended, at both ends`, async () => {
    const { broker, bridge, first, clock, side } = await scene();
    const [atBroker, atBridge] = [watch(broker), watch(bridge)];
    broker.end('all of it');
    await settled(() => atBridge.bytes.length > 0);
    bridge.write(BACK);
    first.broker.reset();
    await clock.advanceAsync(SESSION_DANGLING_MS - 1);
    expect(atBroker.events).toEqual([]);
    await clock.advanceAsync(1);
    await Promise.all([atBroker.closed, atBridge.closed]);
    expect(atBroker.events).toEqual(['error:closed', 'close']);
    expect(errorOf(broker)).toMatch(/no leg could be attached in time/);
    expect(atBridge.events.at(-2)).toBe('error:closed');
    await Promise.all([broker.gone, bridge.gone]);
    await settled(() => side.sessions.size === 0);
    expect([side.sessions.size, clock.pending]).toEqual([0, 0]);
  });

  it('fails at once while its inner handshake is not over', async () => {
    const clock = new ManualClock();
    const { broker, first } = await sessionPair({ clock, established: false });
    const seen = watch(broker);
    first.bridge.reset();
    await seen.closed;
    expect(errorOf(broker)).toMatch(/before the inner handshake was over/);
  });
});

describe('a leg of a session', () => {
  it('that ends though the session is not done is lost, and not an end', async () => {
    const { broker, bridge, first, add, clock } = await scene();
    await add();
    const seen = watch(bridge);
    broker.write(OUT);
    await settled(() => seen.bytes.length > 10_000);
    first.broker.stream.end();
    await until(clock, () => seen.bytes.length === SIZE && bridge.legs.length === 1);
    expect([seen.bytes.equals(OUT), seen.events]).toEqual([true, []]);
    expect(broker.legs).toHaveLength(1);
  });

  it(`that falls silent is reset ${SESSION_ECHO_MS} ms after a probe, and traffic moves`, async () => {
    const { broker, bridge, first, add, clock, events } = await scene();
    await add();
    const seen = watch(bridge);
    first.bridge.stream.pause();
    first.bridge.stream.removeAllListeners('data');
    broker.write(OUT);
    await until(clock, () => seen.bytes.length === SIZE, 10_000);
    expect(seen.bytes.equals(OUT)).toBe(true);
    expect(events).toEqual(['suspect 1', 'move 2 stalled']);
    await clock.advanceAsync(SESSION_SILENCE_MS + SESSION_ECHO_MS);
    expect(events.slice(2)).toEqual(['gone 1 closed']);
    expect(broker.legs.map(({ id }) => id)).toEqual([2]);
  });

  it('that another one has replaced can be released without loss', async () => {
    const { broker, bridge, add, clock, events } = await scene();
    const { leg } = await add();
    const seen = watch(bridge);
    broker.write(OUT);
    await settled(() => seen.bytes.length > 10_000);
    const [old] = broker.legs;
    if (old) broker.release(old);
    expect([broker.legs, events]).toEqual([[leg], ['move 2 lost', 'gone 1']]);
    await until(clock, () => seen.bytes.length === SIZE);
    expect(seen.bytes.equals(OUT)).toBe(true);
    if (old) broker.release(old);
    expect(broker.legs).toEqual([leg]);
  });

  it(`is one of ${SESSION_LEGS} at the most`, async () => {
    const { broker, bridge, add } = await scene();
    for (let count = 0; count < 2 * SESSION_LEGS; count += 1) await add();
    await settled(() => bridge.legs.length === SESSION_LEGS);
    expect([broker.legs.length, bridge.legs.length]).toEqual([SESSION_LEGS, SESSION_LEGS]);
  });

  it('flaps every 100 ms for a minute, and no byte is lost, and nothing is kept', {
    timeout: 60_000,
  }, async () => {
    const { broker, bridge, add, first, clock, side } = await scene();
    const [atBroker, atBridge] = [watch(broker), watch(bridge)];
    let [last, written] = [first, 0];
    for (let round = 0; round < 600; round += 1) {
      const next = await add();
      const piece = OUT.subarray(written, written + 5_000);
      broker.write(piece);
      bridge.write(BACK.subarray(written, written + 5_000));
      written += piece.length;
      await clock.advanceAsync(50);
      last.broker.reset();
      last = next;
      await clock.advanceAsync(50);
    }
    await until(clock, () => atBridge.bytes.length === written && atBroker.bytes.length === written);
    expect(atBridge.bytes.equals(OUT.subarray(0, written))).toBe(true);
    expect(atBroker.bytes.equals(BACK.subarray(0, written))).toBe(true);
    expect([broker.legs.length, bridge.legs.length, side.sessions.opening]).toEqual([1, 1, 0]);
    expect(broker.stats.failovers).toBeGreaterThan(500);
    broker.end();
    bridge.end();
    await until(clock, () => atBroker.events.length + atBridge.events.length === 4);
    await Promise.all([broker.gone, bridge.gone]);
    expect(clock.pending).toBe(0);
  });
});

describe('the ends of a session', () => {
  it('give the last acknowledgement before the end of a leg that is full', async () => {
    const { broker, bridge, first, clock } = await scene();
    const seen = watch(broker);
    // What the bridge says piles up, so that its leg is full when it is done.
    first.broker.stream.pause();
    bridge.end(Buffer.alloc(200_000, 1));
    await settled(() => false, 50);
    broker.end('last');
    bridge.resume();
    await once(bridge, 'end');
    first.broker.stream.resume();
    await until(clock, () => seen.events.length === 2);
    expect([seen.events, seen.bytes.length]).toEqual([['end', 'close'], 200_000]);
    await Promise.all([broker.gone, bridge.gone]);
    expect(clock.pending).toBe(0);
  });

  it('discard what comes to a stream that was destroyed after its end', async () => {
    const { broker, bridge, clock } = await scene();
    const seen = watch(bridge);
    broker.end('last words');
    await once(broker, 'finish');
    broker.destroy();
    await closed(broker);
    await seen.ended;
    bridge.end(Buffer.alloc(6 * MIB));
    await until(clock, () => seen.events.includes('close'));
    expect(seen.events).toEqual(['end', 'close']);
    await Promise.all([broker.gone, bridge.gone]);
    expect(clock.pending).toBe(0);
  });

  it(`are waited for ${LEG_LINGER_MS} ms by a stream that was destroyed after its own`, async () => {
    const { broker, bridge, clock } = await scene();
    const seen = watch(bridge);
    broker.end();
    await once(broker, 'finish');
    broker.destroy();
    await clock.advanceAsync(LEG_LINGER_MS - 1);
    expect(seen.events).toEqual(['end']);
    await clock.advanceAsync(1);
    await seen.closed;
    expect(seen.events).toEqual(['end', 'error:closed', 'close']);
    await Promise.all([broker.gone, bridge.gone]);
    expect(clock.pending).toBe(0);
  });

  it('by an abort do not wait for a leg that takes no bytes; the leg is reset later', async () => {
    const { broker, bridge, first, clock } = await scene();
    first.bridge.stream.pause();
    await writeUntilStuck(broker, MUCH);
    const seen = watch(broker);
    broker.destroy(new Error('broken'));
    await seen.closed;
    expect(clock.pending).toBeGreaterThan(0);
    await clock.advanceAsync(LEG_LINGER_MS);
    await broker.gone;
    await settled(() => bridge.legs.length === 0);
    // It heard no ABORT.
    await clock.advanceAsync(SESSION_DANGLING_MS);
    await closed(bridge);
    expect(errorOf(bridge)).toMatch(/no leg could be attached in time/);
  });

  it('take no further leg, and give no key', async () => {
    const { broker, bridge, add } = await scene();
    expect(broker.key).toBe(KEY);
    broker.destroy();
    await closed(bridge);
    expect([broker.key, bridge.key]).toEqual([undefined, undefined]);
    await expect(add()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('a peer that never acknowledges', () => {
  it('gets a window, and is not kept for ever', async () => {
    const clock = new ManualClock();
    const { broker, first } = await sessionPair({ clock });
    const seen = watch(broker);
    // Bytes pass on to nobody from now on.
    first.bridge.stream.removeAllListeners('data');
    first.bridge.stream.on('data', () => {}).resume();
    await writeUntilStuck(broker, MUCH);
    expect(broker.stats.unacknowledgedBytes).toBeLessThanOrEqual(SESSION_WINDOW_BYTES + 64 * 1_024);
    await clock.advanceAsync(SESSION_SILENCE_MS + SESSION_DANGLING_MS + SESSION_ECHO_MS + LEG_LINGER_MS);
    await seen.closed;
    expect(seen.events).toEqual(['error:closed', 'close']);
    await broker.gone;
    expect(broker.stats.unacknowledgedBytes).toBe(0);
  });
});

it('a session on the clock of the machine is quick about its end', async () => {
  const { broker, bridge } = await sessionPair({ kind: 'tls', clock: systemClock });
  const [atBroker, atBridge] = [watch(broker), watch(bridge)];
  const start = systemClock.now();
  broker.end(OUT);
  bridge.end(BACK);
  await Promise.all([atBroker.closed, atBridge.closed, broker.gone, bridge.gone]);
  expect(atBridge.bytes.equals(OUT)).toBe(true);
  expect(systemClock.now() - start).toBeLessThan(LEG_LINGER_MS);
  onTestFinished(() => expect(broker.legs).toEqual([]));
});
