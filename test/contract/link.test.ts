/** What every kind of link promises, and that a splice over any of them keeps it. */
import { once } from 'node:events';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { type Splice, spliceLinks } from '../../src/net/splice.ts';
import { checkLeaks, descriptors, settled } from '../support/leaks.ts';
import { LINK_KINDS, type LinkPair, openPair } from '../support/net-links.ts';
import { closed, watch, writeUntilStuck } from '../support/streams.ts';

checkLeaks();

/** More than the kernel's socket buffers and ours ever hold. */
const MORE_THAN_BUFFERS = 64 * 1_024 * 1_024;

/** Bytes whose order shows. */
function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, value = seed; at < length; at += 1) {
    value = (value * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[at] = value >> 16;
  }
  return bytes;
}

/** Pieces of uneven sizes, empty ones left out. */
function pieces(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7 + 3) % 40_009 || 1) {
    parts.push(bytes.subarray(at, at + size));
  }
  return parts;
}

async function open(kind: (typeof LINK_KINDS)[number]): Promise<LinkPair> {
  const pair = await openPair(kind);
  onTestFinished(() => pair.close());
  return pair;
}

describe.each(LINK_KINDS)('a %s link', (kind) => {
  let pair: LinkPair;
  beforeEach(async () => {
    pair = await openPair(kind);
    return () => pair.close();
  });

  it('carries bytes in order, both ways at once', async () => {
    const { a, b } = pair;
    const [there, back] = [pattern(1_000_000), pattern(1_000_000, 2)];
    const [atA, atB] = [watch(a.stream), watch(b.stream)];
    for (const part of pieces(there)) a.stream.write(part);
    for (const part of pieces(back)) b.stream.write(part);
    a.stream.end();
    b.stream.end();
    await Promise.all([atA.ended, atB.ended]);
    expect(atB.bytes.equals(there)).toBe(true);
    expect(atA.bytes.equals(back)).toBe(true);
    await Promise.all([atA.closed, atB.closed]);
    expect(atA.events).toEqual(['end', 'close']);
    expect(atB.events).toEqual(['end', 'close']);
  });

  it('keeps what arrives before anybody reads', async () => {
    const { a, b } = pair;
    expect(b.stream.readableFlowing).not.toBe(true);
    a.stream.write('early');
    await once(b.stream, 'readable');
    expect(b.stream.readableLength).toBe(5);
    b.stream.unshift(Buffer.from('before '));
    a.stream.end(' late');
    const atB = watch(b.stream);
    await atB.ended;
    expect(atB.bytes.toString()).toBe('before early late');
  });

  it.each(['a', 'b'] as const)('lets %s end alone', async (side) => {
    const [first, second] = side === 'a' ? [pair.a, pair.b] : [pair.b, pair.a];
    const [atFirst, atSecond] = [watch(first.stream), watch(second.stream)];
    first.stream.end('request');
    await atSecond.ended;
    expect(atSecond.bytes.toString()).toBe('request');
    // The other direction lives on, in more than one piece.
    second.stream.write('one ');
    await once(first.stream, 'data');
    expect(atFirst.events).toEqual([]);
    second.stream.end('two');
    await Promise.all([atFirst.closed, atSecond.closed]);
    expect(atFirst.bytes.toString()).toBe('one two');
    expect(atFirst.events).toEqual(['end', 'close']);
  });

  it.each(['a', 'b'] as const)('shows a reset by %s as an abort, not as an end', async (side) => {
    const [first, second] = side === 'a' ? [pair.a, pair.b] : [pair.b, pair.a];
    const [atFirst, atSecond] = [watch(first.stream), watch(second.stream)];
    first.stream.write('half a sen');
    await once(second.stream, 'data');
    first.reset();
    first.reset();
    await Promise.all([atFirst.closed, atSecond.closed]);
    expect(atSecond.events).toEqual(['error:ECONNRESET', 'close']);
    expect(atFirst.events).not.toContain('end');
  });

  it('can be reset from within its own data handler, with a write under way', async () => {
    const { a, b } = pair;
    const atA = watch(a.stream);
    b.stream.on('error', () => {});
    b.stream.on('data', () => {
      b.stream.write('answer');
      b.reset();
    });
    a.stream.write('question');
    await Promise.all([closed(b.stream), atA.closed]);
    expect(atA.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('closes when it is reset right after its own end', async () => {
    const { a, b } = pair;
    const before = descriptors();
    const atA = watch(a.stream);
    b.stream.write('all there was');
    await once(a.stream, 'data');
    b.stream.end();
    b.reset();
    await closed(b.stream);
    // The end is with the kernel or it is not: the peer sees an end or an abort, but no byte is lost.
    expect(atA.bytes.toString()).toBe('all there was');
    a.reset();
    await atA.closed;
    if (before !== undefined && kind !== 'memory') {
      expect(await settled(() => (descriptors() ?? 0) <= before - 2)).toBe(true);
    }
  });

  it('asks a writer to wait while nobody reads, and goes on when somebody does', async () => {
    const { a, b } = pair;
    const written = await writeUntilStuck(a.stream, MORE_THAN_BUFFERS);
    expect(written).toBeLessThan(MORE_THAN_BUFFERS);
    expect(a.stream.writableNeedDrain).toBe(true);
    let read = 0;
    b.stream.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    await once(a.stream, 'drain');
    a.stream.end();
    await once(b.stream, 'end');
    expect(read).toBe(written);
  });

  it('survives a peer that is gone', async () => {
    const { a, b } = pair;
    a.reset();
    b.stream.write('to nobody', () => {});
    b.reset();
    await Promise.all([closed(a.stream), closed(b.stream)]);
    b.stream.write('nor later', () => {});
    b.reset();
    expect(b.stream.destroyed).toBe(true);
  });
});

describe.each(LINK_KINDS)('a splice of two %s links', (kind) => {
  let left: LinkPair;
  let right: LinkPair;
  beforeEach(async () => {
    left = await open(kind);
    right = await open(kind);
  });

  function join(): Splice {
    return spliceLinks(left.b, right.b, { clock: systemClock, stallMs: 60_000 });
  }

  it('passes on bytes and each end', async () => {
    const [request, response] = [pattern(3_000_000), pattern(2_000_000, 2)];
    const splice = join();
    const [atLeft, atRight] = [watch(left.a.stream), watch(right.a.stream)];
    for (const part of pieces(request)) left.a.stream.write(part);
    left.a.stream.end();
    await atRight.ended;
    expect(atRight.bytes.equals(request)).toBe(true);
    expect(atLeft.events).toEqual([]);
    for (const part of pieces(response)) right.a.stream.write(part);
    right.a.stream.end();
    await atLeft.ended;
    expect(atLeft.bytes.equals(response)).toBe(true);
    expect(await splice.done).toEqual({ outcome: 'ended', bytesAToB: 3_000_000, bytesBToA: 2_000_000 });
  });

  it('passes on first what was read before', async () => {
    left.a.stream.write('in the socket');
    await once(left.b.stream, 'readable');
    left.b.stream.unshift(Buffer.from('put back, '));
    const splice = join();
    const atRight = watch(right.a.stream);
    left.a.stream.end();
    right.a.stream.end();
    await atRight.ended;
    expect(atRight.bytes.toString()).toBe('put back, in the socket');
    expect((await splice.done).outcome).toBe('ended');
  });

  it.each(['left', 'right'] as const)('passes on a reset of its %s end as a reset', async (side) => {
    const splice = join();
    const [first, second] = side === 'left' ? [left.a, right.a] : [right.a, left.a];
    const atSecond = watch(second.stream);
    first.stream.write('half a sen');
    await once(second.stream, 'data');
    first.reset();
    await atSecond.closed;
    expect(atSecond.events).toEqual(['error:ECONNRESET', 'close']);
    expect((await splice.done).outcome).toBe('aborted');
  });

  it('passes on a reset after one direction has ended', async () => {
    const splice = join();
    const [atLeft, atRight] = [watch(left.a.stream), watch(right.a.stream)];
    left.a.stream.end('request');
    await atRight.ended;
    right.a.stream.write('half a resp');
    await once(left.a.stream, 'data');
    right.a.reset();
    await atLeft.closed;
    expect(atLeft.events).toEqual(['error:ECONNRESET', 'close']);
    expect((await splice.done).outcome).toBe('aborted');
  });

  it('makes the writer wait for a reader that stops', async () => {
    const splice = join();
    const written = await writeUntilStuck(left.a.stream, MORE_THAN_BUFFERS);
    expect(written).toBeLessThan(MORE_THAN_BUFFERS);
    // The other direction is not held up by it.
    const atLeft = watch(left.a.stream);
    right.a.stream.end('still here');
    await atLeft.ended;
    expect(atLeft.bytes.toString()).toBe('still here');
    let read = 0;
    right.a.stream.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    left.a.stream.end();
    await once(right.a.stream, 'end');
    expect(read).toBe(written);
    expect(await splice.done).toEqual({ outcome: 'ended', bytesAToB: written, bytesBToA: 10 });
  });

  it('resets both when it is aborted', async () => {
    const splice = join();
    const [atLeft, atRight] = [watch(left.a.stream), watch(right.a.stream)];
    splice.abort();
    splice.abort();
    expect((await splice.done).outcome).toBe('aborted');
    await Promise.all([atLeft.closed, atRight.closed]);
    expect(atLeft.events).toEqual(['error:ECONNRESET', 'close']);
    expect(atRight.events).toEqual(['error:ECONNRESET', 'close']);
  });
});
