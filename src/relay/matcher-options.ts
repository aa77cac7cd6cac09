/** What a {@link Matcher} is told of its node, its limits and its surroundings. */
import type { InfoHash } from '../base/info-hash.ts';
import type { Random } from '../base/random.ts';
import type { Holder } from '../cluster/directory/effects.ts';

export interface MatcherOptions {
  /** This node's name, for `avoid`. */
  readonly node: string;
  /** This node's zone; empty: not known. */
  readonly zone: string;
  /** Splices that may run at once. */
  readonly slots: number;
  readonly brokerWaitMs: number;
  readonly acceptTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** Holders that one broker is sent to, one after the other, before it waits. */
  readonly holderTries: number;
  /** Up to this long, at random, passes before a broker looks again that was declined, or has been to every holder. */
  readonly seekPauseMs: number;
  /** Other nodes where the info_hash is parked. */
  readonly holders: (infoHash: InfoHash, now: number) => readonly Holder[];
  /** A new pair id, 32 hex digits. */
  readonly newPairId: () => string;
  readonly random: Random;
}
