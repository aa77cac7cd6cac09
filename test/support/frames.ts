/**
 * Generators of frames and the checks that hold for any bytes: used by the tests of src/wire and by
 * scripts/fuzz-wire.ts. Everything follows from fast-check's seed.
 */
import { deepStrictEqual, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { BeaconError, REFUSAL_CODES } from '../../src/base/errors.ts';
import { clientFrames, relayFrames } from '../../src/wire/decode.ts';
import { encodeClientFrame, encodeRelayFrame } from '../../src/wire/encode.ts';
import type { ClientFrame, Frame, Hello, RelayFrame } from '../../src/wire/frames.ts';
import { type Decoded, naiveDecode, type Side } from './naive-decoder.ts';

/** A record like one written in source: fast-check's own may have no prototype, which deep equality tells apart. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

const bytes = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((array) => Buffer.from(array));
const u32 = fc.nat({ max: 0xffff_ffff });
const visible = fc.integer({ min: 0x21, max: 0x7e }).map((value) => String.fromCharCode(value));
const name = (min: 0 | 1) =>
  fc.oneof(
    fc.string({ unit: visible, minLength: min, maxLength: 8 }),
    fc.string({ unit: visible, minLength: 60, maxLength: 63 }),
  );
/** One character of one to four bytes: fast-check's own unit for that takes a second to build its table. */
const character = fc
  .oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));
const text = (max: number) =>
  fc
    .oneof(
      fc.string({ unit: character, maxLength: 24 }),
      fc.integer({ min: max - 4, max }).map((length) => 'x'.repeat(length)),
    )
    .filter((value) => Buffer.byteLength(value) <= max);

const greeting = {
  type: fc.constant('hello' as const),
  version: fc.constant(1),
  infoHash: bytes(32),
  instance: bytes(16),
  software: text(64),
};
const parkHello: fc.Arbitrary<Hello> = record({
  ...greeting,
  role: fc.constant('park' as const),
  wanted: fc.constant(undefined),
  except: fc.constant([]),
  avoid: fc.constant([]),
});
const connectHello: fc.Arbitrary<Hello> = record({
  ...greeting,
  role: fc.constant('connect' as const),
  wanted: fc.option(bytes(16), { nil: undefined }),
  except: fc.array(bytes(16), { maxLength: 8 }),
  avoid: fc.array(name(1), { maxLength: 4 }),
});
const pings = {
  ping: record({ type: fc.constant('ping' as const), token: u32 }),
  pong: record({ type: fc.constant('pong' as const), token: u32 }),
};

/** One generator a type, so that a new type without one does not compile. */
const CLIENT: { readonly [T in ClientFrame['type']]: fc.Arbitrary<Extract<ClientFrame, { type: T }>> } = {
  hello: fc.oneof(parkHello, connectHello),
  accept: record({ type: fc.constant('accept' as const), pairId: bytes(16) }),
  ...pings,
};

const RELAY: { readonly [T in RelayFrame['type']]: fc.Arbitrary<Extract<RelayFrame, { type: T }>> } = {
  parked: record({
    type: fc.constant('parked' as const),
    node: name(1),
    zone: name(0),
    incarnation: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    pingIntervalMs: u32,
  }),
  offer: record({ type: fc.constant('offer' as const), pairId: bytes(16) }),
  waiting: record({ type: fc.constant('waiting' as const) }),
  paired: record({
    type: fc.constant('paired' as const),
    pairId: bytes(16),
    bridge: bytes(16),
    path: fc.oneof(fc.tuple(name(1)), fc.tuple(name(1), name(1))),
  }),
  draining: record({ type: fc.constant('draining' as const), node: name(1) }),
  goaway: record({ type: fc.constant('goaway' as const), reconnectAfterMs: u32 }),
  refused: record({
    type: fc.constant('refused' as const),
    code: fc.constantFrom(...REFUSAL_CODES),
    retryAfterMs: u32,
    text: text(512),
  }),
  ...pings,
};

export const clientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(...Object.values(CLIENT));
export const relayFrame: fc.Arbitrary<RelayFrame> = fc.oneof(...Object.values(RELAY));

/** What one side sent, and where to cut it. */
export interface WireCase {
  readonly side: Side;
  readonly frames: readonly Frame[];
  readonly bytes: Buffer;
  /** Sizes of the chunks, used round and round. */
  readonly chunks: readonly number[];
}

/** A frame as a later release may send it: with fields we do not know at its end. */
function lengthened(frame: Buffer, more: Uint8Array): Buffer {
  const longer = Buffer.concat([frame, more]).subarray(0, 1024);
  longer.writeUInt16BE(longer.length - 2);
  return longer;
}

/** A frame of a later release that we skip. */
const unknownFrame = fc
  .tuple(fc.integer({ min: 0x80, max: 0xff }), fc.uint8Array({ maxLength: 12 }))
  .map(([type, payload]) => Buffer.from([0, payload.length + 1, type, ...payload]));

const later = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: record({ more: fc.uint8Array({ maxLength: 12 }), next: unknownFrame }) },
);

/** One to four frames of one side, some as a later release would send them. */
export const wireCase: fc.Arbitrary<WireCase> = fc.oneof(
  casesOf('client', clientFrame),
  casesOf('relay', relayFrame),
);

