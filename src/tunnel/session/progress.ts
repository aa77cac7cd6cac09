/**
 * Whether acknowledgements come while bytes wait for them. A leg that takes bytes and gives nothing back is suspected,
 * each time after twice the time, until there is progress. Pure.
 */
import { suspicionMs } from './rtt.ts';

export class Progress {
  /** Since when bytes wait without progress; undefined: none waits. */
  #stalledSince: number | undefined;
  /** As above, and begun anew with each suspicion. */
  #since: number | undefined;
  #times = 0;
  #longest = 0;

  /** Milliseconds. */
  longest(now: number): number {
    return Math.max(this.#longest, this.#stalledSince === undefined ? 0 : now - this.#stalledSince);
  }

  /** Something was acknowledged, or the other end takes more. */
  made(now: number): void {
    this.#longest = this.longest(now);
    this.#times = 0;
    this.#since = undefined;
    this.#stalledSince = undefined;
  }

  /** After each step: whether bytes wait now. */
  waits(waiting: boolean, now: number): void {
    if (!waiting) return this.made(now);
    this.#stalledSince ??= now;
    this.#since ??= now;
  }

  /** The leg was suspected, or sending moved: the time begins anew, doubled. */
  again(now: number): void {
    this.#times += 1;
    this.#since = now;
  }

  /** When to suspect a leg with this smoothed round trip. */
  suspectAt(smoothed: number | undefined): number | undefined {
    return this.#since === undefined ? undefined : this.#since + suspicionMs(smoothed, this.#times);
  }
}
