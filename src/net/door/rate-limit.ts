/**
 * How many connections of one source enter: exactly so many in any window, in the first one too. A pure function of
 * addresses and times; what it remembers has a fixed size.
 *
 * An IPv6 /64 also spends from the budgets of its /56 and its /48, and enters only where all three have room. A source
 * that was forgotten, because too many others came since, starts anew.
 */
import {
  RATE_CONNECTIONS,
  RATE_SHARE_48,
  RATE_SHARE_56,
  RATE_SOURCES,
  RATE_TOLD,
  RATE_WINDOW_MS,
} from '../../base/limits.ts';
import { type Random, systemRandom } from '../../base/random.ts';
import { RecentSlots } from './recent-slots.ts';
import { networksOf } from './source.ts';
import { chunksFor, StampQueues } from './stamps.ts';

/** Defaults: the limits of the product. Only unit tests pass others. */
export interface RateLimitOptions {
  /** Connections of one source that enter in any window. */
  readonly connections?: number;
  /** Connections over the limit, in any window, that are to be told so. */
  readonly told?: number;
  readonly windowMs?: number;
  /** Sources and wider networks that are remembered. At least 3: one IPv6 address takes as many. */
  readonly sources?: number;
  /** Times the above for a /56 and a /48. */
  readonly share56?: number;
  readonly share48?: number;
}

export type RateVerdict =
  /** It may go on. `token` is for {@link RateLimit.giveBack}. */
  | { readonly verdict: 'enter'; readonly token: number }
  /** It is to be refused `rateLimit`. One could enter after `retryAfterMs`, whole and at least 1. */
  | { readonly verdict: 'tell'; readonly retryAfterMs: number }
  /** It is to be closed before anything is spent on it. */
  | { readonly verdict: 'close' };

/** Since the start, except `size`. */
export interface RateCounts {
  /** Verdicts of each kind; a token that is given back stays counted here. */
  readonly entered: number;
  readonly told: number;
  readonly closed: number;
  readonly givenBack: number;
  /** Sources and wider networks that were forgotten to make room. */
  readonly evicted: number;
  /** Sources and wider networks that are remembered. */
  readonly size: number;
}

type Kind = 'entered' | 'told';

const CLOSE: RateVerdict = { verdict: 'close' };

export class RateLimit {
  readonly #limits: Readonly<Record<Kind, number>>;
  readonly #windowMs: number;
  /** Times the limit, for a source and its wider networks in the order of {@link networksOf}. */
  readonly #shares: readonly number[];
  readonly #known: RecentSlots;
  /** Two queues a slot. A stamp is the end of the millisecond in which it was taken, so the window is never short. */
  readonly #stamps: StampQueues;
  /** The newest stamp that a slot may hold, with all its bits: without it old ones would come back after 50 days. */
  readonly #newest: Float64Array;
  readonly #counts = { entered: 0, told: 0, closed: 0, givenBack: 0, evicted: 0 };