function casesOf(side: Side, frame: fc.Arbitrary<Frame>): fc.Arbitrary<WireCase> {
  return record({
    sent: fc.array(fc.tuple(frame, later), { minLength: 1, maxLength: 4 }),
    chunks: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 600 })), {
      minLength: 1,
      maxLength: 8,
    }),
  }).map(({ sent, chunks }) => ({
    side,
    frames: sent.map(([each]) => each),
    bytes: Buffer.concat(
      sent.flatMap(([each, extra]) => {
        const encoded = encode(side, each);
        return extra ? [lengthened(encoded, extra.more), extra.next] : [encoded];
      }),
    ),
    chunks,
  }));
}

/** Any frame of `side`; the caller knows that it is one. */
export function encode(side: Side, frame: Frame): Buffer {
  return side === 'client' ? encodeClientFrame(frame as ClientFrame) : encodeRelayFrame(frame as RelayFrame);
}

/** Feeds `chunks` to a streaming decoder until it fails or they end. */
export function streamDecode(side: Side, chunks: Iterable<Buffer>): Decoded {
  const decoder = side === 'client' ? clientFrames() : relayFrames();
  const frames: Frame[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
    }
    return { frames, verdict: 'more', rest: decoder.takeRest() };
  } catch (error) {
    if (!(error instanceof BeaconError)) throw error;
    ok(error.code === 'malformed' || error.code === 'unsupportedVersion', `unexpected code ${error.code}`);
    return { frames, verdict: error.code, rest: Buffer.alloc(0) };
  }
}

/** `input` in chunks of the given sizes. Each chunk is wiped once the decoder asked for the next one. */
export function* cut(input: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < input.length; turn += 1) {
    const chunk = Buffer.from(input.subarray(at, at + (sizes[turn % sizes.length] ?? 1)));
    at += chunk.length;
    yield chunk;
    chunk.fill(0xee);
  }
}

/** Streaming decoder and twin agree on `input`; what they decode can be encoded and decoded again. */
export function checkAgreement(side: Side, input: Buffer, sizes: readonly number[]): Decoded {
  const decoded = streamDecode(side, cut(input, sizes));
  deepStrictEqual(decoded, naiveDecode(side, input));
  return decoded;
}

/** Whatever decodes is a frame that the encoder takes, and means the same after it. */
export function checkReencoding(side: Side, { frames }: Decoded): void {
  const again = naiveDecode(side, Buffer.concat(frames.map((frame) => encode(side, frame))));
  deepStrictEqual(again.frames, frames);
}

/**
 * Every cut in two, every truncation and every bit flip of one case, and the bytes one by one and in its own
 * chunks. Returns how many inputs were decoded; throws at the first that is decoded wrongly.
 */
export function checkEveryDamage(wire: WireCase): number {
  const { side, frames, bytes: whole, chunks } = wire;
  const intact: Decoded = { frames, verdict: 'more', rest: Buffer.alloc(0) };
  deepStrictEqual(checkAgreement(side, whole, chunks), intact);
  deepStrictEqual(checkAgreement(side, whole, [1]), intact);
  for (let at = 0; at < whole.length; at += 1) {
    deepStrictEqual(streamDecode(side, cut(whole, [at, whole.length])), intact);
    const truncated = checkAgreement(side, whole.subarray(0, at), [at]);
    ok(truncated.verdict === 'more', 'a truncated stream waits for more');
  }
  const damaged = Buffer.from(whole);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const at = bit >> 3;
    damaged[at] = (whole[at] as number) ^ (1 << (bit & 7));
    checkReencoding(side, checkAgreement(side, damaged, bit % 2 === 0 ? [damaged.length] : chunks));
    damaged[at] = whole[at] as number;
  }
  return 2 + whole.length * 10;
}

/** A few frames with bytes overwritten, inserted and removed at will, or no frames at all. */
export const mangledCase: fc.Arbitrary<{ side: Side; bytes: Buffer; chunks: readonly number[] }> = fc
  .tuple(
    wireCase,
    fc.array(
      record({
        at: fc.nat(),
        remove: fc.integer({ min: 0, max: 4 }),
        insert: fc.uint8Array({ maxLength: 4 }),
      }),
      { maxLength: 4 },
    ),
    fc.option(fc.uint8Array({ maxLength: 80 }), { freq: 4 }),
  )
  .map(([{ side, bytes: whole, chunks }, edits, noise]) => {
    if (noise) return { side, bytes: Buffer.from(noise), chunks };
    let mangled = whole;
    for (const { at, remove, insert } of edits) {
      const start = at % (mangled.length + 1);
      mangled = Buffer.concat([mangled.subarray(0, start), insert, mangled.subarray(start + remove)]);
    }
    return { side, bytes: mangled, chunks };
  });

/** Runs at least `cases` inputs from `seed`; returns how many. Throws with a seed and a shrunk example. */
export function fuzzWire(seed: number, cases: number): number {
  let done = 0;
  for (let round = 0; done < cases; round += 1) {
    const options = { seed: seed + round, numRuns: 20 };
    fc.assert(
      fc.property(wireCase, (wire) => {
        done += checkEveryDamage(wire);
      }),
      options,
    );
    fc.assert(
      fc.property(mangledCase, ({ side, bytes: input, chunks }) => {
        checkReencoding(side, checkAgreement(side, input, chunks));
        done += 1;
      }),
      { ...options, numRuns: 200 },
    );
  }
  return done;
}
