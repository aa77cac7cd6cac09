/** The info_hashes that one holder said it has not (`notHere`), and until when we believe that rather than its advert. */
import { SUPPRESS_MS, SUPPRESSED_ENTRIES } from '../../base/limits.ts';
import type { Key } from './entries.ts';

interface Suppression {
  /** The holder's sequence when it said so. */
  readonly sequence: number;
  readonly until: number;
}

export class Suppressions {
  /** All last equally long, so the order of insertion is the order of expiry. */
  readonly #keys = new Map<Key, Suppression>();

  add(key: Key, sequence: number, now: number): void {
    this.#keys.delete(key);
    this.#keys.set(key, { sequence, until: now + SUPPRESS_MS });
    if (this.#keys.size <= SUPPRESSED_ENTRIES) return;
    for (const oldest of this.#keys.keys()) {
      this.#keys.delete(oldest);
      return;
    }
  }

  has(key: Key, now: number): boolean {
    const suppression = this.#keys.get(key);
    return suppression !== undefined && suppression.until > now;
  }

  /** Ends those that are over and those about which the holder has spoken since; returns their keys. */
  lift(known: number, now: number): Key[] {
    const lifted: Key[] = [];
    for (const [key, { sequence, until }] of this.#keys) {
      if (until > now && sequence >= known) continue;
      this.#keys.delete(key);
      lifted.push(key);
    }
    return lifted;
  }

  deadline(): number | undefined {
    for (const { until } of this.#keys.values()) return until;
    return undefined;
  }
}
