/** Brokers for which no bridge is known, first come first served by info_hash, each for a limited time. Pure. */
import { Deadlines } from '../base/deadlines.ts';
import type { InfoHash } from '../base/info-hash.ts';

interface Waiter {
  readonly infoHash: InfoHash;
  /** Lower for those who came earlier. */
  readonly ticket: number;
}

export class WaitingRoom<B extends Waiter> {
  readonly #waitMs: number;
  readonly #onWatch: (infoHash: InfoHash, watched: boolean) => void;
  readonly #brokers = new Map<InfoHash, Set<B>>();
  /** The highest ticket that waits, or has waited since the first one came: whoever has a higher one goes last. */
  readonly #lastTicket = new Map<InfoHash, number>();
  readonly #until = new Deadlines<B>();

  /**
   * @param waitMs how long each may stay.
   * @param onWatch the first broker of an info_hash came, or the last one went.
   */
  constructor(waitMs: number, onWatch: (infoHash: InfoHash, watched: boolean) => void) {
    this.#waitMs = waitMs;
    this.#onWatch = onWatch;
  }

  /** One that had its turn before, and comes back, gets its old place. */
  add(broker: B, now: number): void {
    const { infoHash, ticket } = broker;
    const others = this.#brokers.get(infoHash);
    if (!others) this.#onWatch(infoHash, true);
    const last = this.#lastTicket.get(infoHash) ?? 0;
    if (others && ticket > last) others.add(broker);
    else
      this.#brokers.set(infoHash, new Set([...(others ?? []), broker].sort((a, b) => a.ticket - b.ticket)));
    this.#lastTicket.set(infoHash, Math.max(ticket, last));
    this.#until.set(broker, now + this.#waitMs);
  }

  /** Whether it was here or not. */
  delete(broker: B): void {
    this.#until.delete(broker);
    const { infoHash } = broker;
    const brokers = this.#brokers.get(infoHash);
    if (!brokers?.delete(broker) || brokers.size > 0) return;
    this.#brokers.delete(infoHash);
    this.#lastTicket.delete(infoHash);
    this.#onWatch(infoHash, false);
  }

  /** Those who wait for `infoHash` now. A copy: they may leave while it is walked. */
  of(infoHash: InfoHash): readonly B[] {
    return [...(this.#brokers.get(infoHash) ?? [])];
  }

  next(): number | undefined {
    return this.#until.next();
  }

  /** Takes out one whose time is up at `now`, or undefined. */
  due(now: number): B | undefined {
    const broker = this.#until.due(now);
    if (broker) this.delete(broker);
    return broker;
  }
}
