/**
 * Frames of the tunnel, which bridge and broker speak inside the opaque bytes of a leg. PROTOCOL.md, part two.
 *
 * Each end sends one version byte, then frames: u8 type, u24 length of the payload, payload.
 *
 * | type | name | payload |
 * | ---- | ---- | ------- |
 * | 0x01 | DATA | u64 offset of the first byte in this direction, bytes |
 * | 0x02 | CLOSE | u64 offset after the last byte: the sender sends no more |
 *
 * Bytes carried are the inner TLS stream. An end of the leg without CLOSE is an abort, never a clean end.
 */
import { BeaconError } from '../base/errors.ts';
import { TUNNEL_FRAME_BYTES } from '../base/limits.ts';

export const TUNNEL_VERSION = 1;

const DATA = 0x01;
const CLOSE = 0x02;
const HEADER_BYTES = 4;
const OFFSET_BYTES = 8;

/** Bytes of inner TLS that one DATA frame may carry. */
export const DATA_BYTES = TUNNEL_FRAME_BYTES - HEADER_BYTES - OFFSET_BYTES;

/** Header of a DATA frame whose `length` bytes follow. `offset` is a whole number below 2^53. */
export function dataHeader(offset: number, length: number): Buffer {
  return header(DATA, offset, length);
}

export function closeFrame(offset: number): Buffer {
  return header(CLOSE, offset, 0);
}

function header(type: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + OFFSET_BYTES);
  bytes.writeUInt8(type, 0);
  bytes.writeUIntBE(OFFSET_BYTES + length, 1, 3);
  bytes.writeBigUInt64BE(BigInt(offset), HEADER_BYTES);
  return bytes;
}

export interface TunnelFrameHandler {
  /** A part of a DATA frame: `bytes` begin at `offset` of the stream. A view of what was pushed, not a copy. */
  onData(offset: number, bytes: Buffer): void;
  onClose(offset: number): void;
}

/** Reads tunnel frames from chunks; keeps at most a header, and passes payload on as it comes. */
export class TunnelFrameDecoder {
  readonly #handler: TunnelFrameHandler;
  readonly #header = Buffer.alloc(HEADER_BYTES + OFFSET_BYTES);
  #headerBytes = 0;
  /** Bytes of the header that are needed before anything can be done: at first only the version. */
  #versionSeen = false;
  #offset = 0;
  #left = 0;

  constructor(handler: TunnelFrameHandler) {
    this.#handler = handler;
  }

  /** Throws BeaconError('malformed' | 'unsupportedVersion'); the leg is of no use after it. */
  push(chunk: Buffer): void {
    let at = 0;
    if (!this.#versionSeen && chunk.length > 0) {
      checkVersion(chunk.readUInt8(0));
      this.#versionSeen = true;
      at = 1;
    }
    while (at < chunk.length) at += this.#left > 0 ? this.#payload(chunk, at) : this.#readHeader(chunk, at);
  }

  #payload(chunk: Buffer, at: number): number {
    const bytes = chunk.subarray(at, at + this.#left);
    const offset = this.#offset;
    this.#left -= bytes.length;
    this.#offset += bytes.length;
    this.#handler.onData(offset, bytes);
    return bytes.length;
  }

  #readHeader(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerBytes, at);
    this.#headerBytes += copied;
    if (this.#headerBytes === this.#header.length) {
      this.#headerBytes = 0;
      this.#begin();
    }
    return copied;
  }

  #begin(): void {
    const type = this.#header.readUInt8(0);
    const length = this.#header.readUIntBE(1, 3) - OFFSET_BYTES;
    const offset = this.#header.readBigUInt64BE(HEADER_BYTES);
    if (length < 0 || length > DATA_BYTES) throw malformed(`a frame of ${length + OFFSET_BYTES} bytes`);
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('an offset over 2^53');
    this.#offset = Number(offset);
    if (type === DATA) this.#left = length;
    else if (type === CLOSE && length === 0) this.#handler.onClose(this.#offset);
    else throw malformed(`a frame of type ${type} and ${length + OFFSET_BYTES} bytes`);
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
