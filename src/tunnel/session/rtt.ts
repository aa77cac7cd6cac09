/** Smoothed round-trip time of a leg (RFC 6298, section 2), and how long a leg may go without an acknowledgement. Pure. */
import { SESSION_SUSPECT_FACTOR, SESSION_SUSPECT_MAX_MS, SESSION_SUSPECT_MIN_MS } from '../../base/limits.ts';

/** Weight of a new sample (RFC 6298, section 2.3: alpha). */
const ALPHA = 1 / 8;

export class Rtt {
  #smoothed: number | undefined;

  /** Milliseconds; undefined before the first sample. */
  get smoothed(): number | undefined {
    return this.#smoothed;
  }

  sample(ms: number): void {
    this.#smoothed = this.#smoothed === undefined ? ms : this.#smoothed + ALPHA * (ms - this.#smoothed);
  }
}

/** Milliseconds without progress after which a leg is suspected for the `times`-th time in a row, counted from 0. */
export function suspicionMs(smoothed: number | undefined, times: number): number {
  if (smoothed === undefined) return SESSION_SUSPECT_MAX_MS;
  const once = Math.max(SESSION_SUSPECT_MIN_MS, SESSION_SUSPECT_FACTOR * smoothed);
  return Math.min(SESSION_SUSPECT_MAX_MS, once * 2 ** times);
}
