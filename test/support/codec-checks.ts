/**
 * The checks that hold for any bytes, for each direction of each frame family: used by the tests of src/wire and by
 * scripts/fuzz-wire.ts. Everything follows from fast-check's seed.
 */
import { deepStrictEqual, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { BeaconError } from '../../src/base/errors.ts';
import type { FrameDecoder } from '../../src/wire/decode.ts';
import type { AnyFrame } from '../../src/wire/table.ts';
import { record } from './field-arbitraries.ts';
import type { Decoded } from './naive-decoder.ts';

/** What one side of one family sends. */
export interface Direction<F extends AnyFrame = AnyFrame> {
  readonly frame: fc.Arbitrary<F>;
  encode(frame: F): Buffer;
  decoder(): FrameDecoder<F>;
  naiveDecode(input: Buffer): Decoded;
}

/** What one side sent, and where to cut it. */
interface WireCase {
  readonly direction: Direction;
  readonly frames: readonly AnyFrame[];
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

/** One to four frames of one direction, some as a later release would send them. */
function casesOf(direction: Direction): fc.Arbitrary<WireCase> {
  return record({
    sent: fc.array(fc.tuple(direction.frame, later), { minLength: 1, maxLength: 4 }),
    chunks: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 600 })), {
      minLength: 1,
      maxLength: 8,
    }),
  }).map(({ sent, chunks }) => ({
    direction,
    frames: sent.map(([each]) => each),
    bytes: Buffer.concat(
      sent.flatMap(([each, extra]) => {
        const encoded = direction.encode(each);
        return extra ? [lengthened(encoded, extra.more), extra.next] : [encoded];
      }),
    ),
    chunks,
  }));
}

/** Feeds `chunks` to a streaming decoder until it fails or they end. */
export function decodeStream(direction: Direction, chunks: Iterable<Buffer>): Decoded {
  const decoder = direction.decoder();
  const frames: AnyFrame[] = [];
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
function* cut(input: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < input.length; turn += 1) {
    const chunk = Buffer.from(input.subarray(at, at + (sizes[turn % sizes.length] ?? 1)));
    at += chunk.length;
    yield chunk;
    chunk.fill(0xee);
  }
}

/** Streaming decoder and twin agree on `input`; what they decode can be encoded and decoded again. */
function checkAgreement(direction: Direction, input: Buffer, sizes: readonly number[]): Decoded {
  const decoded = decodeStream(direction, cut(input, sizes));
  deepStrictEqual(decoded, direction.naiveDecode(input));
  return decoded;
}

/** Whatever decodes is a frame that the encoder takes, and means the same after it. */
function checkReencoding(direction: Direction, { frames }: Decoded): void {
  const again = direction.naiveDecode(Buffer.concat(frames.map((frame) => direction.encode(frame))));
  deepStrictEqual(again.frames, frames);
}

/**
 * Every cut in two, every truncation and every bit flip of one case, and the bytes one by one and in its own
 * chunks. Returns how many inputs were decoded; throws at the first that is decoded wrongly.
 */
function checkEveryDamage(wire: WireCase): number {
  const { direction, frames, bytes: whole, chunks } = wire;
  const intact: Decoded = { frames, verdict: 'more', rest: Buffer.alloc(0) };
  deepStrictEqual(checkAgreement(direction, whole, chunks), intact);
  deepStrictEqual(checkAgreement(direction, whole, [1]), intact);
  for (let at = 0; at < whole.length; at += 1) {
    deepStrictEqual(decodeStream(direction, cut(whole, [at, whole.length])), intact);
    const truncated = checkAgreement(direction, whole.subarray(0, at), [at]);
    ok(truncated.verdict === 'more', 'a truncated stream waits for more');
  }
  const damaged = Buffer.from(whole);
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const at = bit >> 3;
    damaged[at] = (whole[at] as number) ^ (1 << (bit & 7));
    checkReencoding(direction, checkAgreement(direction, damaged, bit % 2 === 0 ? [damaged.length] : chunks));
    damaged[at] = whole[at] as number;
  }
  return 2 + whole.length * 10;
}

/** A few frames with bytes overwritten, inserted and removed at will, or no frames at all. */
const mangled = (wireCase: fc.Arbitrary<WireCase>): fc.Arbitrary<Omit<WireCase, 'frames'>> =>
  fc
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
    .map(([{ direction, bytes: whole, chunks }, edits, noise]) => {
      if (noise) return { direction, bytes: Buffer.from(noise), chunks };
      let bytes = whole;
      for (const { at, remove, insert } of edits) {
        const start = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]);
      }
      return { direction, bytes, chunks };
    });

/** Runs at least `cases` inputs from `seed`; returns how many. Throws with a seed and a shrunk example. */
export function fuzzWire(seed: number, cases: number, directions: readonly Direction[]): number {
  const wireCase = fc.oneof(...directions.map(casesOf));
  const mangledCase = mangled(wireCase);
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
      fc.property(mangledCase, ({ direction, bytes, chunks }) => {
        checkReencoding(direction, checkAgreement(direction, bytes, chunks));
        done += 1;
      }),
      { ...options, numRuns: 200 },
    );
  }
  return done;
}
