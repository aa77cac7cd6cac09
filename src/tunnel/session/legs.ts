/** The attached legs of a session, and which of them carries what. Pure. */
import type { Inbox } from './inbox.ts';
import { type LegLimits, LegState } from './leg-state.ts';
import type { LegId } from './types.ts';

export class Legs {
  readonly #legs = new Map<LegId, LegState>();
  readonly #limits: LegLimits;
  /** Carries our bytes. */
  #active: LegState | undefined;
  /** Brought the other end's latest bytes, so it is alive: our acknowledgements go there. */
  #latest: LegState | undefined;

  constructor(limits: LegLimits) {
    this.#limits = limits;
  }

  get active(): LegState | undefined {
    return this.#active;
  }

  get size(): number {
    return this.#legs.size;
  }

  get(id: LegId): LegState | undefined {
    return this.#legs.get(id);
  }

  all(): readonly LegState[] {
    return [...this.#legs.values()];
  }

  add(id: LegId, now: number): LegState {
    const leg = new LegState(id, this.#limits, now);
    this.#legs.set(id, leg);
    return leg;
  }

  /** False when it was not there. What it carried of ours may be lost: every other leg says again what we have. */
  remove(id: LegId): boolean {
    if (!this.#legs.delete(id)) return false;
    if (this.#active?.id === id) this.#active = undefined;
    if (this.#latest?.id === id) this.#latest = undefined;
    for (const leg of this.#legs.values()) leg.oweAck();
    return true;
  }

  clear(): void {
    this.#legs.clear();
    this.#active = undefined;
    this.#latest = undefined;
  }

  activate(leg: LegState): void {
    this.#active = leg;
  }

  /** Bytes came on it. */
  brought(leg: LegState): void {
    this.#latest = leg;
  }

  /** An ACK goes out: on the leg that brought the latest bytes. */
  acknowledge(inbox: Inbox): void {
    const leg = this.#latest ?? this.#active;
    if (!leg) return;
    leg.oweAck();
    inbox.told();
  }

  /** The leg with the shortest round trip among those that are not suspected; none: undefined. */
  best(): LegState | undefined {
    return shortest(this.all().filter(({ suspected }) => !suspected));
  }

  /** As {@link best}, and a suspected one rather than none. */
  any(): LegState | undefined {
    return this.best() ?? shortest(this.all());
  }

  /** The one that nothing came from for the longest time. */
  mostSilent(): LegState | undefined {
    return this.all().reduce<LegState | undefined>(
      (most, leg) => (most && most.heardAt <= leg.heardAt ? most : leg),
      undefined,
    );
  }
}

function shortest(legs: readonly LegState[]): LegState | undefined {
  const time = (leg: LegState): number => leg.rtt.smoothed ?? Number.POSITIVE_INFINITY;
  return legs.reduce<LegState | undefined>(
    (best, leg) => (best && time(best) <= time(leg) ? best : leg),
    undefined,
  );
}
