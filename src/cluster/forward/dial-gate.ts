/**
 * How many forwards to one holder are between their dial and its first word. Without a limit a burst of them shares the
 * holder's CPU in such small parts that all run into their limit of time together, and none is joined.
 */
import type { Clock } from '../../base/clock.ts';
import { BeaconError } from '../../base/errors.ts';
import { FORWARD_DIALS, FORWARD_SILENCE_MS } from '../../base/limits.ts';

/** Gives the place back. `alive`: the holder has said something. */
export type Leave = (alive: boolean) => void;

interface Waiter {
  go(): void;
  fail(error: BeaconError): void;
}

export class DialGate {
  readonly #clock: Clock;
  readonly #node: string;
  readonly #waiting = new Set<Waiter>();
  #inside = 0;
  /** When the holder was last heard; or when the first of those inside entered. */
  #lastLife = 0;

  /** `node` is the holder's name, for texts. */
  constructor(clock: Clock, node: string) {
    this.#clock = clock;
    this.#node = node;
  }

  /** Nobody is inside, and so nobody waits. */
  get idle(): boolean {
    return this.#inside === 0;
  }

  /**
   * Resolves when it is the caller's turn, first come first served; it leaves once, in any case. Throws `closed` by the
   * signal, and `unreachable` when its turn did not come and somebody left whom the holder had not answered, nor
   * anybody else for FORWARD_SILENCE_MS.
   */
  async enter(signal: AbortSignal): Promise<Leave> {
    if (this.#inside >= FORWARD_DIALS) await this.#turn(signal);
    else {
      if (this.#inside === 0) this.#lastLife = this.#clock.now();
      this.#inside += 1;
    }
    return (alive) => this.#leave(alive);
  }

  /** Whoever gets its turn takes over a place that is counted already. */
  #turn(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: BeaconError): void => {
      signal.removeEventListener('abort', onAbort);
      this.#waiting.delete(waiter);
      reject(error);
    };
    const onAbort = (): void => fail(new BeaconError('closed', `stopped connecting to node ${this.#node}`));
    const go = (): void => {
      signal.removeEventListener('abort', onAbort);
      this.#waiting.delete(waiter);
      resolve();
    };
    const waiter: Waiter = { go, fail };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.add(waiter);
    return promise;
  }

  #leave(alive: boolean): void {
    const now = this.#clock.now();
    if (alive) this.#lastLife = now;
    else if (now - this.#lastLife >= FORWARD_SILENCE_MS) this.#failAll();
    const [next] = this.#waiting;
    if (next) next.go();
    else this.#inside -= 1;
  }

  #failAll(): void {
    const seconds = FORWARD_SILENCE_MS / 1_000;
    const error = new BeaconError('unreachable', `node ${this.#node} answered nobody for ${seconds} s`, {
      retry: true,
    });
    for (const waiter of this.#waiting) waiter.fail(error);
  }
}
