/**
 * How often a client dials in search of something better than what it has: a few dials, then a pause that grows, so that
 * what cannot be found costs little. Pure.
 */
import {
  REPAIR_SPREAD_MS,
  SEARCH_DIALS,
  SEARCH_PAUSE_MAX_MS,
  SEARCH_PAUSE_MS,
  SEARCH_RETRY_DIALS,
  SEARCH_RETRY_MS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';

export class Search {
  readonly #random: Random;
  #dials = 0;
  #notBefore = 0;
  #ceilingMs = SEARCH_PAUSE_MS;
  #retryMs = SEARCH_RETRY_MS;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds until the next dial may begin; 0: now. Times are those of a clock that never goes back. */
  waitMs(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** Whether this round has a dial left. */
  get hasDials(): boolean {
    return this.#dials < SEARCH_DIALS;
  }

  /** A dial begins. */
  dialled(): void {
    this.#dials += 1;
  }

  /** Something changed: a new round begins within {@link REPAIR_SPREAD_MS}, as others see the same change. */
  spread(now: number): void {
    this.found();
    this.#notBefore = now + this.#random.fraction() * REPAIR_SPREAD_MS;
  }

  /** This round found nothing: a pause, then another one. */
  pause(now: number): void {
    this.#dials = 0;
    this.#rest(now, this.#ceilingMs);
    this.#ceilingMs = Math.min(2 * this.#ceilingMs, SEARCH_PAUSE_MAX_MS);
  }

  /** As {@link pause}, where what is missing may be back any moment: short at first, as long as the others in the end. */
  retry(now: number): void {
    if (this.#retryMs >= SEARCH_PAUSE_MS) return this.pause(now);
    this.#dials = SEARCH_DIALS - SEARCH_RETRY_DIALS;
    this.#rest(now, this.#retryMs);
    this.#retryMs *= 2;
  }

  /** Another round at once, by other means. */
  again(): void {
    this.#dials = 0;
  }

  /** There is nothing to look for any more. */
  found(): void {
    this.#dials = 0;
    this.#notBefore = 0;
    this.#ceilingMs = SEARCH_PAUSE_MS;
    this.#retryMs = SEARCH_RETRY_MS;
  }

  /** Between half of the ceiling and all of it. */
  #rest(now: number, ceilingMs: number): void {
    this.#notBefore = now + (ceilingMs / 2) * (1 + this.#random.fraction());
  }
}
