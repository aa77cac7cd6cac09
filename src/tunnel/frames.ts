/**
 * Frames of the tunnel, which bridge and broker speak inside the opaque bytes of a leg. src/wire/TUNNEL.md says what
 * each means.
 *
 * Each end sends one version byte, then frames: u8 type, u24 length of the payload, payload.
 *
 * | type | name | payload |
 * | ---- | ---- | ------- |
 * | 0x01 | DATA | u64 offset of the first byte in this direction, bytes |
 * | 0x02 | CLOSE | u64 offset after the last byte: the sender sends no more |
 * | 0x03 | ACK | u64 offset: all below it was received; u64 limit: what is below it may be sent |
 * | 0x04 | ABORT | none: the sender has given the session up |
 * | 0x10 | NEW | session [16] |
 * | 0x11 | ATTACH | session [16], nonce [32] |
 * | 0x12 | CHALLENGE | nonce [32] |
 * | 0x13 | PROVE | u64 offset: all below it was received; MAC [32] |
 * | 0x20 | PROBE | token [8] |
 * | 0x21 | ECHO | token [8] |
 * | 0x30 | LEAVE | name of a node |
 *
 * Bytes carried are the inner TLS stream. An end of the leg without CLOSE is an abort, never a clean end.
 */
import assert from 'node:assert';
import { BeaconError } from '../base/errors.ts';
import { NAME_BYTES, TUNNEL_FRAME_BYTES } from '../base/limits.ts';

export const TUNNEL_VERSION = 1;
export const SESSION_ID_BYTES = 16;
export const NONCE_BYTES = 32;
export const MAC_BYTES = 32;

const HEADER_BYTES = 4;
const OFFSET_BYTES = 8;
/** What unknown types begin with that a receiver skips. */
const SKIPPED_FROM = 0x80;
const NODE_NAME = /^[\x21-\x7e]+$/;

/** Bytes of inner TLS that one DATA frame may carry. */
export const DATA_BYTES = TUNNEL_FRAME_BYTES - HEADER_BYTES - OFFSET_BYTES;
/** Bytes in front of the payload of a DATA frame. */
export const DATA_HEADER_BYTES = HEADER_BYTES + OFFSET_BYTES;

/** Offsets and limits are whole numbers from 0 to 2^53 - 1; `session`, `nonce` and `mac` have their fixed lengths. */
export type TunnelFrame =
  | { readonly type: 'close'; readonly offset: number }
  | { readonly type: 'ack'; readonly offset: number; readonly limit: number }
  | { readonly type: 'abort' }
  | { readonly type: 'new'; readonly session: Buffer }
  | { readonly type: 'attach'; readonly session: Buffer; readonly nonce: Buffer }
  | { readonly type: 'challenge'; readonly nonce: Buffer }
  | { readonly type: 'prove'; readonly offset: number; readonly mac: Buffer }
  | { readonly type: 'probe' | 'echo'; readonly token: bigint }
  | { readonly type: 'leave'; readonly node: string };

/** Every frame but DATA, whose bytes are passed on as they come. */
export type TunnelFrameType = TunnelFrame['type'];

interface Layout {
  readonly number: number;
  /** Bytes of the payload. */
  readonly least: number;
  readonly most: number;
}

const fixed = (number: number, bytes: number): Layout => ({ number, least: bytes, most: bytes });

/** Numbers and lengths on the wire. */
export const TUNNEL_LAYOUTS: { readonly [T in TunnelFrameType | 'data']: Layout } = {
  data: { number: 0x01, least: OFFSET_BYTES, most: OFFSET_BYTES + DATA_BYTES },
  close: fixed(0x02, OFFSET_BYTES),
  ack: fixed(0x03, 2 * OFFSET_BYTES),
  abort: fixed(0x04, 0),
  new: fixed(0x10, SESSION_ID_BYTES),
  attach: fixed(0x11, SESSION_ID_BYTES + NONCE_BYTES),
  challenge: fixed(0x12, NONCE_BYTES),
  prove: fixed(0x13, OFFSET_BYTES + MAC_BYTES),
  probe: fixed(0x20, 8),
  echo: fixed(0x21, 8),
  leave: { number: 0x30, least: 1, most: NAME_BYTES },
};

const TYPES = new Map(
  Object.entries(TUNNEL_LAYOUTS).map(([type, layout]) => [
    layout.number,
    { type: type as TunnelFrameType | 'data', ...layout },
  ]),
);
const LARGEST_CONTROL = NAME_BYTES;

