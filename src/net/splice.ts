/**
 * The splice: two links joined, bytes copied both ways until both ends close.
 *
 * Each direction passes on its own end (half-close). Anything that is not a clean end, on either side, becomes a
 * reset on both. There is no idle limit; a direction is given up only when bytes wait and none is accepted.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../base/clock.ts';
import { SPLICE_WINDOW_BYTES } from '../base/limits.ts';
import type { Link } from './link.ts';
import { endedByReset } from './socket-reset.ts';

export type SpliceDirection = 'aToB' | 'bToA';
/** Sees every chunk before it is passed on. Must not keep or change it. */
export type SpliceTap = (direction: SpliceDirection, chunk: Buffer) => void;

export interface SpliceOptions {
  readonly clock: Clock;
  /** Milliseconds without an accepted byte, while some wait, until both links are reset. */
  readonly stallMs: number;
  readonly tap?: SpliceTap;
}

/**
 * ended: both directions ended cleanly · aborted: one link broke, or {@link Splice.abort} was called · stalled: one
 * side accepted nothing for `stallMs` while bytes waited for it.
 */
export type SpliceOutcome = 'ended' | 'aborted' | 'stalled';

export interface SpliceBytes {
  /** Bytes taken from `a` and accepted by the kernel for `b`. */
  readonly bytesAToB: number;
  readonly bytesBToA: number;
}

export interface SpliceResult extends SpliceBytes {
  readonly outcome: SpliceOutcome;
}

export interface Splice {
  /** Resolves when both links are closed; never rejects. */
  readonly done: Promise<SpliceResult>;
  /** So far, as in its result. */
  readonly bytes: SpliceBytes;
  /** Resets both links. Idempotent. */
  abort(): void;
}

/**
 * Takes both links over: nobody else may read from or write to them. Bytes that are already in a stream's read
 * buffer are passed on first.
 */
export function spliceLinks(a: Link, b: Link, options: SpliceOptions): Splice {
  return new LinkSplice(a, b, options);
}

class LinkSplice implements Splice {
  readonly done: Promise<SpliceResult>;
  readonly #links: readonly [Link, Link];
  readonly #aToB: OneWay;
  readonly #bToA: OneWay;
  readonly #resolve: (result: SpliceResult) => void;
  #outcome: SpliceOutcome = 'ended';
  #open = 2;

  constructor(a: Link, b: Link, options: SpliceOptions) {
    const { promise, resolve } = Promise.withResolvers<SpliceResult>();
    this.done = promise;
    this.#resolve = resolve;
    this.#links = [a, b];
    const onFail = (outcome: SpliceOutcome): void => this.#fail(outcome);
    this.#aToB = new OneWay(a.stream, b.stream, 'aToB', options, onFail);
    this.#bToA = new OneWay(b.stream, a.stream, 'bToA', options, onFail);
    this.#watch(a.stream, this.#aToB, this.#bToA);
    this.#watch(b.stream, this.#bToA, this.#aToB);
    this.#aToB.start();
    this.#bToA.start();
  }

  get bytes(): SpliceBytes {
    return { bytesAToB: this.#aToB.accepted, bytesBToA: this.#bToA.accepted };
  }

  abort(): void {
    this.#fail('aborted');
  }

  #watch(stream: Duplex, from: OneWay, to: OneWay): void {
    const onClose = (): void => {
      if (!from.ended || !to.finished) this.#fail('aborted');
      this.#open -= 1;
      if (this.#open === 0) this.#settle();
    };
    // TLS errors after the handshake do not close the stream by themselves.
    stream.on('error', () => this.#fail('aborted'));
    if (stream.closed) onClose();
    else stream.once('close', onClose);
  }

  #fail(outcome: SpliceOutcome): void {
    if (this.#outcome !== 'ended' || this.#open === 0) return;
    this.#outcome = outcome;
    this.#aToB.stop();
    this.#bToA.stop();
    for (const link of this.#links) link.reset();
  }

  #settle(): void {
    this.#aToB.stop();
    this.#bToA.stop();
    this.#resolve({ outcome: this.#outcome, ...this.bytes });
  }
}

/** One direction. Its handlers are bound once: nothing is allocated per chunk. */
class OneWay {
  readonly #from: Duplex;
  readonly #to: Duplex;
  readonly #direction: SpliceDirection;
  readonly #clock: Clock;
  readonly #stallMs: number;
  readonly #tap: SpliceTap | undefined;
  readonly #onFail: (outcome: SpliceOutcome) => void;
  #written = 0;
  #waitsSince = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    from: Duplex,
    to: Duplex,
    direction: SpliceDirection,
    { clock, stallMs, tap }: SpliceOptions,
    onFail: (outcome: SpliceOutcome) => void,
  ) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#clock = clock;
    this.#stallMs = stallMs;
    this.#tap = tap;
    this.#onFail = onFail;
  }

  /** Whether the source said that it will send no more, and all before that was read. */
  get ended(): boolean {
    return this.#from.readableEnded;
  }

  /** Whether every byte, and the end, is with the destination's kernel. */
  get finished(): boolean {
    return this.#to.writableFinished;
  }

  get accepted(): number {
    return Math.max(0, this.#written - this.#to.writableLength);
  }

  start(): void {
    if (this.#stopped) return;
    this.#waitsSince = this.#clock.now();
    if (this.#to.writableLength > 0) this.#arm();
    if (this.#from.readableEnded) return this.#onEnd();
    this.#from.on('data', this.#onData);
    this.#from.once('end', this.#onEnd);
    this.#to.on('drain', this.#onDrain);
    if (this.#to.writableNeedDrain) this.#from.pause();
    else this.#from.resume();
  }

  /** Nothing is copied after it. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#from.off('data', this.#onData);
    this.#from.off('end', this.#onEnd);
    this.#to.off('drain', this.#onDrain);
  }

  readonly #onData = (chunk: Buffer): void => {
    const to = this.#to;
    this.#tap?.(this.#direction, chunk);
    this.#written += chunk.length;
    if (to.writableLength === 0) this.#waitsSince = this.#clock.now();
    if (!to.write(chunk, this.#onAccepted) && to.writableLength >= SPLICE_WINDOW_BYTES) this.#from.pause();
    if (this.#timer === undefined) this.#arm();
  };

  readonly #onAccepted = (): void => {
    this.#waitsSince = this.#clock.now();
  };

  readonly #onDrain = (): void => {
    this.#from.resume();
  };

  readonly #onEnd = (): void => {
    if (this.#stopped) return;
    if (endedByReset(this.#from)) return this.#onFail('aborted');
    if (this.#to.writableLength === 0) this.#waitsSince = this.#clock.now();
    this.#to.end();
    if (this.#timer === undefined) this.#arm();
  };

  #arm(): void {
    this.#timer = this.#clock.after(this.#stallMs, this.#onTimer);
  }

  /** Fires once in `stallMs` at the most while bytes flow, and not at all while none do. */
  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const to = this.#to;
    const waits = to.writableLength > 0 || (to.writableEnded && !to.writableFinished);
    if (!waits) return;
    const left = this.#waitsSince + this.#stallMs - this.#clock.now();
    if (left <= 0) this.#onFail('stalled');
    else this.#timer = this.#clock.after(left, this.#onTimer);
  };
}
