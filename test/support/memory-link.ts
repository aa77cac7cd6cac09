/** Two links joined in memory, which behave as sockets do: back-pressure, half-close, reset. For tests. */
import { Duplex } from 'node:stream';
import type { Link } from '../../src/net/link.ts';

export interface MemoryLinkOptions {
  /** Bytes that each end takes in before it asks to wait. Default 16 KiB. */
  readonly highWaterMark?: number;
}

type Callback = (error?: Error | null) => void;

export class MemoryLink implements Link {
  readonly stream: Duplex;
  readonly source = '192.0.2.1';
  readonly peerChain: readonly Buffer[] = [];
  readonly #end: MemoryEnd;

  constructor(end: MemoryEnd) {
    this.stream = end;
    this.#end = end;
    end.on('error', () => {});
  }

  reset(): void {
    this.#end.reset();
  }
}

/** What is written to one comes out of the other. */
export function memoryLinks({ highWaterMark = 16_384 }: MemoryLinkOptions = {}): [MemoryLink, MemoryLink] {
  const a = new MemoryEnd(highWaterMark);
  const b = new MemoryEnd(highWaterMark);
  a.peer = b;
  b.peer = a;
  return [new MemoryLink(a), new MemoryLink(b)];
}

class MemoryEnd extends Duplex {
  peer: MemoryEnd | undefined;
  /** The peer's write that waits until we read. */
  #held: Callback | undefined;
  #aborted = false;

  constructor(highWaterMark: number) {
    super({ allowHalfOpen: true, highWaterMark });
  }

  reset(): void {
    if (this.destroyed) return;
    this.#aborted = true;
    this.destroy();
    this.peer?.cut();
  }

  /** The other end was reset. */
  cut(): void {
    this.#aborted = true;
    if (!this.destroyed) this.destroy(systemError('ECONNRESET'));
  }

  override _read(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    // Later, as with a socket: nobody reads while somebody writes.
    process.nextTick(() => this.#deliver(Buffer.from(chunk), done));
  }

  #deliver(chunk: Buffer, done: Callback): void {
    const { peer } = this;
    if (!peer || peer.destroyed) return done(systemError('EPIPE'));
    if (peer.push(chunk)) return done();
    peer.#held = done;
  }

  override _final(done: Callback): void {
    if (this.peer && !this.peer.destroyed) this.peer.push(null);
    done();
  }

  /** As with a socket, destroying without a reset looks like an end to the peer. */
  override _destroy(error: Error | null, done: Callback): void {
    const { peer } = this;
    const held = this.#held;
    this.#held = undefined;
    held?.(systemError(this.#aborted ? 'ECONNRESET' : 'EPIPE'));
    if (peer && !peer.destroyed && !this.#aborted && !this.writableFinished) peer.push(null);
    done(error);
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
