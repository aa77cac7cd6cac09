/** What a client notices of a dead relay. */

/** The longest time without a byte at the client, from a moment on. */
export class Stall {
  isMeasured = false;
  longestMs = 0;
  #last = 0;

  measure(): void {
    this.isMeasured = true;
    this.#last = performance.now();
  }

  bytes(): void {
    if (!this.isMeasured) return;
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#last);
    this.#last = now;
  }
}
