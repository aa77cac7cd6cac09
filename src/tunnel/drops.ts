/**
 * Notices a way that keeps dropping its connections. Each loss by itself is made up for within a moment and is no news; that
 * they do not end is. Pure but for the log.
 */
import type { Clock } from '../base/clock.ts';
import type { ErrorCode } from '../base/errors.ts';
import { DROP_MS, DROPS_TOLD, DROPS_WAYS, DROPS_WINDOW_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';

export interface DropsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Field of the log line that names a way. */
  readonly field: 'node' | 'path';
  /** What keeps dropping, for example `connections to this relay`. */
  readonly what: string;
  /** What to do about it. */
  readonly advice: string;
}

/** What happened on one way within the last DROPS_WINDOW_MS. */
interface History {
  /** Times of {@link Clock.now}, at most DROPS_TOLD. */
  readonly drops: number[];
  toldAt: number | undefined;
}

export class Drops {
  readonly #options: DropsOptions;
  /** The one that dropped the longest time ago first. */
  readonly #ways = new Map<string, History>();

  constructor(options: DropsOptions) {
    this.#options = options;
  }

  /**
   * A connection by `way` was lost, though neither end wanted it. A warning when that is the DROPS_TOLDth time within
   * DROPS_WINDOW_MS, at most one in that time; connections that are lost together count as one.
   */
  lost(way: string, code: ErrorCode): void {
    const now = this.#options.clock.now();
    const known = this.#ways.get(way) ?? { drops: [], toldAt: undefined };
    const last = known.drops.at(-1);
    if (last !== undefined && now - last < DROP_MS) return;
    const drops = [...known.drops.filter((at) => now - at < DROPS_WINDOW_MS), now].slice(-DROPS_TOLD);
    const isQuiet = known.toldAt === undefined || now - known.toldAt >= DROPS_WINDOW_MS;
    const isNews = drops.length >= DROPS_TOLD && isQuiet;
    this.#remember(way, { drops, toldAt: isNews ? now : known.toldAt });
    if (isNews) this.#tell(way, code);
  }

  #remember(way: string, history: History): void {
    this.#ways.delete(way);
    this.#ways.set(way, history);
    const [oldest] = this.#ways.keys();
    if (this.#ways.size > DROPS_WAYS && oldest !== undefined) this.#ways.delete(oldest);
  }

  #tell(way: string, code: ErrorCode): void {
    const { log, field, what, advice } = this.#options;
    const often = `${DROPS_TOLD} times within ${DROPS_WINDOW_MS / 60_000} minutes`;
    log.warn(`${what} keep dropping, ${often}; ${advice}`, { [field]: way, code });
  }
}
