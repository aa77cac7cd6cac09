/**
 * Is a whole ClientHello here? Looks at headers only: TLS records (RFC 8446, section 5.1) and the header of the one
 * handshake message in them (section 4). OpenSSL judges what it says. Pure, and it keeps no bytes.
 */
import { CLIENT_HELLO_BYTES } from '../../base/limits.ts';

export type ClientHelloProgress =
  | 'more'
  /** From here on it is TLS's turn. Bytes after the ClientHello may be there as well. */
  | 'whole'
  /** Plain HTTP, another protocol, or TLS that does not begin with a ClientHello. */
  | 'notTls'
  /** It says that it will be longer than the limit, or its records have been. */
  | 'tooLong';

const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** The major version of every TLS record; the minor one is not to be looked at. */
const MAJOR = 3;
/** A record's content (RFC 8446, section 5.1). */
const FRAGMENT_BYTES = 2 ** 14;

export class ClientHelloReader {
  readonly #limit: number;
  #progress: ClientHelloProgress = 'more';
  /** Of all records, headers included. */
  #bytes = 0;
  /** Bytes of the record header, or of the message header, that are here. */
  #headerBytes = 0;
  #length = 0;
  /** What is missing of the record's content; 0: a record header comes next. */
  #fragment = 0;
  #messageHeaderBytes = 0;
  #message = 0;

  /** @param limit bytes of the ClientHello with its record headers. */
  constructor(limit: number = CLIENT_HELLO_BYTES) {
    this.#limit = limit;
  }

  /** What is known once `bytes` have come as well. After any answer but `more` the answer stays. */
  push(bytes: Uint8Array): ClientHelloProgress {
    let at = 0;
    while (this.#progress === 'more' && at < bytes.length) {
      const before = at;
      if (this.#fragment > 0 && this.#messageHeaderBytes === MESSAGE_HEADER_BYTES)
        at += this.#skip(bytes.length - at);
      else this.#onHeaderByte(bytes[at++] as number);
      this.#bytes += at - before;
      if (this.#progress === 'more' && this.#bytes >= this.#limit) this.#progress = 'tooLong';
    }
    return this.#progress;
  }

  #onHeaderByte(byte: number): void {
    if (this.#fragment === 0) return this.#onRecordHeader(byte);
    this.#fragment -= 1;
    this.#messageHeaderBytes += 1;
    if (this.#messageHeaderBytes === 1) {
      if (byte !== CLIENT_HELLO) this.#progress = 'notTls';
      return;
    }
    this.#message = this.#message * 256 + byte;
    if (this.#messageHeaderBytes < MESSAGE_HEADER_BYTES) return;
    if (this.#message > this.#limit) this.#progress = 'tooLong';
    else if (this.#message === 0) this.#progress = 'whole';
  }

  #onRecordHeader(byte: number): void {
    this.#headerBytes += 1;
    if (this.#headerBytes === 1 && byte !== HANDSHAKE) this.#progress = 'notTls';
    if (this.#headerBytes === 2 && byte !== MAJOR) this.#progress = 'notTls';
    if (this.#headerBytes < RECORD_HEADER_BYTES - 1) return;
    this.#length = this.#length * 256 + byte;
    if (this.#headerBytes < RECORD_HEADER_BYTES) return;
    // Records of the handshake are never empty (RFC 8446, section 5.1), so each brings the end nearer.
    if (this.#length === 0 || this.#length > FRAGMENT_BYTES) this.#progress = 'notTls';
    this.#fragment = this.#length;
    this.#headerBytes = 0;
    this.#length = 0;
  }

  /** Passes over bytes of the message that are in this record; at most `count`. */
  #skip(count: number): number {
    const skipped = Math.min(count, this.#fragment, this.#message, this.#limit - this.#bytes);
    this.#fragment -= skipped;
    this.#message -= skipped;
    if (this.#message === 0) this.#progress = 'whole';
    return skipped;
  }
}
