/** One direction of a connection in virtual time: bytes in order, with latency, a rate, a buffer, and what can befall it. */
import type { Clock } from '../../src/base/clock.ts';

export interface PipeOptions {
  readonly clock: Clock;
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** Bytes that are on their way before the writer has to wait. */
  readonly bufferBytes: number;
  /** Cuts what is written into pieces that travel alone, so that a reset may come between them; default: none. */
  readonly split: ((bytes: Buffer) => readonly Buffer[]) | undefined;
  readonly onBytes: (bytes: Buffer) => void;
  readonly onDrain: () => void;
  readonly onEnd: (clean: boolean) => void;
}

type Item = Buffer | 'end';

export class SimPipe {
  readonly #options: PipeOptions;
  readonly #line: Item[] = [];
  #queued = 0;
  #freeAt = 0;
  #held = false;
  #closed = false;
  #ended = false;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  get room(): boolean {
    return !this.#closed && !this.#ended && this.#queued < this.#options.bufferBytes;
  }

  write(bytes: Buffer): void {
    if (this.#closed || this.#ended || bytes.length === 0) return;
    // What the writer keeps may change once it was acknowledged: a pipe has its own bytes.
    const own = Buffer.from(bytes);
    for (const piece of this.#options.split?.(own) ?? [own]) if (piece.length > 0) this.#send(piece);
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.#send('end');
  }

  /** Bytes on their way are lost from here on; the reader hears of it unless the pipe is a black hole. */
  reset(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#line.length = 0;
    this.#options.clock.after(this.#options.latencyMs, () => {
      if (!this.#held) this.#options.onEnd(false);
    });
  }

  /** Nothing arrives until it is healed; then everything does. */
  hold(): void {
    this.#held = true;
  }

  heal(): void {
    this.#held = false;
    if (this.#closed) return this.#options.onEnd(false);
    while (this.#line.length > 0 && !this.#held && !this.#closed) this.#deliver();
  }

  #send(item: Buffer | 'end'): void {
    const { clock, bytesPerMs, latencyMs } = this.#options;
    const size = item === 'end' ? 0 : item.length;
    this.#queued += size;
    this.#freeAt = Math.max(this.#freeAt, clock.now()) + size / bytesPerMs;
    clock.after(this.#freeAt - clock.now() + latencyMs, () => {
      if (this.#closed) return;
      this.#line.push(item);
      if (!this.#held) this.#deliver();
    });
  }

  #deliver(): void {
    const item = this.#line.shift();
    if (item === undefined) return;
    if (item === 'end') return this.#options.onEnd(true);
    const had = this.room;
    this.#queued -= item.length;
    this.#options.onBytes(item);
    if (!had && this.room) this.#options.onDrain();
  }
}
