/** When to try again after a relay was lost or did not take us. Pure but for the log. */
import { Backoff } from '../base/backoff.ts';
import type { BeaconError } from '../base/errors.ts';
import { RECONNECT_FIRST_MS, RECONNECT_HEALTHY_MS, RECONNECT_MAX_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { News } from './news.ts';

export class Reconnect {
  readonly #backoff: Backoff;
  readonly #news: News;

  constructor(random: Random, log: Log) {
    this.#news = new News(log);
    this.#backoff = reconnectBackoff(random);
  }

  /** The connection is of use: the next failure is news. */
  succeeded(): void {
    this.#news.good();
  }

  /** Milliseconds until the next try. @param livedMs how long the connection was of use; 0: never. */
  failed(error: BeaconError, livedMs: number): number {
    this.#news.bad(error.message, error.code);
    return waitAfter(error, this.#backoff.next(livedMs));
  }
}

/** The backoff of PROTOCOL.md, section 11. */
export function reconnectBackoff(random: Random): Backoff {
  return new Backoff(
    { firstMs: RECONNECT_FIRST_MS, maxMs: RECONNECT_MAX_MS, healthyAfterMs: RECONNECT_HEALTHY_MS },
    random,
  );
}

/** Milliseconds until the next try after `error`. @param jitteredMs what the backoff says. */
export function waitAfter(error: BeaconError, jitteredMs: number): number {
  // What a person must change first does not get better by asking often.
  const waitMs = error.retry ? jitteredMs : RECONNECT_MAX_MS / 2 + jitteredMs / 2;
  // On top, so that a thousand clients that were named the same time do not come back together.
  return waitMs + (error.retryAfterMs ?? 0);
}
