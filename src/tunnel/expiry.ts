/** The end of a certificate's life, by the machine's clock, which may be set and which goes on while a machine sleeps. */
import type { Clock, Timer } from '../base/clock.ts';
import { WALL_LOOK_MS } from '../base/limits.ts';

export class Expiry {
  readonly #clock: Clock;
  readonly #untilMs: number;
  readonly #onExpired: () => void;
  #timer: Timer | undefined;

  /**
   * @param notAfterMs milliseconds since 1970. The whole second counts (RFC 5280, section 4.1.2.5).
   * @param onExpired runs once, when that second is over, later than this call; not after {@link cancel}.
   */
  constructor(clock: Clock, notAfterMs: number, onExpired: () => void) {
    this.#clock = clock;
    this.#untilMs = notAfterMs + 1_000;
    this.#onExpired = onExpired;
    this.#arm();
  }

  /** Idempotent. */
  cancel(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const leftMs = this.#untilMs - this.#clock.wall();
    // What is far away is too long for a timer, too: Node's hold 24 days.
    this.#timer = this.#clock.after(Math.max(0, Math.min(leftMs, WALL_LOOK_MS)), () => this.#look());
  }

  #look(): void {
    if (this.#clock.wall() >= this.#untilMs) this.#onExpired();
    else this.#arm();
  }
}
