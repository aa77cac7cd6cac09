/**
 * Our direction of a session: what is kept, what may be sent, and the frames it goes out in. Pure.
 *
 * CLOSE counts as one byte behind the last: it is acknowledged by the offset after it, and sent again like any byte.
 */
import { closeFrame, DATA_BYTES, DATA_HEADER_BYTES, dataHeader } from '../frames.ts';
import { Outbox } from './outbox.ts';
import type { LegId } from './types.ts';

/** A byte that was sent once, on one leg: its acknowledgement says how long the way takes (Karn's rule). */
interface Timed {
  readonly offset: number;
  readonly at: number;
  readonly leg: LegId;
}

export type AckResult =
  | { readonly kind: 'progress'; readonly rtt: { readonly leg: LegId; readonly ms: number } | undefined }
  | { readonly kind: 'none' }
  | { readonly kind: 'wrong'; readonly text: string };

export class Sender {
  readonly #outbox = new Outbox();
  readonly #chunks: number;
  readonly #window: number;
  /** The other end takes bytes below it. */
  #limit: number;
  /** After the highest byte that was ever sent, CLOSE included. */
  #highest = 0;
  #ended = false;
  #closeSent = false;
  #closeAcked = false;
  #timed: Timed | undefined;
  #replayed = 0;

  constructor(windowBytes: number, chunks: number) {
    this.#window = windowBytes;
    this.#limit = windowBytes;
    this.#chunks = chunks;
  }

  /** All below it was acknowledged, CLOSE included. */
  get acked(): number {
    return this.#outbox.acked + (this.#closeAcked ? 1 : 0);
  }

  get highest(): number {
    return this.#highest;
  }

  get replayedBytes(): number {
    return this.#replayed;
  }

  get unacknowledged(): number {
    return this.#outbox.end - this.#outbox.acked;
  }

  /** Whether more may be written. */
  get room(): boolean {
    return this.unacknowledged < this.#window && this.#outbox.chunks < this.#chunks;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Ended, and the other end has all of it. */
  get finished(): boolean {
    return this.#closeAcked;
  }

  /** Whether something that the other end would take is not acknowledged. */
  get waiting(): boolean {
    const { acked, end } = this.#outbox;
    return acked < Math.min(end, this.#limit) || (this.#ended && !this.#closeAcked && acked === end);
  }

  write(bytes: Buffer): void {
    this.#outbox.add(bytes);
  }

  end(): void {
    this.#ended = true;
  }

  /** The other end has all below `offset`, and takes what is below `limit`. Lower than before: it is older news. */
  ack(offset: number, limit: number, now: number): AckResult {
    if (offset > this.#highest) {
      return {
        kind: 'wrong',
        text: `an acknowledgement up to ${offset}, but only ${this.#highest} bytes were sent`,
      };
    }
    this.#limit = Math.max(this.#limit, limit);
    if (offset <= this.acked) return { kind: 'none' };
    this.#closeAcked = offset > this.#outbox.end;
    this.#outbox.ack(Math.min(offset, this.#outbox.end));
    const timed = this.#timed;
    if (!timed || offset < timed.offset) return { kind: 'progress', rtt: undefined };
    this.#timed = undefined;
    return { kind: 'progress', rtt: { leg: timed.leg, ms: now - timed.at } };
  }

  /** What is wrong with an offset that was proved, if anything is. `floor`: what was acknowledged when that began. */
  misproved(offset: number, floor: number): string | undefined {
    if (offset >= floor && offset <= this.#highest) return undefined;
    return `proof of an attachment at ${offset}, which is not between ${floor} and ${this.#highest}`;
  }

  /** Sending goes on, on another leg, from what the other end is known to have. */
  rewind(): void {
    this.#outbox.rewind();
    this.#closeSent = false;
    this.#timed = undefined;
  }

  /** Puts frames for `leg` into `out`, until they hold `budget` bytes or nothing is left that may be sent. */
  fill(out: Buffer[], budget: number, leg: LegId, now: number): void {
    for (let left = budget; left > 0; ) {
      const at = out.push(EMPTY) - 1;
      const offset = this.#outbox.sent;
      const bytes = this.#outbox.take(out, DATA_BYTES, this.#limit);
      if (bytes === 0) {
        out.pop();
        break;
      }
      out[at] = dataHeader(offset, bytes);
      left -= DATA_HEADER_BYTES + bytes;
      this.#count(offset, bytes, leg, now);
    }
    if (!this.#ended || this.#closeSent || this.#closeAcked || this.#outbox.sent < this.#outbox.end) return;
    out.push(closeFrame(this.#outbox.end));
    this.#closeSent = true;
    this.#highest = this.#outbox.end + 1;
  }

  clear(): void {
    this.#outbox.clear();
  }

  #count(offset: number, bytes: number, leg: LegId, now: number): void {
    this.#replayed += Math.max(0, Math.min(this.#highest - offset, bytes));
    if (offset >= this.#highest) this.#timed ??= { offset: offset + bytes, at: now, leg };
    this.#highest = Math.max(this.#highest, offset + bytes);
  }
}

const EMPTY = Buffer.alloc(0);
