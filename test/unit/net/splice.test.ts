import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Clock, Timer } from '../../../src/base/clock.ts';
import { SPLICE_WINDOW_BYTES } from '../../../src/base/limits.ts';
import { type SpliceDirection, type SpliceTap, spliceLinks } from '../../../src/net/splice.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { closed, watch, writeUntilStuck } from '../../support/streams.ts';

checkLeaks();

const STALL_MS = 60_000;
const PLENTY = 8 * 1_024 * 1_024;

interface Bench {
  readonly left: MemoryLink;
  readonly right: MemoryLink;
  readonly clock: ManualClock;
  readonly splice: ReturnType<typeof spliceLinks>;
}

function bench(tap?: SpliceTap, clock: ManualClock = new ManualClock()): Bench {
  const [left, a] = memoryLinks();
  const [right, b] = memoryLinks();
  onTestFinished(() => {
    left.reset();
    right.reset();
  });
  const splice = spliceLinks(a, b, { clock, stallMs: STALL_MS, ...(tap && { tap }) });
  return { left, right, clock, splice };
}

/** Lets everything that is under way arrive. */
async function quiet(): Promise<void> {
  await settled(() => false, 20);
}

describe('the progress timer', () => {
  it.each(['left', 'right'] as const)(
    'resets both when the %s side accepts nothing for the stall time',
    async (side) => {
      const { left, right, clock, splice } = bench();
      const [frozen, writer] = side === 'left' ? [left, right] : [right, left];
      await writeUntilStuck(writer.stream, PLENTY);
      clock.advance(STALL_MS - 1);
      expect(frozen.stream.destroyed).toBe(false);
      clock.advance(1);
      expect(frozen.stream.destroyed).toBe(true);
      expect(writer.stream.destroyed).toBe(true);
      expect((await splice.done).outcome).toBe('stalled');
      expect(clock.pending).toBe(0);
    },
  );

  it('does so even when the frozen side goes on sending', async () => {
    const { left, right, clock, splice } = bench();
    const atLeft = watch(left.stream);
    await writeUntilStuck(left.stream, PLENTY);
    for (let second = 0; second < STALL_MS / 1_000; second += 1) {
      right.stream.write('tick');
      await quiet();
      clock.advance(1_000);
    }
    expect((await splice.done).outcome).toBe('stalled');
    await atLeft.closed;
    expect(atLeft.bytes.length).toBeGreaterThan(200);
    expect(atLeft.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('leaves a slow reader alone that takes a little now and then', async () => {
    const { left, right, clock, splice } = bench();
    await writeUntilStuck(left.stream, PLENTY);
    let taken = 0;
    for (let round = 0; round < 2; round += 1) {
      clock.advance(STALL_MS - 1_000);
      taken += (right.stream.read() as Buffer | null)?.length ?? 0;
      // Bytes wait at any time.
      await writeUntilStuck(left.stream, PLENTY);
    }
    expect(taken).toBeGreaterThan(0);
    expect(right.stream.destroyed).toBe(false);
    clock.advance(STALL_MS);
    expect((await splice.done).outcome).toBe('stalled');
  });

  it('counts from the moment bytes begin to wait, not from the last traffic', async () => {
    const { left, right, clock } = bench();
    // Everything so far was accepted, and the timer that was set then is about to fire.
    left.stream.write('x');
    await once(right.stream, 'readable');
    clock.advance(STALL_MS - 1_000);
    await writeUntilStuck(left.stream, PLENTY);
    clock.advance(STALL_MS - 1);
    expect(right.stream.destroyed).toBe(false);
    clock.advance(1);
    expect(right.stream.destroyed).toBe(true);
  });

  it('does not limit how long a healthy splice is idle', async () => {
    const { left, right, clock, splice } = bench();
    const atRight = watch(right.stream);
    left.stream.write('before');
    await once(right.stream, 'data');
    clock.advance(100 * STALL_MS);
    expect(clock.pending).toBe(0);
    left.stream.end(' after');
    right.stream.end();
    await atRight.ended;
    expect(atRight.bytes.toString()).toBe('before after');
    left.stream.resume();
    expect((await splice.done).outcome).toBe('ended');
  });

  it('leaves a half-closed splice alone', async () => {
    const { left, right, clock, splice } = bench();
    const [atLeft, atRight] = [watch(left.stream), watch(right.stream)];
    left.stream.end('request');
    await atRight.ended;
    clock.advance(10 * STALL_MS);
    right.stream.end('response, much later');
    await atLeft.ended;
    expect(atLeft.bytes.toString()).toBe('response, much later');
    expect((await splice.done).outcome).toBe('ended');
  });

  it('is set at most once per stall time however many chunks pass', async () => {
    const counting = new CountingClock();
    const { left, right, splice } = bench(undefined, counting);
    const atRight = watch(right.stream);
    for (let chunk = 0; chunk < 1_000; chunk += 1) left.stream.write('chunk');
    left.stream.end();
    right.stream.end();
    left.stream.resume();
    await atRight.ended;
    await splice.done;
    expect(atRight.bytes.length).toBe(5_000);
    expect(counting.timers).toBeLessThanOrEqual(2);
    expect(counting.pending).toBe(0);
  });
});

describe('a splice', () => {
  it('shows the tap every chunk with its direction', async () => {
    const seen: Record<SpliceDirection, string> = { aToB: '', bToA: '' };
    const { left, right, splice } = bench((direction, chunk) => {
      seen[direction] += chunk.toString();
    });
    watch(left.stream);
    watch(right.stream);
    left.stream.end('to b');
    right.stream.end('to a');
    await splice.done;
    expect(seen).toEqual({ aToB: 'to b', bToA: 'to a' });
  });

  it('does not read on while its window is full', async () => {
    const { left, right } = bench();
    const written = await writeUntilStuck(left.stream, PLENTY);
    const ends = 4 * 16_384;
    expect(written).toBeLessThanOrEqual(SPLICE_WINDOW_BYTES + 16_384 + ends);
    right.stream.resume();
    await once(left.stream, 'drain');
  });

  it('joins links that ended or broke before', async () => {
    const [left, a] = memoryLinks();
    const [right, b] = memoryLinks();
    left.stream.end();
    a.stream.resume();
    await once(a.stream, 'end');
    const atRight = watch(right.stream);
    const splice = spliceLinks(a, b, { clock: new ManualClock(), stallMs: STALL_MS });
    await atRight.ended;
    right.stream.end();
    left.stream.resume();
    expect((await splice.done).outcome).toBe('ended');

    const [dead, c] = memoryLinks();
    const [alive, d] = memoryLinks();
    dead.reset();
    await closed(c.stream);
    const atAlive = watch(alive.stream);
    const broken = spliceLinks(c, d, { clock: new ManualClock(), stallMs: STALL_MS });
    await atAlive.closed;
    expect(atAlive.events).toEqual(['error:ECONNRESET', 'close']);
    expect(await broken.done).toEqual({ outcome: 'aborted', bytesAToB: 0, bytesBToA: 0 });
  });

  it('takes an error that does not close the stream for an abort', async () => {
    const [left, a] = memoryLinks();
    const [right, b] = memoryLinks();
    const splice = spliceLinks(a, b, { clock: new ManualClock(), stallMs: STALL_MS });
    const [atLeft, atRight] = [watch(left.stream), watch(right.stream)];
    a.stream.emit('error', Object.assign(new Error('bad record'), { code: 'ERR_SSL_BAD_RECORD' }));
    expect((await splice.done).outcome).toBe('aborted');
    await Promise.all([atLeft.closed, atRight.closed]);
    expect(atRight.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('takes a close without an end, and without an error, for an abort', async () => {
    const [, a] = memoryLinks();
    const [right, b] = memoryLinks();
    const splice = spliceLinks(a, b, { clock: new ManualClock(), stallMs: STALL_MS });
    const atRight = watch(right.stream);
    a.stream.destroy();
    expect((await splice.done).outcome).toBe('aborted');
    await atRight.closed;
    expect(atRight.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('says how much was accepted when it breaks off', async () => {
    const { left, right, splice } = bench();
    const atRight = watch(right.stream);
    left.stream.write('12345');
    right.stream.write('123');
    left.stream.resume();
    await Promise.all([once(right.stream, 'data'), once(left.stream, 'data')]);
    await quiet();
    splice.abort();
    expect(await splice.done).toEqual({ outcome: 'aborted', bytesAToB: 5, bytesBToA: 3 });
    await atRight.closed;
  });
});

class CountingClock extends ManualClock implements Clock {
  timers = 0;

  override after(ms: number, callback: () => void): Timer {
    this.timers += 1;
    return super.after(ms, callback);
  }
}
