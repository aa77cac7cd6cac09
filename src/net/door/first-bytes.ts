/** Reads a connection until its ClientHello is whole, and watches it until TLS takes over. */
import type { Socket } from 'node:net';
import { CLIENT_HELLO_BYTES } from '../../base/limits.ts';
import type { NoiseReason } from '../noise.ts';
import { ClientHelloReader } from './client-hello.ts';

export interface FirstBytesHandler {
  /** The whole ClientHello is here; {@link FirstBytes.giveBack} may be called at once. */
  onWhole(): void;
  /** It is to be closed; called once at the most, and not after `giveBack`. */
  onWrong(reason: NoiseReason): void;
}

/**
 * It goes on reading while a whole ClientHello waits: only so is it noticed that the peer has left, and a handshake spared.
 * A client of TLS 1.3 has nothing to send before our answer, so past CLIENT_HELLO_BYTES it is wrong.
 */
export class FirstBytes {
  readonly #raw: Socket;
  readonly #handler: FirstBytesHandler;
  readonly #reader = new ClientHelloReader();
  #bytes: Buffer = Buffer.alloc(0);
  #isWhole = false;
  #isOver = false;

  /** Begins to read `raw`. */
  constructor(raw: Socket, handler: FirstBytesHandler) {
    this.#raw = raw;
    this.#handler = handler;
    raw.on('data', this.#onData);
    raw.on('end', this.#onEnd);
    raw.on('close', this.#stop);
    raw.resume();
  }

  /** Stops reading; everything that was read is in the socket again. */
  giveBack(): void {
    this.#stop();
    this.#raw.pause();
    this.#raw.unshift(this.#bytes);
    this.#bytes = Buffer.alloc(0);
  }

  readonly #stop = (): void => {
    this.#isOver = true;
    this.#raw.off('data', this.#onData);
    this.#raw.off('end', this.#onEnd);
    this.#raw.off('close', this.#stop);
  };

  readonly #onData = (chunk: Buffer): void => {
    // One buffer and no list: whoever sends single bytes would have us keep an object for each.
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const progress = this.#isWhole ? 'more' : this.#reader.push(chunk);
    // What follows the ClientHello counts as well.
    if (progress !== 'notTls' && this.#bytes.length > CLIENT_HELLO_BYTES) return this.#wrong('handshake');
    switch (progress) {
      case 'more':
        return;
      case 'whole':
        this.#isWhole = true;
        return this.#handler.onWhole();
      case 'notTls':
        return this.#wrong('notTls');
      case 'tooLong':
        return this.#wrong('handshake');
    }
  };

  readonly #onEnd = (): void => this.#wrong('closed');

  #wrong(reason: NoiseReason): void {
    if (this.#isOver) return;
    this.#stop();
    this.#handler.onWrong(reason);
  }
}
