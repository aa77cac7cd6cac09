/**
 * The stream of a link of a relay, on a connection of the simulated network: as much of a Duplex as the relay uses, without
 * Node's streams underneath, which would need real turns of the event loop. Back-pressure, early bytes and resets are those
 * of a socket. The end of one direction is a message of its own, as the other one may go on.
 */
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.ts';
import type { Link } from '../../src/net/link.ts';
import { type Message, sizeOf } from './message.ts';
import type { Ending, SimLink } from './net.ts';

/** What a kernel takes of one connection before a process has to keep it: far more than one piece, less than a stream. */
const KERNEL_BYTES = 65_536;
const HIGH_WATER_MARK = 16_384;

export interface SimStreamOptions {
  readonly link: SimLink<Message>;
  readonly clock: Clock;
  /** What goes over the line for bytes that were written. */
  readonly toLine: (bytes: Buffer) => Message;
  /** The bytes that came over the line; undefined: none. */
  readonly fromLine: (message: Message) => Buffer | undefined;
  /** Nothing more comes or goes. Once. */
  readonly onOver: () => void;
  /** Something happens. `settles`: promises may follow from it; none do where bytes are passed on. */
  readonly onTurn: (settles: boolean) => void;
}

interface Accepting {
  readonly at: number;
  readonly done: () => void;
}

export class SimStream extends EventEmitter {
  readonly #options: SimStreamOptions;
  readonly #unread: Buffer[] = [];
  /** Callbacks of writes that wait for the kernel, and bytes written so far. */
  readonly #accepting: Accepting[] = [];
  #written = 0;
  #flowing = false;
  #gotEnd = false;
  #needsDrain = false;
  #isOver = false;
  readableEnded = false;
  writableEnded = false;
  writableFinished = false;
  destroyed = false;
  closed = false;

  constructor(options: SimStreamOptions) {
    super();
    this.#options = options;
    options.link.pause();
    options.link.handle({
      onMessage: (message) => this.#onMessage(message),
      onProgress: () => this.#onProgress(),
      onEnd: (how) => this.#onEnd(how),
    });
  }

  /** Bytes that were written and are not with the kernel. */
  get writableLength(): number {
    const { link } = this.#options;
    return link.over ? 0 : Math.max(0, link.unsent - KERNEL_BYTES);
  }

  get writableNeedDrain(): boolean {
    return this.#needsDrain;
  }

  write(bytes: Buffer, onAccepted?: () => void): boolean {
    const { link, toLine } = this.#options;
    if (this.destroyed || this.writableEnded) return false;
    const message = toLine(bytes);
    this.#written += bytes.length;
    link.send(message, sizeOf(message));
    if (onAccepted) {
      if (this.writableLength === 0) onAccepted();
      else this.#accepting.push({ at: this.#written, done: onAccepted });
    }
    this.#needsDrain = this.writableLength >= HIGH_WATER_MARK;
    return !this.#needsDrain;
  }

  end(bytes?: Buffer): void {
    if (this.writableEnded || this.destroyed) return;
    if (bytes) this.write(bytes);
    this.writableEnded = true;
    if (this.writableLength === 0) this.#finish();
  }

  pause(): void {
    this.#flowing = false;
    this.#options.link.pause();
  }

  resume(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.#soon(() => this.#flow());
  }

  unshift(bytes: Buffer): void {
    this.#unread.unshift(bytes);
  }

  /** {@link Link.reset}. */
  reset(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#unread.length = 0;
    this.#options.link.reset();
    this.#close();
  }

  /** Only a splice waits for room. */
  get #isSpliced(): boolean {
    return this.listenerCount('drain') > 0;
  }

  #onMessage(message: Message): void {
    if (this.destroyed) return;
    if ('fin' in message) return this.#onFin();
    const bytes = this.#options.fromLine(message);
    if (!bytes) return;
    this.#options.onTurn(!this.#isSpliced);
    if (this.#flowing && this.#unread.length === 0) this.emit('data', bytes);
    else this.#unread.push(bytes);
  }

  #onProgress(): void {
    const { link, onTurn } = this.#options;
    const accepted = this.#written - Math.max(0, link.unsent - KERNEL_BYTES);
    onTurn(!this.#isSpliced);
    while ((this.#accepting[0]?.at ?? Number.POSITIVE_INFINITY) <= accepted) this.#accepting.shift()?.done();
    if (this.writableLength > 0) return;
    if (this.writableEnded && !this.writableFinished) this.#finish();
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    this.emit('drain');
  }

  #onEnd(how: Ending): void {
    if (this.destroyed) return;
    this.#options.onTurn(true);
    if (how === 'clean') {
      this.#onFin();
    } else {
      this.destroyed = true;
      this.#unread.length = 0;
      this.#close();
    }
  }

  #onFin(): void {
    this.#options.onTurn(true);
    this.#gotEnd = true;
    this.#soon(() => this.#flow());
  }

  /** All is with the kernel, and our end. */
  #finish(): void {
    this.writableFinished = true;
    this.#options.link.send({ fin: true });
    this.#closeWhenDone();
  }

  #flow(): void {
    if (this.destroyed) return;
    while (this.#flowing && this.#unread.length > 0) this.emit('data', this.#unread.shift());
    if (!this.#flowing || this.destroyed) return;
    this.#options.link.resume();
    if (!this.#gotEnd || this.readableEnded) return this.#closeWhenDone();
    this.readableEnded = true;
    this.emit('end');
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.readableEnded && this.writableFinished && !this.destroyed) {
      this.destroyed = true;
      this.#options.link.close();
      this.#close();
    }
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onOver();
    this.#soon(() => {
      this.closed = true;
      this.emit('close');
    });
  }

  #soon(what: () => void): void {
    this.#options.clock.after(0, what);
  }
}

/** A link of the product on top of it. */
export function simLink(stream: SimStream, source: string, peerChain: readonly Buffer[]): Link {
  // The relay uses no more of a Duplex than there is; what it used beyond would fail at once, in every run.
  return { stream: stream as unknown as Duplex, source, peerChain, reset: () => stream.reset() };
}