/** Header of a DATA frame whose `length` bytes follow. `offset` is a whole number below 2^53. */
export function dataHeader(offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(DATA_HEADER_BYTES);
  writeHeader(bytes, 'data', OFFSET_BYTES + length);
  writeOffset(bytes, offset, HEADER_BYTES);
  return bytes;
}

export function closeFrame(offset: number): Buffer {
  return encodeTunnelFrame({ type: 'close', offset });
}

/** The bytes of any frame but DATA. */
export function encodeTunnelFrame(frame: TunnelFrame): Buffer {
  const { least, most } = TUNNEL_LAYOUTS[frame.type];
  const name = frame.type === 'leave' ? Buffer.from(frame.node) : undefined;
  const length = name ? name.length : most;
  assert(length >= least && length <= most, `a ${frame.type} frame of ${length} bytes`);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  writeHeader(bytes, frame.type, length);
  if (name) name.copy(bytes, HEADER_BYTES);
  else writePayload(bytes, frame);
  return bytes;
}

function writePayload(bytes: Buffer, frame: TunnelFrame): void {
  switch (frame.type) {
    case 'close':
      return writeOffset(bytes, frame.offset, HEADER_BYTES);
    case 'ack':
      writeOffset(bytes, frame.offset, HEADER_BYTES);
      return writeOffset(bytes, frame.limit, HEADER_BYTES + OFFSET_BYTES);
    case 'abort':
      return;
    case 'new':
      return writeBytes(bytes, frame.session, HEADER_BYTES, SESSION_ID_BYTES);
    case 'attach':
      writeBytes(bytes, frame.session, HEADER_BYTES, SESSION_ID_BYTES);
      return writeBytes(bytes, frame.nonce, HEADER_BYTES + SESSION_ID_BYTES, NONCE_BYTES);
    case 'challenge':
      return writeBytes(bytes, frame.nonce, HEADER_BYTES, NONCE_BYTES);
    case 'prove':
      writeOffset(bytes, frame.offset, HEADER_BYTES);
      return writeBytes(bytes, frame.mac, HEADER_BYTES + OFFSET_BYTES, MAC_BYTES);
    case 'probe':
    case 'echo':
      return void bytes.writeBigUInt64BE(frame.token, HEADER_BYTES);
    case 'leave':
      return assert.fail('LEAVE has a length of its own');
  }
}

function writeHeader(bytes: Buffer, type: TunnelFrameType | 'data', length: number): void {
  bytes.writeUInt8(TUNNEL_LAYOUTS[type].number, 0);
  bytes.writeUIntBE(length, 1, 3);
}

function writeOffset(bytes: Buffer, offset: number, at: number): void {
  bytes.writeBigUInt64BE(BigInt(offset), at);
}

function writeBytes(bytes: Buffer, value: Buffer, at: number, length: number): void {
  assert.equal(value.length, length);
  value.copy(bytes, at);
}

export interface TunnelFrameHandler {
  /** A part of a DATA frame: `bytes` begin at `offset` of the stream. A view of what was pushed, not a copy. */
  onData(offset: number, bytes: Buffer): void;
  onClose(offset: number): void;
  /** Every other frame. Without it, they are malformed. Byte strings are copies. */
  onFrame?(frame: Exclude<TunnelFrame, { readonly type: 'close' }>): void;
}

/** Reads tunnel frames from chunks; keeps at most a header and a control payload, and passes DATA on as it comes. */
export class TunnelFrameDecoder {
  readonly #handler: TunnelFrameHandler;
  readonly #kept = Buffer.alloc(HEADER_BYTES + LARGEST_CONTROL);
  #keptBytes = 0;
  /** Bytes that must be there before anything can be done. */
  #needed = HEADER_BYTES;
  #versionSeen = false;
  /** The frame whose header is in; undefined between two frames. */
  #type: TunnelFrameType | 'data' | 'unknown' | undefined;
  #length = 0;
  /** Of DATA, or of an unknown frame: where its next byte belongs, and how many are to come. */
  #offset = 0;
  #left = 0;
  #stopped = false;

  constructor(handler: TunnelFrameHandler) {
    this.#handler = handler;
  }

  /** No further frame is taken, not even of a chunk that is being pushed: the leg was given up. */
  stop(): void {
    this.#stopped = true;
  }

  /** Throws BeaconError('malformed' | 'unsupportedVersion'); the leg is of no use after it. */
  push(chunk: Buffer): void {
    let at = 0;
    if (!this.#versionSeen && chunk.length > 0) {
      checkVersion(chunk.readUInt8(0));
      this.#versionSeen = true;
      at = 1;
    }
    while (at < chunk.length && !this.#stopped) {
      at += this.#left > 0 ? this.#payload(chunk, at) : this.#keep(chunk, at);
    }
  }

