/** The inner stream over one leg: bytes, back-pressure, ends, and that no cut looks like an end. */
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemCode } from '../../../src/base/errors.ts';
import { LEG_LINGER_MS, STREAM_BUFFER_BYTES } from '../../../src/base/limits.ts';
import type { Link } from '../../../src/net/link.ts';
import { closeFrame, dataHeader, TUNNEL_VERSION } from '../../../src/tunnel/frames.ts';
import { LegStream } from '../../../src/tunnel/leg-stream.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { LINK_KINDS, type LinkKind, openPair } from '../../support/net-links.ts';
import { closed, watch, writeUntilStuck } from '../../support/streams.ts';

checkLeaks();

const SEED = 20_261_121;
const VERSION = Buffer.of(TUNNEL_VERSION);
/** More than the kernel's socket buffers and ours ever hold. */
const MORE_THAN_BUFFERS = 64 * 1_024 * 1_024;

interface Legs {
  readonly a: LegStream;
  readonly b: LegStream;
  readonly linkA: Link;
  readonly linkB: Link;
  readonly clock: ManualClock;
}

async function openLegs(kind: LinkKind = 'memory'): Promise<Legs> {
  const { a: linkA, b: linkB, close } = await openPair(kind);
  onTestFinished(close);
  const clock = new ManualClock();
  const a = new LegStream(linkA, clock);
  const b = new LegStream(linkB, clock);
  for (const leg of [a, b]) leg.on('error', () => {});
  return { a, b, linkA, linkB, clock };
}

/** A leg and the bare link at its other end, which says what a test wants. */
function openHalf(): {
  leg: LegStream;
  peer: MemoryLink;
  clock: ManualClock;
  error: () => string | undefined;
} {
  const [link, peer] = memoryLinks();
  const clock = new ManualClock();
  const leg = new LegStream(link, clock);
  let error: unknown;
  leg.on('error', (cause) => {
    error = cause;
  });
  onTestFinished(() => {
    link.reset();
    peer.reset();
  });
  peer.stream.resume();
  return { leg, peer, clock, error: () => systemCode(error) };
}

describe.each(LINK_KINDS)('a leg stream over %s', (kind) => {
  it('carries bytes both ways and ends cleanly both ways', async () => {
    const { a, b, linkA, linkB, clock } = await openLegs(kind);
    const [there, back] = [Buffer.alloc(700_000, 'there'), Buffer.alloc(300_000, 'back')];
    const [atA, atB] = [watch(a), watch(b)];
    const [rawA, rawB] = [watchEnds(linkA), watchEnds(linkB)];
    a.end(there);
    b.end(back);
    await Promise.all([atA.closed, atB.closed]);
    expect(atB.bytes.equals(there)).toBe(true);
    expect(atA.bytes.equals(back)).toBe(true);
    expect(atA.events).toEqual(['end', 'close']);
    expect(atB.events).toEqual(['end', 'close']);
    await settled(() => rawA.length + rawB.length === 4);
    expect(rawA).toEqual(['end', 'close']);
    expect(rawB).toEqual(['end', 'close']);
    expect(clock.pending).toBe(0);
  });

  it('goes on in one direction while the other has ended', async () => {
    const { a, b } = await openLegs(kind);
    const [atA, atB] = [watch(a), watch(b)];
    a.end('question');
    await atB.ended;
    b.end(Buffer.alloc(200_000, 'answer'));
    await atA.closed;
    expect(atA.bytes).toHaveLength(200_000);
    expect(atA.events).toEqual(['end', 'close']);
  });

  it('ends the leg cleanly when it is destroyed after its end, before the CLOSE of the other end came', async () => {
    const { a, b, linkA, linkB, clock } = await openLegs(kind);
    const [rawA, rawB] = [watchEnds(linkA), watchEnds(linkB)];
    const atB = watch(b);
    a.end('last words');
    await once(a, 'finish');
    a.destroy();
    await atB.ended;
    b.end('crosses');
    await Promise.all([closed(a), atB.closed]);
    expect(atB.bytes.toString()).toBe('last words');
    expect(atB.events).toEqual(['end', 'close']);
    await settled(() => rawA.length + rawB.length === 4);
    expect(rawA).toEqual(['end', 'close']);
    expect(rawB).toEqual(['end', 'close']);
    expect(clock.pending).toBe(0);
  });

  it.each(['a link reset', 'a stream destroyed before its end', 'a stream destroyed with an error'])(
    'never shows %s as an end',
    async (what) => {
      const { a, b, linkA, clock } = await openLegs(kind);
      const atB = watch(b);
      a.write('part');
      await once(b, 'data');
      if (what === 'a link reset') linkA.reset();
      else if (what === 'a stream destroyed before its end') a.destroy();
      else a.destroy(new Error('broken'));
      await atB.closed;
      expect(atB.events).toEqual(['error:closed', 'close']);
      expect(clock.pending).toBe(0);
    },
  );

  it('never shows a link that ends without CLOSE as an end', async () => {
    const { a, b, linkA } = await openLegs(kind);
    const atB = watch(b);
    a.write('part');
    await once(b, 'data');
    linkA.stream.end();
    await atB.closed;
    expect(atB.events).toEqual(['error:closed', 'close']);
  });

  it('holds a bounded number of bytes for a reader that stops', async () => {
    const { a, b, linkA, linkB } = await openLegs(kind);
    expect(await writeUntilStuck(a, MORE_THAN_BUFFERS)).toBeLessThan(MORE_THAN_BUFFERS);
    const held = [
      a.writableLength,
      b.readableLength,
      linkA.stream.writableLength,
      linkB.stream.readableLength,
    ];
    // One buffer each, overshot by one chunk of the writer or one read of the kernel.
    for (const bytes of held) expect(bytes).toBeLessThanOrEqual(STREAM_BUFFER_BYTES + 64 * 1_024);
    a.destroy();
    // A socket that is not read does not notice its peer's death.
    b.resume();
    await closed(b);
  });
});

