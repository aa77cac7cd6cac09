/**
 * The other end's direction of a session: what has come, what is new of it, and when to say so. Pure.
 *
 * Nothing is kept here. What comes is either next in order and passed on at once, or known, or a gap.
 */

export type Taken =
  | { readonly kind: 'new'; readonly bytes: Buffer }
  | { readonly kind: 'old' }
  /** Bytes before it never came, so this leg does not do what a leg does. */
  | { readonly kind: 'gap' }
  /** Nothing that the rules allow the other end to say on any leg. */
  | { readonly kind: 'wrong'; readonly text: string };

export interface InboxLimits {
  readonly windowBytes: number;
  readonly ackBytes: number;
  readonly ackDelayMs: number;
}

export class Inbox {
  readonly #limits: InboxLimits;
  #received = 0;
  #consumed = 0;
  /** Offset at which the other end's direction ended; known once CLOSE was in order. */
  #end: number | undefined;
  /** What was said last, or is about to be. */
  #toldOffset = 0;
  #toldLimit: number;
  /** Bytes that came again: their sender seems not to know that we have them. */
  #again = 0;
  /** When there was something to say; undefined: all is said. */
  #since: number | undefined;

  constructor(limits: InboxLimits) {
    this.#limits = limits;
    this.#toldLimit = limits.windowBytes;
  }

  /** All below it is here, CLOSE included. */
  get received(): number {
    return this.#received;
  }

  /** We take what is below it. */
  get limit(): number {
    return this.#consumed + this.#limits.windowBytes;
  }

  get unread(): number {
    return (this.#end ?? this.#received) - this.#consumed;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  data(offset: number, bytes: Buffer, now: number): Taken {
    const end = offset + bytes.length;
    if (offset > this.#received) return this.#end === undefined ? GAP : this.#afterEnd();
    if (this.#end !== undefined && end > this.#end) return this.#afterEnd();
    if (end > this.limit)
      return { kind: 'wrong', text: `bytes up to ${end}, over the limit of ${this.limit}` };
    this.#since ??= now;
    if (end <= this.#received) {
      this.#again += bytes.length;
      return OLD;
    }
    const fresh = bytes.subarray(this.#received - offset);
    this.#received = end;
    return { kind: 'new', bytes: fresh };
  }

  close(offset: number, now: number): Taken {
    if (this.#end === undefined && offset > this.#received) return GAP;
    if (this.#end === undefined ? offset < this.#received : offset !== this.#end) {
      return { kind: 'wrong', text: `an end at ${offset}, after ${this.#end ?? this.#received} bytes` };
    }
    // Said at once: the other end waits for nothing else.
    this.#since = now - this.#limits.ackDelayMs;
    if (this.#end !== undefined) return OLD;
    this.#end = offset;
    this.#received = offset + 1;
    return { kind: 'new', bytes: EMPTY };
  }

  /** The reader has taken `total` bytes since the beginning. */
  consumed(total: number, now: number): void {
    if (total <= this.#consumed) return;
    this.#consumed = total;
    // While the other end may still send half a window, the next ACK is in time.
    const near = this.#toldLimit - this.#received <= this.#limits.windowBytes / 2;
    if (near && this.#end === undefined) this.#since ??= now;
  }

  /** When to acknowledge; undefined: nothing is to be said. */
  get ackAt(): number | undefined {
    if (this.#since === undefined) return undefined;
    const waiting = Math.max(this.#received - this.#toldOffset, this.limit - this.#toldLimit, this.#again);
    return waiting >= this.#limits.ackBytes ? this.#since : this.#since + this.#limits.ackDelayMs;
  }

  /** An ACK will be sent. */
  told(): void {
    this.#toldOffset = this.#received;
    this.#toldLimit = this.limit;
    this.#again = 0;
    this.#since = undefined;
  }

  #afterEnd(): Taken {
    return { kind: 'wrong', text: `bytes after its end at ${this.#end}` };
  }
}

const OLD: Taken = { kind: 'old' };
const GAP: Taken = { kind: 'gap' };
const EMPTY = Buffer.alloc(0);
