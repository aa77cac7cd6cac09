/** What a {@link Matcher} is told of its node, its limits and its surroundings. */

import type { InfoHash } from '../base/info-hash.ts';
import {
  ACCEPT_TIMEOUT_MS,
  BROKER_WAIT_MS,
  HOLDER_TRIES,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  SEEK_PAUSE_MS,
  SPLICE_SLOTS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Holder } from '../cluster/directory/effects.ts';

export interface MatcherLimits {
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
}

export interface MatcherOptions extends MatcherLimits {
  /** This node's name, for `avoid`. */
  readonly node: string;
  /** This node's zone; empty: not known. */
  readonly zone: string;
  /** Other nodes where the info_hash is parked. */
  readonly holders: (infoHash: InfoHash, now: number) => readonly Holder[];
  /** A new pair id, 32 hex digits. */
  readonly newPairId: () => string;
  readonly random: Random;
}

/** Those of the product. */
export const MATCHER_LIMITS: MatcherLimits = {
  slots: SPLICE_SLOTS,
  brokerWaitMs: BROKER_WAIT_MS,
  acceptTimeoutMs: ACCEPT_TIMEOUT_MS,
  pingIntervalMs: PING_INTERVAL_MS,
  pongTimeoutMs: PONG_TIMEOUT_MS,
  holderTries: HOLDER_TRIES,
  seekPauseMs: SEEK_PAUSE_MS,
};
