/**
 * Head-room of descriptors: says no at the door before the system would, so that what runs goes on and refusing stays
 * cheap. libuv accepts and closes where no descriptor is left, but then nothing else can be opened either. Pure.
 *
 * The number in use is counted now and then, and kept up by our own books in between.
 */
import {
  DESCRIPTORS_COUNT_MS,
  DESCRIPTORS_FREE_PART,
  DESCRIPTORS_FULL_PART,
  DESCRIPTORS_OF_OURS,
} from '../../base/limits.ts';

/** What the system says of the descriptors of this process. */
export interface Descriptors {
  /** How many it may have open; undefined: no limit, or none that we can find out. */
  readonly limit: number | undefined;
  /** How many it has open now; undefined where the system does not say. */
  count(): number | undefined;
}

export interface HeadroomStatus {
  /** Whether the next connection is let in. */
  readonly admitting: boolean;
  /** Descriptors in use, as far as known. */
  readonly used: number;
  readonly limit: number | undefined;
  /** Connections turned away since the start. */
  readonly refused: number;
}

export interface HeadroomOptions {
  readonly descriptors: Descriptors;
  /** Became full (false), or has room again (true). */
  readonly onChange: (admitting: boolean) => void;
}

export class Headroom {
  readonly #descriptors: Descriptors;
  readonly #onChange: HeadroomOptions['onChange'];
  readonly #fullAt: number;
  readonly #freeAt: number;
  /** Sockets that were let in and are not closed. */
  #open = 0;
  /** All others, when they were counted last. */
  #others = DESCRIPTORS_OF_OURS;
  #countedAt: number | undefined;
  #admitting = true;
  #refused = 0;

  constructor({ descriptors, onChange }: HeadroomOptions) {
    this.#descriptors = descriptors;
    this.#onChange = onChange;
    const limit = descriptors.limit ?? Number.POSITIVE_INFINITY;
    this.#fullAt = limit * DESCRIPTORS_FULL_PART;
    this.#freeAt = limit * DESCRIPTORS_FREE_PART;
  }

  /**
   * For each accepted socket, which has its descriptor already, before anything is done with it. True: it may stay, and
   * {@link released} is called when it has closed. False: close it at once.
   */
  admit(now: number): boolean {
    this.#count(now);
    this.#open += 1;
    this.#judge();
    if (this.#admitting) return true;
    this.#open -= 1;
    this.#refused += 1;
    return false;
  }

  /** A socket that was let in has closed. */
  released(): void {
    this.#open -= 1;
    this.#judge();
  }

  /** Now and then while full: what is not a door's may have been closed, and nobody knocks. */
  look(now: number): void {
    this.#count(now);
    this.#judge();
  }

  get status(): HeadroomStatus {
    const { limit } = this.#descriptors;
    return { admitting: this.#admitting, used: this.#used, limit, refused: this.#refused };
  }

  get #used(): number {
    return this.#open + this.#others;
  }

  /** The socket that is asked for is among them, and none of ours yet: one too many, which is no matter. */
  #count(now: number): void {
    if (this.#countedAt !== undefined && now - this.#countedAt < DESCRIPTORS_COUNT_MS) return;
    this.#countedAt = now;
    const counted = this.#descriptors.count();
    if (counted !== undefined) this.#others = Math.max(0, counted - this.#open);
  }

  #judge(): void {
    const admitting = this.#used <= (this.#admitting ? this.#fullAt : this.#freeAt);
    if (admitting === this.#admitting) return;
    this.#admitting = admitting;
    this.#onChange(admitting);
  }
}
