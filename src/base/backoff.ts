/**
 * Exponential backoff with full jitter: the wait is drawn from [0, ceiling) and the ceiling doubles, so that a
 * thousand clients which lost the same relay do not come back at the same moment.
 */
import type { Random } from './random.ts';

export interface BackoffOptions {
  /** Ceiling of the first wait, in milliseconds. */
  readonly firstMs: number;
  /** The ceiling never grows past this, in milliseconds. */
  readonly maxMs: number;
  /** A connection that lived this long, in milliseconds, was healthy: the next failure starts anew. */
  readonly healthyAfterMs: number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #failures = 0;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** Milliseconds to wait before the next try, after an attempt that lived `livedMs` (0: never connected). */
  next(livedMs: number): number {
    if (livedMs >= this.#options.healthyAfterMs) this.#failures = 0;
    const ceiling = Math.min(this.#options.maxMs, this.#options.firstMs * 2 ** this.#failures);
    if (ceiling < this.#options.maxMs) this.#failures += 1;
    return ceiling * this.#random.fraction();
  }
}
