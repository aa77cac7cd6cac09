/**
 * How often a tunnel whose legs share no node, but a zone, dials for a leg in another one: a few times, ever more rarely,
 * as the other zone may be back in a moment, and then no more until {@link ZoneSearch.again}. Pure.
 */
import { SEARCH_RETRY_MS, ZONE_DIALS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';

export class ZoneSearch {
  readonly #random: Random;
  #dials = 0;
  #notBefore = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds until the next dial may begin; 0: now; Infinity: there is none left. */
  waitMs(now: number): number {
    if (this.#dials >= ZONE_DIALS) return Number.POSITIVE_INFINITY;
    return this.#dials === 0 ? 0 : Math.max(0, this.#notBefore - now);
  }

  /** A dial begins. The next one waits for half to all of a time that doubles. */
  dialled(now: number): void {
    const ceilingMs = SEARCH_RETRY_MS * 2 ** this.#dials;
    this.#notBefore = now + (ceilingMs / 2) * (1 + this.#random.fraction());
    this.#dials += 1;
  }

  /** Something changed, or it is time for another look: all dials are there again. */
  again(): void {
    this.#dials = 0;
  }
}
