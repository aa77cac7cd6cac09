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
  /** Sending moved to another leg while bytes waited, or before they do. */
  #moved = false;

  /** Milliseconds. */
  longest(now: number): number {
    return Math.max(this.#longest, this.#stalledSince === undefined ? 0 : now - this.#stalledSince);
  }

  /**
   * Something was acknowledged, or the other end takes more. Milliseconds that bytes had waited, where sending has moved to
   * another leg meanwhile; else undefined.
   */
  made(now: number): number | undefined {
    const waitedMs = this.#moved && this.#stalledSince !== undefined ? now - this.#stalledSince : undefined;
    this.#longest = this.longest(now);
    this.#times = 0;
    this.#since = undefined;
    this.#stalledSince = undefined;
    this.#moved = false;
    return waitedMs;
  }

  /** After each step: whether bytes wait now. */
  waits(waiting: boolean, now: number): void {
    if (!waiting) return void this.made(now);
    this.#stalledSince ??= now;
    this.#since ??= now;
  }

  /** Sending moved to another leg. */
  moved(now: number): void {
    this.#moved = true;
    this.again(now);
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
