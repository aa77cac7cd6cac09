/** A token bucket for each origin of gossip, so that a member that floods is seen before it costs a core. Pure. */
import { GOSSIP_ENTRIES_BURST, GOSSIP_ENTRIES_PER_SECOND } from '../base/limits.ts';

interface Bucket {
  tokens: number;
  at: number;
}

export class EntryRate {
  /** As many as there are expected names. */
  readonly #buckets = new Map<string, Bucket>();

  /** Whether one more entry of `origin` keeps the limit. `now` in milliseconds of a clock that never goes back. */
  take(origin: string, now: number): boolean {
    const bucket = this.#buckets.get(origin) ?? { tokens: GOSSIP_ENTRIES_BURST, at: now };
    this.#buckets.set(origin, bucket);
    const earned = ((now - bucket.at) * GOSSIP_ENTRIES_PER_SECOND) / 1_000;
    bucket.tokens = Math.min(GOSSIP_ENTRIES_BURST, bucket.tokens + earned);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
