/** A wait that ends in disappointment. */
import type { Clock, Timer } from '../../base/clock.ts';

export class Patience {
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onTooLong` after `ms` unless it is armed again or cancelled before. */
  arm(ms: number, onTooLong: () => void): void {
    this.cancel();
    this.#timer = this.#clock.after(ms, () => {
      // One turn later: after a stall of ours the answer may lie unread in the socket. It was in time.
      this.#timer = this.#clock.after(0, onTooLong);
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
