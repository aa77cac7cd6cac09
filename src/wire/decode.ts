/** Bytes to frames, as they arrive: no I/O, no clock, and never more than one frame kept. */
import assert from 'node:assert/strict';
import { BeaconError } from '../base/errors.ts';
import { FRAME_BYTES } from '../base/limits.ts';
import { ownCopy, Reader } from './cursor.ts';
import type { ClientFrame, RelayFrame } from './frames.ts';
import { BEACON_FRAMES } from './layouts.ts';
import { type AnyFrame, type AnyTable, FIRST_SKIPPED_TYPE, frameName, oneSender } from './table.ts';

const LENGTH_BYTES = 2;
const NOTHING = Buffer.alloc(0);

/** Decodes what a client sends. */
export function clientFrames(): FrameDecoder<ClientFrame> {
  return new FrameDecoder(BEACON_FRAMES, 'client');
}

/** Decodes what a relay sends. */
export function relayFrames(): FrameDecoder<RelayFrame> {
  return new FrameDecoder(BEACON_FRAMES, 'relay');
}

/**
 * Takes bytes in any portions and gives frames one at a time, so that the owner can stop right after the frame
 * that turns the rest into opaque bytes.
 *
 * Between two calls of `push` the owner calls `next` until it returns undefined (asserted): that keeps the memory
 * of a decoder at one frame plus the last chunk. An owner that is not ready for frames pauses its stream.
 *
 * `next` throws BeaconError `malformed` or `unsupportedVersion`; after that every method throws the same error.
 * Buffers in frames have memory of their own.
 */
export class FrameDecoder<F extends AnyFrame> {
  readonly #table: AnyTable;
  readonly #sender: string;
  #bytes: Buffer = NOTHING;
  #state: 'hungry' | 'fed' | 'finished' = 'hungry';
  #failure: BeaconError | undefined;

  /** Decodes what `sender` sends, so F is what it may send: use {@link clientFrames} and its like, which see to that. */
  constructor(table: AnyTable, sender: string) {
    this.#table = table;
    this.#sender = sender;
  }

  /** `chunk` is borrowed until `next` returns undefined, and must not change before. */
  push(chunk: Buffer): void {
    this.#check();
    assert(this.#state === 'hungry', 'next() must return undefined before more bytes are pushed');
    this.#bytes = this.#bytes.length === 0 ? chunk : ownCopy(this.#bytes, chunk);
    this.#state = 'fed';
  }

  /** The next whole frame; undefined when more bytes are needed. */
  next(): F | undefined {
    this.#check();
    try {
      for (let body = this.#body(); body !== undefined; body = this.#body()) {
        const frame = decodeBody(this.#table, this.#sender, body);
        // The table's `sender` column is what makes this an F.
        if (frame !== undefined) return frame as F;
      }
    } catch (error) {
      if (error instanceof BeaconError) this.#failure = error;
      this.#bytes = NOTHING;
      throw error;
    }
    if (this.#state === 'fed') this.#bytes = ownCopy(this.#bytes);
    this.#state = 'hungry';
    return undefined;
  }

  /** Every byte after the last frame returned, in memory of its own. The decoder is finished afterwards. */
  takeRest(): Buffer {
    this.#check();
    const rest = ownCopy(this.#bytes);
    this.#bytes = NOTHING;
    this.#state = 'finished';
    return rest;
  }

  #check(): void {
    assert(this.#state !== 'finished', 'the decoder is finished: what follows are opaque bytes');
    if (this.#failure) throw this.#failure;
  }

  /** Type byte and payload of the next frame, as a view; undefined when it is not all here. */
  #body(): Buffer | undefined {
    if (this.#bytes.length < LENGTH_BYTES) return undefined;
    const end = LENGTH_BYTES + this.#bytes.readUInt16BE();
    if (end === LENGTH_BYTES) throw new BeaconError('malformed', 'a frame has length 0, so it has no type');
    if (end > FRAME_BYTES) {
      throw new BeaconError('malformed', `a frame is ${end} bytes long, at most ${FRAME_BYTES} are allowed`);
    }
    if (this.#bytes.length < end) return undefined;
    const body = this.#bytes.subarray(LENGTH_BYTES, end);
    this.#bytes = this.#bytes.subarray(end);
    return body;
  }
}

/** One frame from its type byte and payload; undefined where it is one to skip. */
function decodeBody(table: AnyTable, sender: string, body: Buffer): AnyFrame | undefined {
  const number = body.readUInt8();
  const type = table.types.get(number);
  const layout = type === undefined ? undefined : table.layouts[type];
  if (type === undefined || layout === undefined) {
    if (number >= FIRST_SKIPPED_TYPE) return undefined;
    throw new BeaconError(
      'malformed',
      `a frame has the unknown type 0x${number.toString(16).padStart(2, '0')}`,
    );
  }
  if (layout.sender !== 'both' && layout.sender !== sender) {
    throw new BeaconError(
      'malformed',
      `${frameName(type)} came from ${oneSender(sender)}; only ${oneSender(layout.sender)} sends it`,
    );
  }
  const reader = new Reader(frameName(type), body.subarray(1));
  const frame: { readonly type: string; readonly role?: unknown; [key: string]: unknown } = { type };
  for (const [key, field] of Object.entries(layout.fields)) {
    reader.field = key;
    frame[key] = field.read(reader, frame);
  }
  return frame;
}
