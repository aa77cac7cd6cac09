/**
 * When to try again after a relay was lost or did not take us, and what of it to log. Pure but for the log.
 *
 * A hundred identical failures are one line: the first of a kind is a warning, its repetitions are `debug`.
 */
import { Backoff } from '../base/backoff.ts';
import type { BeaconError, ErrorCode } from '../base/errors.ts';
import { RECONNECT_FIRST_MS, RECONNECT_HEALTHY_MS, RECONNECT_MAX_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';

export class Reconnect {
  readonly #backoff: Backoff;
  readonly #log: Log;
  #lastCode: ErrorCode | undefined;

  constructor(random: Random, log: Log) {
    this.#log = log;
    this.#backoff = new Backoff(
      { firstMs: RECONNECT_FIRST_MS, maxMs: RECONNECT_MAX_MS, healthyAfterMs: RECONNECT_HEALTHY_MS },
      random,
    );
  }

  /** The connection is of use: the next failure is news. */
  succeeded(): void {
    this.#lastCode = undefined;
  }

  /** Milliseconds until the next try. @param livedMs how long the connection was of use; 0: never. */
  failed(error: BeaconError, livedMs: number): number {
    const line = error.code === this.#lastCode ? 'debug' : 'warn';
    this.#lastCode = error.code;
    this.#log[line](error.message, { code: error.code });
    const jittered = this.#backoff.next(livedMs);
    // What a person must change first does not get better by asking often.
    const waitMs = error.retry ? jittered : RECONNECT_MAX_MS / 2 + jittered / 2;
    return Math.max(waitMs, error.retryAfterMs ?? 0);
  }
}
