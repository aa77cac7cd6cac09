/** One timer for all deadlines of a state machine, which sets it anew after every call. */
import type { Clock, Timer } from './clock.ts';

export class Alarm {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #timer: Timer | undefined;
  /** What the timer was started for. */
  #timerAt = 0;
  #at: number | undefined;

  /** @param onDue runs at, or after, the time that was set last; it is to set the next one. */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** @param at time of {@link Clock.now}; undefined: nothing is due. */
  set(at: number | undefined): void {
    if (at === undefined) return this.cancel();
    this.#at = at;
    // A deadline that moves further away with every call costs no timer: it is looked at when the old one is over.
    if (!this.#timer || at < this.#timerAt) this.#start(at);
  }

  /** Idempotent. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = undefined;
  }

  #start(at: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      // One turn later: after a stall of ours, what was in time may lie unread in the sockets.
      this.#timer = this.#clock.after(0, () => this.#ring());
    });
  }

  #ring(): void {
    const at = this.#at;
    this.#timer = undefined;
    if (at !== undefined && at > this.#timerAt && at > this.#clock.now()) return this.#start(at);
    this.#at = undefined;
    this.#onDue();
  }
}
