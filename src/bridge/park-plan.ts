/**
 * How many connections a bridge keeps parked: the set number, and as many more as were taken lately, so that a burst
 * of brokers finds parks that are already there. Pure.
 */
import { PAIRING_WINDOW_MS, PARKS_MAX } from '../base/limits.ts';

export class ParkPlan {
  readonly #least: number;
  /** Times of the latest pairings, oldest first, at most PARKS_MAX. */
  #pairings: number[] = [];

  /** @param least the setting `--parks`, 1 to PARKS_MAX. */
  constructor(least: number) {
    this.#least = least;
  }

  paired(now: number): void {
    this.#pairings.push(now);
    if (this.#pairings.length > PARKS_MAX) this.#pairings.shift();
  }

  /** Connections that should be parked, or on their way, at `now`. */
  target(now: number): number {
    this.#pairings = this.#pairings.filter((at) => now - at < PAIRING_WINDOW_MS);
    return Math.min(PARKS_MAX, this.#least + this.#pairings.length);
  }

  /** Milliseconds until no pairing is recent any more; 0: none is. */
  calmInMs(now: number): number {
    const last = this.#pairings.at(-1) ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, last + PAIRING_WINDOW_MS - now);
  }
}
