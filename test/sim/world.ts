/**
 * Virtual time and randomness of one run, and what is recorded of it. Everything that happens is an entry of one agenda; two
 * at the same time happen in the order in which they were entered. So the seed decides all.
 */
import assert from 'node:assert';
import type { Random } from '../../src/base/random.ts';
import type { Event, Happening } from '../scenario/history.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Far more than happen at one instant. */
const AT_ONCE = 100_000;

/** An entry of the agenda. */
export interface Due {
  cancel(): void;
}

interface Entry {
  readonly ms: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

export class World {
  readonly random: Random;
  readonly history: Event[] = [];
  /** Times that each rare branch was reached, by its name. */
  readonly sometimes = new Map<string, number>();
  /** A binary heap by time, then order. */
  readonly #agenda: Entry[] = [];
  readonly #watchers = new Set<() => void>();
  #now = 0;
  #lastOrder = 0;
  #lastNumber = 0;
  #unsettled = false;
  #atOnce = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** Entries that are neither done nor cancelled. */
  get pending(): number {
    return this.#agenda.filter(({ cancelled }) => !cancelled).length;
  }

  /** Never the same one twice in a run. */
  nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  record(happening: Happening): void {
    this.history.push({ ...happening, ms: this.#now });
  }

  /** Counts that a branch was reached which few runs reach. */
  reached(point: string): void {
    this.sometimes.set(point, (this.sometimes.get(point) ?? 0) + 1);
  }

  after(ms: number, run: () => void): Due {
    this.#lastOrder += 1;
    const entry: Entry = { ms: this.#at(ms), order: this.#lastOrder, run, cancelled: false };
    this.#push(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  /** Promises may be resolved by the entry that runs: the next one waits until all has happened that follows from it. */
  settle(): void {
    this.#unsettled = true;
  }

  /** `look` runs once before the next entry, after promises. */
  watch(look: () => void): void {
    this.#watchers.add(look);
  }

  /** Lets everything happen that is due until `ms`. */
  async runUntil(ms: number): Promise<void> {
    for (let next = this.#agenda[0]; next && next.ms <= ms; next = this.#agenda[0]) {
      this.#pop();
      if (next.cancelled) continue;
      this.#count(next);
      this.#now = next.ms;
      next.run();
      if (this.#unsettled) await this.#settled();
      if (this.#watchers.size > 0) this.#look();
    }
    this.#now = ms;
  }

  async #settled(): Promise<void> {
    this.#unsettled = false;
    // Ticks come after all that promises lead to, however long a chain of them is. No real time passes.
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }

  /**
   * In whole microseconds, and later than now unless it is to be now: a wait that is lost in the rounding of numbers would
   * begin again for ever, as time stands still meanwhile.
   */
  #at(ms: number): number {
    if (ms <= 0) return this.#now;
    const at = Math.ceil((this.#now + ms) * 1_000) / 1_000;
    return at > this.#now ? at : this.#now + 0.001;
  }

  /** Whatever goes on for ever at one instant is a mistake, of the simulator or of what runs in it. */
  #count(entry: Entry): void {
    this.#atOnce = entry.ms > this.#now ? 0 : this.#atOnce + 1;
    assert(this.#atOnce < AT_ONCE, `${AT_ONCE} entries follow each other at ${this.#now} ms`);
  }

  #look(): void {
    for (const look of this.#watchers) look();
    this.#watchers.clear();
  }

  #push(entry: Entry): void {
    const heap = this.#agenda;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!comesBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#agenda;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!comesBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

function comesBefore(one: Entry, other: Entry): boolean {
  return one.ms < other.ms || (one.ms === other.ms && one.order < other.order);
}
