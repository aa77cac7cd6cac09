/**
 * A cursor over the bytes of one frame: reads and writes big-endian scalars and runs of bytes, and knows which
 * field of which frame it stands at, so that every complaint can name both.
 */
import assert from 'node:assert/strict';
import { BeaconError } from '../base/errors.ts';
import { FRAME_BYTES } from '../base/limits.ts';

/** A copy with memory of its own. A slice would pin the whole slab that it was cut from. */
export function ownCopy(...parts: readonly Uint8Array[]): Buffer {
  const copy = Buffer.allocUnsafeSlow(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    copy.set(part, at);
    at += part.length;
  }
  return copy;
}

/** Reads the payload of one frame. Bytes after the last field that is asked for are left alone. */
export class Reader {
  /** The field being read, for the text of an error. */
  field = '';
  readonly #frame: string;
  readonly #bytes: Buffer;
  #at = 0;

  /** `frame` is the frame's name as PROTOCOL.md writes it; `bytes` is its payload, borrowed. */
  constructor(frame: string, bytes: Buffer) {
    this.#frame = frame;
    this.#bytes = bytes;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  /** The next `count` bytes as a view. Throws `malformed` where the payload ends before. */
  take(count: number): Buffer {
    const end = this.#at + count;
    const missing = end - this.#bytes.length;
    if (missing > 0) this.fail(`is cut off: the frame ends ${missing} bytes too early`);
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Throws the error for the field being read. */
  fail(problem: string, code: 'malformed' | 'unsupportedVersion' = 'malformed'): never {
    throw new BeaconError(code, `${this.#frame}: ${this.field} ${problem}`);
  }
}

const utf8 = new TextEncoder();

/** Writes one frame. What does not fit is a programmer mistake, as every field has its own limit below the frame's. */
export class Writer {
  /** The field being written, for the text of an assertion. */
  field = '';
  readonly #frame: string;
  readonly #bytes = Buffer.allocUnsafe(FRAME_BYTES);
  #at = 2;

  /** `frame` is the frame's name as PROTOCOL.md writes it; `type` is its number. */
  constructor(frame: string, type: number) {
    this.#frame = frame;
    this.u8(type);
  }

  u8(value: number): void {
    this.#unsigned(value, 0xff);
    this.#at = this.#bytes.writeUInt8(value, this.#at);
  }

  u16(value: number): void {
    this.#unsigned(value, 0xffff);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#unsigned(value, 0xffff_ffff);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
  }

  /** A u64 whose value is a safe integer. */
  u64(value: number): void {
    this.#unsigned(value, Number.MAX_SAFE_INTEGER);
    this.#at = this.#bytes.writeBigUInt64BE(BigInt(value), this.#at);
  }

  raw(bytes: Uint8Array): void {
    this.require(this.#at + bytes.length <= FRAME_BYTES, 'does not fit into the frame');
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Asserts that the field being written keeps its limit. */
  require(holds: boolean, problem: string): void {
    assert(holds, `${this.#frame}: ${this.field} ${problem}`);
  }

  /** The whole frame, its length field included, in memory of its own. */
  finish(): Buffer {
    this.#bytes.writeUInt16BE(this.#at - 2, 0);
    return ownCopy(this.#bytes.subarray(0, this.#at));
  }

  #unsigned(value: number, max: number): void {
    this.require(
      Number.isSafeInteger(value) && value >= 0 && value <= max,
      `must be a whole number from 0 to ${max}`,
    );
  }
}

/** The UTF-8 of `text`, cut before the first character that would make it longer than `max` bytes. */
export function utf8UpTo(text: string, max: number): Uint8Array {
  const bytes = new Uint8Array(max);
  return bytes.subarray(0, utf8.encodeInto(text, bytes).written);
}
