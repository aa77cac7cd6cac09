/** One end of a session as whoever is above it sees it: writes known bytes, and checks those that come. For tests. */
import assert from 'node:assert';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { SessionStream } from '../../src/tunnel/session-stream.ts';

export interface SessionEndOptions {
  readonly stream: SessionStream;
  /** What it writes, and what it is to get, from the first byte on. */
  readonly outgoing: Buffer;
  readonly incoming: Buffer;
  readonly random: Random;
  readonly largestChunk: number;
}

export class SessionEnd {
  readonly stream: SessionStream;
  readonly #options: SessionEndOptions;
  #total = 0;
  #written = 0;
  #received = 0;
  #seenEnd = false;
  #failed = false;
  #isClosed = false;
  /** The first byte that came and was not the one that was sent. */
  #wrongAt: number | undefined;

  constructor(options: SessionEndOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.stream.on('error', () => {
      this.#failed = true;
    });
    this.stream.once('close', () => {
      this.#isClosed = true;
    });
  }

  /** It was reset. */
  get failed(): boolean {
    return this.#failed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get received(): number {
    return this.#received;
  }

  get seenEnd(): boolean {
    return this.#seenEnd;
  }

  /** Bytes that it was told to write. */
  get total(): number {
    return this.#total;
  }

  /** Writes `total` bytes in all, as fast as the stream takes them. */
  write(total: number, isEnding: boolean): void {
    this.#total = total;
    this.#feed(isEnding);
  }

  /** Nothing is to be written any more. */
  finish(): void {
    this.stream.end();
  }

  /** Reads all that comes, from now on. */
  read(): void {
    const { stream } = this;
    stream.on('data', (bytes: Buffer) => this.#onData(bytes));
    stream.once('end', () => {
      this.#seenEnd = true;
    });
  }

  /** Throws AssertionError when a byte came that is not the one that was sent there. */
  check(): void {
    assert.equal(this.#wrongAt, undefined, `a wrong byte at ${this.#wrongAt}`);
  }

  /** As {@link check}, when all is over. */
  checkWhole(total: number): void {
    this.check();
    assert(this.#seenEnd, 'no end, though no relay lied');
    assert.equal(this.#received, total, 'an end at another place');
    assert(!this.#failed, 'an error after the end');
  }

  #feed(isEnding: boolean): void {
    const { outgoing, random, largestChunk } = this.#options;
    const { stream } = this;
    while (this.#written < this.#total && !stream.destroyed) {
      const until = Math.min(this.#total, this.#written + 1 + integerBelow(random, largestChunk));
      const goesOn = stream.write(outgoing.subarray(this.#written, until));
      this.#written = until;
      if (!goesOn) return void stream.once('drain', () => this.#feed(isEnding));
    }
    if (isEnding && !stream.destroyed) stream.end();
  }

  #onData(bytes: Buffer): void {
    const from = this.#received;
    this.#received += bytes.length;
    if (!bytes.equals(this.#options.incoming.subarray(from, this.#received))) this.#wrongAt ??= from;
  }
}