describe('a leg stream', () => {
  it('passes on back-pressure by not finishing a write', async () => {
    const { leg, peer } = openHalf();
    peer.stream.pause();
    let finished = 0;
    for (let count = 0; count < 100; count += 1) leg.write(Buffer.alloc(16_384), () => (finished += 1));
    await settled(() => false, 20);
    expect(finished).toBeLessThan(10);
    peer.stream.resume();
    await settled(() => finished === 100);
    expect(finished).toBe(100);
  });

  it('stops reading the link while nobody reads it, and goes on without loss', async () => {
    const { leg, peer } = openHalf();
    let offset = 0;
    peer.stream.write(VERSION);
    let full = false;
    for (let count = 0; count < 64 && !full; count += 1) {
      full = !peer.stream.write(Buffer.concat([dataHeader(offset, 8_192), Buffer.alloc(8_192, count)]));
      offset += 8_192;
      await settle();
    }
    expect(full).toBe(true);
    expect(leg.readableLength).toBeLessThanOrEqual(STREAM_BUFFER_BYTES + 16_384);
    const seen = watch(leg);
    await settled(() => seen.bytes.length === offset);
    peer.stream.end(closeFrame(offset));
    leg.end();
    await seen.closed;
    expect(seen.bytes).toHaveLength(offset);
    expect(seen.bytes.every((byte, at) => byte === Math.floor(at / 8_192))).toBe(true);
  });

  it('reads the same from any cutting of what the link brings', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (parts, sizes) => {
          const { leg, peer } = openHalf();
          const seen = watch(leg);
          let offset = 0;
          const frames: Buffer[] = [VERSION];
          for (const part of parts) {
            frames.push(dataHeader(offset, part.length), Buffer.from(part));
            offset += part.length;
          }
          frames.push(closeFrame(offset));
          const bytes = Buffer.concat(frames);
          for (let at = 0, count = 0; at < bytes.length; count += 1) {
            const size = sizes[count % sizes.length] ?? 1;
            peer.stream.write(bytes.subarray(at, at + size));
            at += size;
          }
          peer.stream.end();
          leg.end();
          await seen.closed;
          expect(seen.events).toEqual(['end', 'close']);
          expect(seen.bytes).toEqual(Buffer.concat(parts));
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });

  const cases: readonly (readonly [string, readonly Buffer[], string])[] = [
    ['another version', [Buffer.of(9)], 'unsupportedVersion'],
    ['a gap', [VERSION, dataHeader(1, 1), Buffer.from('x')], 'malformed'],
    [
      'a repetition',
      [VERSION, dataHeader(0, 1), Buffer.from('x'), dataHeader(0, 1), Buffer.from('x')],
      'malformed',
    ],
    ['a CLOSE that is too early', [VERSION, dataHeader(0, 1), Buffer.from('x'), closeFrame(0)], 'malformed'],
    ['a CLOSE that is too late', [VERSION, closeFrame(1)], 'malformed'],
    ['DATA after CLOSE', [VERSION, closeFrame(0), dataHeader(0, 1), Buffer.from('x')], 'malformed'],
    ['CLOSE twice', [VERSION, closeFrame(0), closeFrame(0)], 'malformed'],
    ['a frame too long', [VERSION, Buffer.from('01ffffff0000000000000000', 'hex')], 'malformed'],
  ];
  it.each(cases)('is destroyed by %s, and resets the link', async (_what, frames, code) => {
    const { leg, peer, error } = openHalf();
    const atPeer = watchEnds(peer);
    peer.stream.write(Buffer.concat(frames));
    leg.resume();
    await closed(leg);
    await settled(() => atPeer.length > 0);
    expect(error()).toBe(code);
    expect(atPeer).toEqual(['error:ECONNRESET', 'close']);
  });

  it('ends half a frame with an error', async () => {
    const { leg, peer, error } = openHalf();
    const seen = watch(leg);
    peer.stream.end(Buffer.concat([VERSION, dataHeader(0, 10), Buffer.from('half')]));
    await seen.closed;
    expect(seen.events).toEqual(['error:closed', 'close']);
    expect(error()).toBe('closed');
  });

  it.each(['destroyed', 'ended'])('notices a link that was %s before it', async (what) => {
    const [link, peer] = memoryLinks();
    if (what === 'destroyed') link.stream.destroy();
    else {
      peer.stream.end();
      link.stream.resume();
      await once(link.stream, 'end');
    }
    const leg = new LegStream(link, new ManualClock());
    const seen = watch(leg);
    await seen.closed;
    expect(seen.events).toEqual(['error:closed', 'close']);
    peer.reset();
  });

  it('notices a link that is reset after CLOSE of the other end', async () => {
    const { leg, peer, error } = openHalf();
    const seen = watch(leg);
    peer.stream.write(Buffer.concat([VERSION, closeFrame(0)]));
    await seen.ended;
    peer.reset();
    await seen.closed;
    expect(error()).toBe('closed');
  });

  it.each(['open', 'destroyed'])(
    `resets the link ${LEG_LINGER_MS} ms after its CLOSE when none comes back (%s)`,
    async (state) => {
      const { leg, peer, clock } = openHalf();
      const atPeer = watchEnds(peer);
      leg.end();
      await once(leg, 'finish');
      if (state === 'destroyed') leg.destroy();
      const gone = closed(leg);
      await clock.advanceAsync(LEG_LINGER_MS - 1);
      expect(leg.closed).toBe(false);
      await clock.advanceAsync(1);
      await gone;
      await settled(() => atPeer.length === 3);
      expect(atPeer).toEqual(['end', 'error:ECONNRESET', 'close']);
      expect(clock.pending).toBe(0);
    },
  );

  it('discards what comes while it waits for the CLOSE of the other end', async () => {
    const { leg, peer, clock } = openHalf();
    leg.end();
    await once(leg, 'finish');
    leg.destroy();
    const gone = closed(leg);
    peer.stream.write(VERSION);
    for (let count = 0; count < 20; count += 1) {
      peer.stream.write(Buffer.concat([dataHeader(count * 8_192, 8_192), Buffer.alloc(8_192)]));
    }
    peer.stream.end(closeFrame(20 * 8_192));
    await gone;
    expect(clock.pending).toBe(0);
  });

  it('can be reset while it waits for the CLOSE of the other end', async () => {
    const { leg, clock } = openHalf();
    leg.end();
    await once(leg, 'finish');
    leg.destroy();
    leg.reset();
    await closed(leg);
    expect(clock.pending).toBe(0);
  });

  it('writes what it is given at once in one write of the link', async () => {
    const writes: number[] = [];
    const stream = new Duplex({
      read: () => {},
      writev: (chunks, done) => {
        writes.push(chunks.length);
        done();
      },
    });
    const leg = new LegStream(
      { stream, source: '', peerChain: [], reset: () => stream.destroy() },
      new ManualClock(),
    );
    await settle();
    writes.length = 0;
    leg.cork();
    for (let count = 0; count < 5; count += 1) leg.write(Buffer.alloc(1_000));
    leg.uncork();
    await settle();
    // Header and bytes of each.
    expect(writes).toEqual([10]);
    leg.on('error', () => {});
    leg.destroy();
  });
});

function watchEnds({ stream }: Link): string[] {
  const events: string[] = [];
  stream.once('end', () => events.push('end'));
  stream.on('error', (error) => events.push(`error:${systemCode(error)}`));
  stream.once('close', () => events.push('close'));
  return events;
}
