/**
 * When a tunnel is to be replaced by another one to the same bridge: before it is a day old, before a certificate of
 * either end expires, and soon after the bridge has asked for it. Drawn at random, so that many brokers do not do it at once. Pure.
 */
import {
  TUNNEL_LIFE_MS,
  TUNNEL_RENEW_LEAST_MS,
  TUNNEL_RENEW_MS,
  TUNNEL_RENEW_SPREAD_MS,
  WALL_LOOK_MS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';

/** The two clocks: `now` never goes back, `wall` is in milliseconds since 1970. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
}

export class Renewal {
  readonly #random: Random;
  /** By the clock that never goes back. */
  #oldAt: number;
  /** By the machine's clock; Infinity: another tunnel would not live much longer. */
  #expiringAt: number;

  /** @param notAfterMs when the first certificate of both ends expires, in milliseconds since 1970. */
  constructor(random: Random, notAfterMs: number, born: Moment) {
    this.#random = random;
    this.#oldAt = born.now + TUNNEL_LIFE_MS * (1 - random.fraction() / 10);
    const leftMs = notAfterMs - born.wall;
    const leadMs = Math.min(TUNNEL_RENEW_MS, leftMs / 2) * (1 - random.fraction() / 2);
    this.#expiringAt = leftMs < TUNNEL_RENEW_LEAST_MS ? Number.POSITIVE_INFINITY : notAfterMs - leadMs;
  }

  /** The bridge has another certificate now. */
  ask({ now }: Moment): void {
    this.#oldAt = Math.min(this.#oldAt, now + TUNNEL_RENEW_SPREAD_MS * this.#random.fraction());
  }

  isDue({ now, wall }: Moment): boolean {
    return now >= this.#oldAt || wall >= this.#expiringAt;
  }

  /** Milliseconds until the next look, at most WALL_LOOK_MS; 0: it is due. */
  waitMs({ now, wall }: Moment): number {
    return Math.max(0, Math.min(this.#oldAt - now, this.#expiringAt - wall, WALL_LOOK_MS));
  }
}
