/** One leg: frames over a link, room, and how it ends. */
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LEG_LINGER_MS, SESSION_LEG_BUFFER_BYTES } from '../../../src/base/limits.ts';
import { closeFrame, dataHeader, encodeTunnelFrame, TUNNEL_VERSION } from '../../../src/tunnel/frames.ts';
import { Leg } from '../../../src/tunnel/leg.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { LINK_KINDS, openPair } from '../../support/net-links.ts';
import { type Watched, watch } from '../../support/streams.ts';

checkLeaks();

const SEED = 20_261_122;
const VERSION = Buffer.of(TUNNEL_VERSION);
const ABORT = encodeTunnelFrame({ type: 'abort' });

interface Half {
  readonly leg: Leg;
  readonly link: MemoryLink;
  readonly peer: MemoryLink;
  readonly clock: ManualClock;
  /** What the handler was told. */
  readonly told: string[];
}

function handlerOf(told: string[]): ConstructorParameters<typeof Leg>[1] {
  return {
    onData: (_leg, offset, bytes) => told.push(`data ${offset} ${bytes}`),
    onFrame: (_leg, { type }) => told.push(type),
    onRead: () => told.push('read'),
    onRoom: () => told.push('room'),
    onLost: (leg, clean, error) => {
      told.push(`lost ${clean ? 'clean' : error?.code}`);
      leg.reset();
    },
  };
}

function half(): Half {
  const [link, peer] = memoryLinks();
  const clock = new ManualClock();
  const told: string[] = [];
  const leg = new Leg({ id: 1, link, path: [], clock }, handlerOf(told));
  onTestFinished(() => {
    link.reset();
    peer.reset();
    expect(clock.pending).toBe(0);
  });
  return { leg, link, peer, clock, told };
}

