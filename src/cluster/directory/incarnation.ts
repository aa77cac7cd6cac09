/**
 * Which start of this node it is. Members believe the highest incarnation of a name and never a lower one again, so
 * it must be above every one they have heard: max(wall clock in ms, highest heard + 1). It is chosen once, before the
 * first advert and after the members had time to say what they remember.
 *
 * A member may tell of a higher one later. If that was last heard before we chose, it is gone: the clock was set back,
 * and the member that knows came too late. We choose again, as it would not believe us for as long as the clock is
 * behind. If it was heard since, another process runs under our name, and being older we must give way.
 */
import { NODE_LEASE_MS } from '../../base/limits.ts';
import type { Hearsay } from './codec.ts';

export class Incarnation {
  readonly #wallMs: number;
  #highestHeard = 0;
  #chosen: number | undefined;
  #firstChosenAt = 0;
  #superseded = false;

  /** `wallMs`: the wall clock at the start of the process. */
  constructor(wallMs: number) {
    this.#wallMs = Math.floor(wallMs);
  }

  /** Undefined until it is chosen. */
  get value(): number | undefined {
    return this.#chosen;
  }

  choose(now: number): number {
    if (this.#chosen === undefined) this.#firstChosenAt = now;
    this.#chosen = Math.max(this.#wallMs, this.#highestHeard + 1);
    return this.#chosen;
  }

  /** Takes in what a member knows about our name. Tells once when we are superseded. */
  heard({ incarnation, heardMs }: Hearsay, now: number): 'chooseAgain' | 'superseded' | undefined {
    this.#highestHeard = Math.max(this.#highestHeard, incarnation);
    if (this.#chosen === undefined || incarnation <= this.#chosen || this.#superseded) return undefined;
    // A lease for messages that were long under way: the last words of a process must not pass for those of a rival.
    if (now - heardMs < this.#firstChosenAt + NODE_LEASE_MS) return 'chooseAgain';
    this.#superseded = true;
    return 'superseded';
  }
}