  #payload(chunk: Buffer, at: number): number {
    const bytes = chunk.subarray(at, at + this.#left);
    const offset = this.#offset;
    this.#left -= bytes.length;
    this.#offset += bytes.length;
    if (this.#type === 'data') this.#handler.onData(offset, bytes);
    if (this.#left === 0) this.#type = undefined;
    return bytes.length;
  }

  #keep(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#kept, this.#keptBytes, at, at + this.#needed - this.#keptBytes);
    this.#keptBytes += copied;
    if (this.#keptBytes === this.#needed) this.#go();
    return copied;
  }

  /** What was needed is there: the header, and then what of the payload is kept. */
  #go(): void {
    if (this.#type === undefined) {
      this.#begin();
      if (this.#needed > this.#keptBytes) return;
    }
    const type = this.#type;
    this.#keptBytes = 0;
    this.#needed = HEADER_BYTES;
    if (type === 'data') {
      this.#offset = this.#offsetAt(HEADER_BYTES);
      this.#left = this.#length - OFFSET_BYTES;
    } else if (type === 'unknown') {
      this.#left = this.#length;
    }
    if (this.#left > 0) return;
    this.#type = undefined;
    if (type !== 'data' && type !== 'unknown' && type !== undefined) this.#control(type);
  }

  #begin(): void {
    const number = this.#kept.readUInt8(0);
    const length = this.#kept.readUIntBE(1, 3);
    this.#length = length;
    const known = TYPES.get(number);
    if (!known && number >= SKIPPED_FROM && HEADER_BYTES + length <= TUNNEL_FRAME_BYTES) {
      this.#type = 'unknown';
      return;
    }
    const allowed =
      known && (known.type === 'data' || known.type === 'close' || this.#handler.onFrame !== undefined);
    if (!allowed || length < known.least || length > known.most) {
      throw malformed(`a frame of type ${number} and ${length} bytes`);
    }
    this.#type = known.type;
    this.#needed = HEADER_BYTES + (known.type === 'data' ? OFFSET_BYTES : length);
  }

  #control(type: TunnelFrameType): void {
    switch (type) {
      case 'close':
        return this.#handler.onClose(this.#offsetAt(HEADER_BYTES));
      case 'ack': {
        const limit = this.#offsetAt(HEADER_BYTES + OFFSET_BYTES);
        return this.#handler.onFrame?.({ type, offset: this.#offsetAt(HEADER_BYTES), limit });
      }
      case 'abort':
        return this.#handler.onFrame?.({ type });
      case 'new':
        return this.#handler.onFrame?.({ type, session: this.#bytes(0, SESSION_ID_BYTES) });
      case 'attach': {
        const session = this.#bytes(0, SESSION_ID_BYTES);
        return this.#handler.onFrame?.({ type, session, nonce: this.#bytes(SESSION_ID_BYTES, NONCE_BYTES) });
      }
      case 'challenge':
        return this.#handler.onFrame?.({ type, nonce: this.#bytes(0, NONCE_BYTES) });
      case 'prove': {
        const mac = this.#bytes(OFFSET_BYTES, MAC_BYTES);
        return this.#handler.onFrame?.({ type, offset: this.#offsetAt(HEADER_BYTES), mac });
      }
      case 'probe':
      case 'echo':
        return this.#handler.onFrame?.({ type, token: this.#kept.readBigUInt64BE(HEADER_BYTES) });
      case 'leave':
        return this.#handler.onFrame?.({ type, node: this.#name() });
    }
  }

  #offsetAt(at: number): number {
    const offset = this.#kept.readBigUInt64BE(at);
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('an offset over 2^53');
    return Number(offset);
  }

  #bytes(at: number, length: number): Buffer {
    return Buffer.from(this.#kept.subarray(HEADER_BYTES + at, HEADER_BYTES + at + length));
  }

  #name(): string {
    const node = this.#bytes(0, this.#length).toString('latin1');
    if (!NODE_NAME.test(node)) throw malformed('a node name with characters that none has');
    return node;
  }
}

function checkVersion(version: number): void {
  if (version === TUNNEL_VERSION) return;
  throw new BeaconError(
    'unsupportedVersion',
    `the other end speaks tunnel version ${version}, this one ${TUNNEL_VERSION}: run neighbouring releases of bridge and broker`,
  );
}

function malformed(what: string): BeaconError {
  return new BeaconError('malformed', `the other end of the tunnel sent ${what}`);
}