describe('a leg', () => {
  it('says its version at once, and hands out what a read brings', async () => {
    const { peer, told } = half();
    const seen = watch(peer.stream);
    peer.stream.write(Buffer.concat([VERSION, dataHeader(3, 2), Buffer.from('hi'), ABORT]));
    await settled(() => told.includes('read'));
    expect(told).toEqual(['data 3 hi', 'abort', 'read']);
    await settled(() => seen.bytes.length > 0);
    expect(seen.bytes).toEqual(VERSION);
  });

  it('reads the same however its bytes are cut', async () => {
    const bytes = Buffer.concat([VERSION, dataHeader(0, 3), Buffer.from('abc'), closeFrame(3), ABORT]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
        const { peer, told } = half();
        for (let at = 0, count = 0; at < bytes.length; count += 1) {
          const size = sizes[count % sizes.length] ?? 1;
          peer.stream.write(bytes.subarray(at, at + size));
          at += size;
        }
        await settled(() => told.includes('abort'));
        const data = told.filter((each) => each.startsWith('data')).map((each) => each.split(' ')[2]);
        expect(data.join('')).toBe('abc');
        expect(told.filter((each) => !/^(data|read)/.test(each))).toEqual(['close', 'abort']);
        peer.reset();
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  it.each([
    ['another version', Buffer.of(9), 'unsupportedVersion'],
    ['a type that there is not', Buffer.from('0144000000', 'hex'), 'malformed'],
    ['a frame too long', Buffer.from('0101ffffff', 'hex'), 'malformed'],
  ])('is reset by %s, and takes nothing after it', async (_what, bytes, code) => {
    const { peer, told } = half();
    const seen = watch(peer.stream);
    peer.stream.write(Buffer.concat([bytes, ABORT]));
    await seen.closed;
    expect(told).toEqual([`lost ${code}`]);
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('takes nothing more of a read in which its handler gave it up', async () => {
    const { leg, peer, told } = half();
    leg.handler = { ...handlerOf(told), onFrame: (each) => each.reset() };
    peer.stream.write(Buffer.concat([VERSION, ABORT, dataHeader(0, 1), Buffer.from('x')]));
    await watch(peer.stream).closed;
    expect(told).toEqual([]);
  });

  it('gives the rest of a read to the handler that took its place', async () => {
    const { leg, peer, told } = half();
    const later: string[] = [];
    leg.handler = {
      ...handlerOf(told),
      onFrame: (each) => {
        each.handler = handlerOf(later);
      },
    };
    peer.stream.write(Buffer.concat([VERSION, ABORT, dataHeader(0, 1), Buffer.from('x')]));
    await settled(() => later.length === 2);
    expect([told, later]).toEqual([[], ['data 0 x', 'read']]);
  });

  it.each(['destroyed', 'ended'])('notices a link that was %s before it', async (what) => {
    const [link, peer] = memoryLinks();
    if (what === 'destroyed') link.stream.destroy();
    else {
      peer.stream.end();
      link.stream.resume();
      await once(link.stream, 'end');
    }
    const told: string[] = [];
    const leg = new Leg({ id: 1, link, path: [], clock: new ManualClock() }, handlerOf(told));
    await settle();
    expect(told).toEqual(['lost closed']);
    expect(leg.hasRoom).toBe(false);
    peer.reset();
  });

  it('tells a clean end from a cut', async () => {
    const ended = half();
    ended.peer.stream.end();
    await settled(() => ended.told.length > 0);
    expect(ended.told).toEqual(['lost clean']);
    const cut = half();
    cut.peer.reset();
    await settled(() => cut.told.length > 0);
    expect(cut.told).toEqual(['lost closed']);
  });

  it('has no room while the other end does not read, holds little, and says when there is room', async () => {
    const { leg, link, peer, told } = half();
    await settle();
    const piece = Buffer.alloc(16_384, 1);
    let written = 0;
    while (leg.hasRoom) {
      leg.write([dataHeader(written, piece.length), piece]);
      written += piece.length;
    }
    expect(link.stream.writableLength).toBeLessThanOrEqual(SESSION_LEG_BUFFER_BYTES + 32_768);
    expect(told).toEqual([]);
    const seen = watch(peer.stream);
    await settled(() => leg.hasRoom && told.length > 0);
    expect(told).toEqual(['room']);
    expect(seen.bytes.length).toBeGreaterThan(written);
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
    const link = { stream, source: '', peerChain: [], reset: () => void stream.destroy() };
    const leg = new Leg({ id: 1, link, path: [], clock: new ManualClock() }, handlerOf([]));
    await settle();
    writes.length = 0;
    leg.write(Array.from({ length: 10 }, () => Buffer.alloc(1_000)));
    await settle();
    expect(writes).toEqual([10]);
    leg.reset();
  });

  it('has no room and takes nothing once it has ended, and still reads', async () => {
    const { leg, peer, told } = half();
    const seen = watch(peer.stream);
    leg.write([ABORT]);
    leg.end();
    leg.end();
    expect(leg.hasRoom).toBe(false);
    leg.write([ABORT]);
    await seen.ended;
    expect(seen.bytes).toEqual(Buffer.concat([VERSION, ABORT]));
    peer.stream.end(Buffer.concat([VERSION, ABORT]));
    await settled(() => told.length === 3);
    expect(told).toEqual(['abort', 'read', 'lost clean']);
  });
});

describe.each(LINK_KINDS)('a leg over %s that is finished', (kind) => {
  async function finishing(): Promise<{
    leg: Leg;
    clock: ManualClock;
    peer: Watched;
    gone: Promise<void>;
    end: () => void;
  }> {
    const { a, b, close } = await openPair(kind);
    onTestFinished(close);
    const clock = new ManualClock();
    const told: string[] = [];
    const leg = new Leg({ id: 1, link: a, path: [], clock }, handlerOf(told));
    const peer = watch(b.stream);
    const gone = leg.finish([ABORT]);
    onTestFinished(() => expect([told, clock.pending]).toEqual([[], 0]));
    return { leg, clock, peer, gone, end: () => void b.stream.end(Buffer.from('whatever')) };
  }

  it('says its last words, ends, and is gone when the other end ends too', async () => {
    const { peer, gone, end } = await finishing();
    await peer.ended;
    expect(peer.bytes).toEqual(Buffer.concat([VERSION, ABORT]));
    end();
    await gone;
    await peer.closed;
    expect(peer.events).toEqual(['end', 'close']);
  });

  it(`is reset after ${LEG_LINGER_MS} ms when the other end does not`, async () => {
    const { clock, peer, gone } = await finishing();
    await peer.ended;
    await clock.advanceAsync(LEG_LINGER_MS - 1);
    expect(peer.events).toEqual(['end']);
    await clock.advanceAsync(1);
    await gone;
    // A socket that was read to its end does not hear of a reset.
    if (kind === 'memory') await peer.closed;
    expect(peer.events).toEqual(kind === 'memory' ? ['end', 'error:ECONNRESET', 'close'] : ['end']);
  });
});
