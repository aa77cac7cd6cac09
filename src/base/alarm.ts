/** One timer for all deadlines of a state machine: set anew after every call, moved only when the time has changed. */
import type { Clock, Timer } from './clock.ts';

export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  #at: number | undefined;

  /** @param onDue runs at, or after, the time that was set last; it is to set the next one. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** @param at time of {@link Clock.now}; undefined: nothing is due. */
  set(at: number | undefined): void {
    if (at === this.#at) return;
    this.cancel();
    if (at === undefined) return;
    this.#at = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      // One turn later: after a stall of ours, what was in time may lie unread in the sockets.
      this.#timer = this.#clock.after(0, () => {
        this.#at = undefined;
        this.#onDue();
      });
    });
  }

  /** Idempotent. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = undefined;
  }
}