  /**
   * @param random decides where sources stand in memory, so that nobody can choose addresses that slow it down. No verdict
   *   depends on it.
   */
  constructor(options: RateLimitOptions = {}, random: Random = systemRandom) {
    const sources = options.sources ?? RATE_SOURCES;
    this.#limits = { entered: options.connections ?? RATE_CONNECTIONS, told: options.told ?? RATE_TOLD };
    this.#windowMs = options.windowMs ?? RATE_WINDOW_MS;
    this.#shares = [1, options.share56 ?? RATE_SHARE_56, options.share48 ?? RATE_SHARE_48];
    const chunks = (share: number): number =>
      chunksFor(this.#limits.entered * share) + chunksFor(this.#limits.told * share);
    // Room for every source at its limit, or for one IPv6 address with its wider networks where that is more.
    const most = this.#shares.reduce((sum, share) => sum + chunks(share), 0);
    const spare = this.#shares.length;
    this.#stamps = new StampQueues(2 * sources, Math.max(sources * chunks(1), most) + spare);
    this.#newest = new Float64Array(sources);
    this.#known = new RecentSlots({
      capacity: sources,
      random,
      onEvicted: (slot) => {
        this.#forgetStamps(slot);
        this.#counts.evicted += 1;
      },
    });
  }

  get counts(): RateCounts {
    return { ...this.#counts, size: this.#known.size };
  }

  /**
   * Judges one connection. Those that do not enter are not counted against the limit.
   *
   * @param address as {@link networksOf} takes it, with the same error.
   * @param now milliseconds of a clock that never goes back ({@link Clock.now}).
   */
  take(address: string, now: number): RateVerdict {
    const networks = networksOf(address);
    const slots = networks.map((key) => this.#seen(key, now));
    const waitMs = this.#waitMs('entered', slots, now);
    if (waitMs === 0) {
      this.#spend('entered', networks, slots, now);
      return { verdict: 'enter', token: Math.ceil(now) };
    }
    if (this.#waitMs('told', slots, now) === 0) {
      this.#spend('told', networks, slots, now);
      return { verdict: 'tell', retryAfterMs: Math.ceil(waitMs) };
    }
    this.#counts.closed += 1;
    return CLOSE;
  }

  /**
   * The connection with this token is no stranger: it no longer counts, here and in the wider networks. Once for each
   * connection. Does nothing when the source was forgotten or the window has passed.
   */
  giveBack(address: string, token: number): void {
    let found = false;
    for (const key of networksOf(address)) {
      const slot = this.#known.find(key);
      // The low bits of a token of long ago may be those of another one.
      if (slot === undefined || this.#newestOf(slot) - token >= this.#windowMs) continue;
      found = this.#stamps.remove(queueOf(slot, 'entered'), token) || found;
    }
    if (found) this.#counts.givenBack += 1;
  }

  /** The slot of a network that is known, without the stamps that have left the window. */
  #seen(key: string, now: number): number | undefined {
    const slot = this.#known.find(key);
    if (slot === undefined) return undefined;
    this.#known.touch(slot);
    if (now - this.#newestOf(slot) >= this.#windowMs) {
      this.#forgetStamps(slot);
      return slot;
    }
    for (const kind of ['entered', 'told'] as const) {
      const queue = queueOf(slot, kind);
      while (this.#stamps.count(queue) > 0 && this.#leftMs(queue, now) <= 0) this.#stamps.shift(queue);
    }
    return slot;
  }

  /** Until all of `slots` have room for one more; 0: they have. A network that is not known has room. */
  #waitMs(kind: Kind, slots: readonly (number | undefined)[], now: number): number {
    let waitMs = 0;
    for (const [at, slot] of slots.entries()) {
      if (slot === undefined) continue;
      const queue = queueOf(slot, kind);
      const limit = this.#limits[kind] * (this.#shares[at] ?? 1);
      if (this.#stamps.count(queue) >= limit) waitMs = Math.max(waitMs, this.#leftMs(queue, now));
    }
    return waitMs;
  }

  /**
   * Networks come to be known here and not before: who is closed cannot push others out. Those of this connection were
   * touched last, so what makes room for it is none of them.
   */
  #spend(kind: Kind, networks: readonly string[], slots: readonly (number | undefined)[], now: number): void {
    const stamp = Math.ceil(now);
    const mine = networks.map((key, at) => slots[at] ?? this.#known.add(key));
    while (this.#stamps.room < mine.length) this.#known.evictOldest();
    for (const slot of mine) {
      this.#stamps.push(queueOf(slot, kind), stamp);
      this.#newest[slot] = stamp;
    }
    this.#counts[kind] += 1;
  }

  /** Until the oldest stamp of a queue leaves the window; not above 0: it has left. */
  #leftMs(queue: number, now: number): number {
    const end = Math.ceil(now);
    const ageMs = ((end - this.#stamps.oldest(queue)) >>> 0) - (end - now);
    return this.#windowMs - ageMs;
  }

  #newestOf(slot: number): number {
    return this.#newest[slot] ?? 0;
  }

  #forgetStamps(slot: number): void {
    this.#stamps.clear(queueOf(slot, 'entered'));
    this.#stamps.clear(queueOf(slot, 'told'));
  }
}

function queueOf(slot: number, kind: Kind): number {
  return 2 * slot + (kind === 'entered' ? 0 : 1);
}
