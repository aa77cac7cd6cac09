/**
 * What stands in a run for inner TLS and HTTP/2: a handshake that gives both ends the same key, and streams in the bytes of a
 * session. As small as can be: it is part of the workload, not of the product.
 */
import assert from 'node:assert/strict';

/**
 * `hello`, `finished`, `settings`: the handshake, in flights as TLS 1.3 and HTTP/2 have them. `open`, `accept`, `data`, `end`,
 * `reset`: a stream. `goaway`: no stream above the number in it was looked at. `renew`: as RENEW_SETTING. `ping`, `pong`: as
 * those of HTTP/2.
 */
const TYPES = [
  'hello',
  'finished',
  'settings',
  'open',
  'accept',
  'data',
  'end',
  'reset',
  'goaway',
  'renew',
  'ping',
  'pong',
] as const;
export type MuxType = (typeof TYPES)[number];

const HEADER_BYTES = 9;
const NOTHING = Buffer.alloc(0);

/** @param stream 0: the tunnel itself. */
export function muxFrame(type: MuxType, stream = 0, payload: Buffer = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt8(TYPES.indexOf(type), 0);
  bytes.writeUInt32BE(stream, 1);
  bytes.writeUInt32BE(payload.length, 5);
  payload.copy(bytes, HEADER_BYTES);
  return bytes;
}

export class MuxReader {
  readonly #onFrame: (type: MuxType, stream: number, payload: Buffer) => void;
  #rest: Buffer = NOTHING;

  constructor(onFrame: (type: MuxType, stream: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws AssertionError where bytes are no frame: what a session delivers is what was written, or it is at fault. */
  push(chunk: Buffer): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    while (bytes.length >= HEADER_BYTES) {
      const type = TYPES[bytes.readUInt8(0)];
      const end = HEADER_BYTES + bytes.readUInt32BE(5);
      assert(type !== undefined, 'a session delivered what was never written');
      if (bytes.length < end) break;
      const stream = bytes.readUInt32BE(1);
      const payload = bytes.subarray(HEADER_BYTES, end);
      bytes = bytes.subarray(end);
      this.#onFrame(type, stream, payload);
    }
    this.#rest = Buffer.from(bytes);
  }
}
