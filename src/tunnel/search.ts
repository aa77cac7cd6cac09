/**
 * How often a client dials in search of something better than what it has: a few dials, then a pause that grows, so that
 * what cannot be found costs little. Pure.
 */
import {
  REPAIR_SPREAD_MS,
  SEARCH_DIALS,
  SEARCH_PAUSE_MAX_MS,
  SEARCH_PAUSE_MS,
  SEARCH_RETRIES_SOON,
  SEARCH_RETRY_DIALS,
  SEARCH_RETRY_MS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';

export class Search {
  readonly #random: Random;
  /** Dials that this round has left, and that it began with. */
  #left = SEARCH_DIALS;
  #budget = SEARCH_DIALS;
  #notBefore = 0;
  #ceilingMs = SEARCH_PAUSE_MS;
  #retries = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds until the next dial may begin; 0: now. Times are those of a clock that never goes back. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** Whether this round has a dial left. */
  get hasDials(): boolean {
    return this.#left > 0;
  }

  /** A dial begins. */
  dialled(): void {
    this.#left -= 1;
  }

  /** Something changed: a new round begins within so long, as others see the same change. */
  spread(now: number, withinMs = REPAIR_SPREAD_MS): void {
    this.found();
    this.#notBefore = now + this.#random.fraction() * withinMs;
  }

  /** This round found nothing: a pause, then another one. */
  pause(now: number): void {
    this.#begin(SEARCH_DIALS);
    this.#rest(now, this.#ceilingMs);
    this.#ceilingMs = Math.min(2 * this.#ceilingMs, SEARCH_PAUSE_MAX_MS);
  }

  /** As {@link pause}, where what is missing may be back any moment: short at first, as long as the others in the end. */
  retry(now: number): void {
    this.#retries += 1;
    const ceilingMs = SEARCH_RETRY_MS * 2 ** Math.max(0, this.#retries - SEARCH_RETRIES_SOON);
    if (ceilingMs >= SEARCH_PAUSE_MS) return this.pause(now);
    this.#begin(SEARCH_RETRY_DIALS);
    this.#rest(now, ceilingMs);
  }

  /** Another round at once, by other means, with as many dials. */
  again(): void {
    this.#left = this.#budget;
  }

  /** What is there will not last: another round now, a short one. */
  hurry(): void {
    this.#begin(SEARCH_RETRY_DIALS);
    this.#notBefore = 0;
  }

  /** There is nothing to look for any more. */
  found(): void {
    this.#begin(SEARCH_DIALS);
    this.#notBefore = 0;
    this.#ceilingMs = SEARCH_PAUSE_MS;
    this.#retries = 0;
  }

  #begin(dials: number): void {
    this.#budget = dials;
    this.#left = dials;
  }

  /** Between half of the ceiling and all of it. */
  #rest(now: number, ceilingMs: number): void {
    this.#notBefore = now + (ceilingMs / 2) * (1 + this.#random.fraction());
  }
}
