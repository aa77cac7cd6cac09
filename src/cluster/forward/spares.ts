/**
 * Sockets to one holder that are open before a broker needs them: the handshake of both nodes is nearly all of the time
 * that a forward costs more than a local pairing. They are dialled one at a time and in a quiet moment, so that they do
 * not take the CPU of the very forwards that they are to make faster.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { FORWARD_SPARE_AGE_MS, FORWARD_SPARE_PAUSE_MS, FORWARD_SPARES_KEPT_MS } from '../../base/limits.ts';
import type { Link } from '../../net/link.ts';

export interface SparesOptions {
  /** How many are kept. 0: none. */
  readonly count: number;
  readonly clock: Clock;
  /** Opens one. Rejects when the holder cannot be had, or by the signal. */
  readonly dial: (signal: AbortSignal) => Promise<Link>;
  /** No socket, dial or timer is left, and none will come before the next {@link Spares.replenish}. */
  readonly onIdle: () => void;
}

export class Spares {
  readonly #options: SparesOptions;
  readonly #idle = new Set<Spare>();
  readonly #dialling = new AbortController();
  #usedAt: number;
  #next: Timer | undefined;
  #isDialling = false;
  #closed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
    this.#usedAt = options.clock.now();
  }

  /** Open sockets that wait. */
  get size(): number {
    return this.#idle.size;
  }

  /** The newest, paused; undefined where none is there. It may have been closed by the holder a moment ago. */
  take(): Link | undefined {
    const spare = [...this.#idle].at(-1);
    if (!spare) return undefined;
    this.#idle.delete(spare);
    return spare.release();
  }

  /** A forward to the holder has been set up, or failed: keeps its spares from now on for FORWARD_SPARES_KEPT_MS. */
  replenish(): void {
    this.#usedAt = this.#options.clock.now();
    this.#schedule();
  }

  /** Closes all, for good. */
  close(): void {
    this.#closed = true;
    this.#next?.cancel();
    this.#dialling.abort();
    for (const spare of this.#idle) spare.close();
    this.#idle.clear();
  }

  #schedule(): void {
    if (this.#closed || this.#next || this.#isDialling) return;
    const { clock, count } = this.#options;
    if (this.#idle.size >= count || clock.now() - this.#usedAt >= FORWARD_SPARES_KEPT_MS) return this.#rest();
    this.#next = clock.after(FORWARD_SPARE_PAUSE_MS, () => {
      this.#next = undefined;
      this.#dial();
    });
  }

  #dial(): void {
    this.#isDialling = true;
    this.#options.dial(this.#dialling.signal).then(
      (link) => {
        this.#isDialling = false;
        this.#keep(link);
      },
      // The next forward will say what is wrong, to somebody who wants to know.
      () => {
        this.#isDialling = false;
        this.#rest();
      },
    );
  }

  #keep(link: Link): void {
    if (this.#closed) return link.reset();
    const spare: Spare = new Spare(link, this.#options.clock, () => {
      this.#idle.delete(spare);
      this.#schedule();
    });
    this.#idle.add(spare);
    this.#schedule();
  }

  #rest(): void {
    if (this.#idle.size === 0) this.#options.onIdle();
  }
}

/** One that waits. Whatever happens to it meanwhile is its end. */
class Spare {
  readonly #link: Link;
  readonly #age: Timer;
  readonly #onEnd: () => void;

  /** `onEnd` comes when it is of no more use, and not after {@link release} or {@link close}. */
  constructor(link: Link, clock: Clock, onEnd: () => void) {
    this.#link = link;
    this.#onEnd = onEnd;
    this.#age = clock.after(FORWARD_SPARE_AGE_MS, this.#onOver);
    // A holder says nothing before it was asked, so it is read only to see it end.
    for (const event of EVENTS) link.stream.on(event, this.#onOver);
    link.stream.resume();
  }

  release(): Link {
    this.#detach();
    this.#link.stream.pause();
    return this.#link;
  }

  close(): void {
    this.#detach();
    this.#link.reset();
  }

  readonly #onOver = (): void => {
    this.close();
    this.#onEnd();
  };

  #detach(): void {
    this.#age.cancel();
    for (const event of EVENTS) this.#link.stream.off(event, this.#onOver);
  }
}

const EVENTS = ['data', 'end', 'error', 'close'] as const;
