/**
 * The bytes of the inner TLS over one leg, as a Duplex: DATA frames one way and the other, back-pressure passed on,
 * CLOSE for a clean end. A leg that ends without CLOSE destroys the stream with an error, so that nothing above
 * takes a cut for an end.
 */
import { Duplex } from 'node:stream';
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { LEG_LINGER_MS, STREAM_BUFFER_BYTES } from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { closeFrame, DATA_BYTES, dataHeader, TUNNEL_VERSION, TunnelFrameDecoder } from './frames.ts';

type Callback = (error?: Error | null) => void;

export class LegStream extends Duplex {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #decoder: TunnelFrameDecoder;
  #sent = 0;
  #received = 0;
  /** CLOSE and all before it are with the kernel. */
  #closed = false;
  #peerClosed = false;
  #linger: Timer | undefined;

  /** Takes the link over: it is closed or reset with this stream. 'close' comes when the link is closed. */
  constructor(link: Link, clock: Clock) {
    super({ allowHalfOpen: true, highWaterMark: STREAM_BUFFER_BYTES });
    this.#link = link;
    this.#clock = clock;
    this.#decoder = new TunnelFrameDecoder({
      onData: (offset, bytes) => this.#onData(offset, bytes),
      onClose: (offset) => this.#onClose(offset),
    });
    const { stream } = link;
    stream.on('data', (chunk: Buffer) => this.#onChunk(chunk));
    stream.on('end', () => {
      if (!this.#peerClosed) this.#cut();
    });
    stream.on('error', (cause) => this.#cut(cause));
    stream.on('close', () => {
      this.#linger?.cancel();
      this.#cut();
    });
    stream.pause();
    stream.write(Buffer.of(TUNNEL_VERSION));
    // It may have ended before anybody listened.
    if (stream.destroyed || stream.readableEnded) this.#cut();
  }

  /** Aborts the leg, also one that waits for the other end's CLOSE. Idempotent. */
  reset(): void {
    this.#link.reset();
  }

  override _read(): void {
    this.#link.stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    this.#send([chunk], done);
  }

  override _writev(writes: readonly { readonly chunk: Buffer }[], done: Callback): void {
    this.#send(
      writes.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Callback): void {
    const { stream } = this.#link;
    stream.end(closeFrame(this.#sent), () => {
      this.#closed = true;
      if (!stream.closed) this.#linger = this.#clock.after(LEG_LINGER_MS, () => this.reset());
      done();
    });
  }

  override _destroy(error: Error | null, done: Callback): void {
    const { stream } = this.#link;
    if (error || !this.#closed) {
      this.#link.reset();
      return done(error);
    }
    // All of ours is said, CLOSE included. The other end's CLOSE may be on its way still: a reset now would cross it,
    // and the relay would take a clean end for an abort.
    if (stream.closed) return done();
    stream.once('close', () => done());
    stream.resume();
  }

  /** All in one write: the outer TLS then fills its records, instead of one short record after each of the inner. */
  #send(chunks: readonly Buffer[], done: Callback): void {
    const pieces = this.#frames(chunks);
    const last = pieces.pop();
    if (!last) return done();
    const { stream } = this.#link;
    stream.cork();
    for (const piece of pieces) stream.write(piece);
    stream.write(last, done);
    stream.uncork();
  }

  #frames(chunks: readonly Buffer[]): Buffer[] {
    const pieces: Buffer[] = [];
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; at += DATA_BYTES) {
        const part = chunk.subarray(at, at + DATA_BYTES);
        pieces.push(dataHeader(this.#sent, part.length), part);
        this.#sent += part.length;
      }
    }
    return pieces;
  }

  #onChunk(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : undefined);
    }
  }

  #onData(offset: number, bytes: Buffer): void {
    if (this.#peerClosed || offset !== this.#received) {
      throw new BeaconError('malformed', `tunnel bytes at offset ${offset}, expected at ${this.#received}`);
    }
    this.#received += bytes.length;
    if (!this.push(bytes)) this.#link.stream.pause();
  }

  #onClose(offset: number): void {
    if (this.#peerClosed || offset !== this.#received) {
      throw new BeaconError('malformed', `tunnel closed at offset ${offset}, expected at ${this.#received}`);
    }
    this.#peerClosed = true;
    this.push(null);
  }

  #cut(cause?: unknown): void {
    if (this.destroyed || (this.#closed && this.#peerClosed)) return;
    this.destroy(new BeaconError('closed', 'the leg was cut', { cause, retry: true }));
  }
}
