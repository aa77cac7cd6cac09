/**
 * How much of the process's time strangers may take: their accepts, which cannot be put off, and what those leave of it for
 * handshakes. What they took, and more, is owed to everything else, paid by time that passes. Where the event loop has nothing
 * else to do nobody needs it, and the debt is let off; so a relay at rest makes nobody wait.
 */
import type { Clock } from '../../base/clock.ts';
import {
  HANDSHAKE_BATCH_MS,
  HANDSHAKE_CPU_PART,
  HANDSHAKE_CREDIT_MS,
  HANDSHAKE_IDLE_PART,
  HANDSHAKE_LOOK_MS,
  HANDSHAKE_REST_MS,
} from '../../base/limits.ts';

/** A first guess; what was measured replaces it step by step. */
const USUAL_COST_MS = 0.6;
/** To accept a connection, read its first bytes, and close it. */
const ACCEPT_COST_MS = 0.15;
/** What a clock that stands still would say, and less than any handshake takes. */
const LEAST_COST_MS = 0.01;
/** Part of a new measurement in {@link CpuShare.costMs}. */
const LEARNING = 1 / 8;

export class CpuShare {
  readonly #clock: Clock;
  readonly #idleMs: () => number;
  /** Until when handshakes are to rest, were nobody to let them off; in the past: credit. */
  #restUntil: number;
  /** When the last handshake began or was finished. */
  #lastAt: number;
  /** Since when the loop is watched for idleness, and how much it had had then. */
  #watchedFrom = 0;
  #idleBefore = 0;
  #costMs = USUAL_COST_MS;

  /** @param idleMs milliseconds in which the event loop had nothing to do, in all. */
  constructor(clock: Clock, idleMs: () => number) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#lastAt = clock.now();
    this.#restUntil = this.#lastAt - HANDSHAKE_CREDIT_MS / HANDSHAKE_CPU_PART;
  }

  /** What the first half of a handshake costs, in milliseconds, as far as was measured. */
  get costMs(): number {
    return this.#costMs;
  }

  /** Handshakes that may start in this turn; 0: none before a rest, so look again in HANDSHAKE_LOOK_MS. */
  allowance(): number {
    const now = this.#clock.now();
    const mustRest = this.#restUntil > now && now - this.#lastAt < HANDSHAKE_REST_MS;
    if (mustRest && !this.#wasIdle(now)) return 0;
    return Math.max(1, Math.floor(HANDSHAKE_BATCH_MS / this.#costMs));
  }

  /** Charges what a connection costs before its handshake. */
  chargeAccept(): void {
    this.#charge(ACCEPT_COST_MS);
  }

  /**
   * Charges the usual cost: of a handshake that starts, before it can be measured, or of the second half of one. That
   * cannot be put off once the first half is done, and costs about as much.
   */
  chargeUsual(): number {
    this.#lastAt = this.#clock.now();
    this.#charge(this.#costMs);
    return this.#costMs;
  }

  /** A handshake that was charged `charged` took `ms`. */
  measured(ms: number, charged: number): void {
    // One that took longer was interrupted: the machine slept, or memory was cleared up.
    const cost = Math.min(Math.max(ms, LEAST_COST_MS), HANDSHAKE_BATCH_MS);
    this.#costMs += (cost - this.#costMs) * LEARNING;
    this.#charge(cost - charged);
  }

  #charge(ms: number): void {
    const now = this.#clock.now();
    const credit = HANDSHAKE_CREDIT_MS / HANDSHAKE_CPU_PART;
    const restUntil = Math.max(this.#restUntil, now - credit) + ms / HANDSHAKE_CPU_PART;
    // What could not be put off in a flood is forgotten when it is over.
    this.#restUntil = Math.min(restUntil, now + HANDSHAKE_REST_MS);
    if (this.#restUntil <= now) return;
    this.#watchedFrom = now;
    this.#idleBefore = this.#idleMs();
  }

  /** Lets the debt off where the loop has been idle for most of a rest. */
  #wasIdle(now: number): boolean {
    const rested = now - this.#watchedFrom;
    if (rested < HANDSHAKE_LOOK_MS) return false;
    if (this.#idleMs() - this.#idleBefore < rested * HANDSHAKE_IDLE_PART) return false;
    this.#restUntil = now;
    return true;
  }
}
