/**
 * Deadlines by key, earliest first, and of the same moment the one that was set first: a binary heap with lazy deletion.
 * Pure; the owner asks {@link Deadlines.next} when to look again and calls {@link Deadlines.due} then.
 */

interface Entry<K> {
  readonly key: K;
  readonly at: number;
  /** Counts up. Without it, ties would fall as the heap happens to lie, and replays would differ. */
  readonly order: number;
}

export class Deadlines<K> {
  readonly #current = new Map<K, Entry<K>>();
  #heap: Entry<K>[] = [];
  #order = 0;

  /** Sets, or moves, the deadline of `key`. O(log n). */
  set(key: K, at: number): void {
    this.#order += 1;
    const entry = { key, at, order: this.#order };
    this.#current.set(key, entry);
    this.#push(entry);
    // Entries that were moved or deleted stay behind in the heap; without this a key that moves often grows it.
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#current.size) this.#rebuild();
  }

  delete(key: K): void {
    this.#current.delete(key);
  }

  /** The deadline of `key`, or undefined. */
  get(key: K): number | undefined {
    return this.#current.get(key)?.at;
  }

  /** Keys that have a deadline. */
  get size(): number {
    return this.#current.size;
  }

  /** The earliest deadline, or undefined when there is none. */
  next(): number | undefined {
    return this.#live()?.at;
  }

  /** Removes and returns the earliest key whose deadline is at or before `now`, or undefined. */
  due(now: number): K | undefined {
    const entry = this.#live();
    if (!entry || entry.at > now) return undefined;
    this.#pop();
    this.#current.delete(entry.key);
    return entry.key;
  }

  /** The top of the heap once what is no longer current has been dropped. */
  #live(): Entry<K> | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (!top || this.#current.get(top.key) === top) return top;
      this.#pop();
    }
  }

  #push(entry: Entry<K>): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Entry<K>;
      if (isBefore(parent, entry)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    if (!moved || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      const left = heap[childIndex];
      if (!left) break;
      const right = heap[childIndex + 1];
      if (right && isBefore(right, left)) childIndex += 1;
      const child = heap[childIndex] as Entry<K>;
      if (isBefore(moved, child)) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = moved;
  }

  #rebuild(): void {
    this.#heap = [];
    for (const entry of this.#current.values()) this.#push(entry);
  }
}

/** The smallest of `times` that is a number, or undefined. */
export function earliest(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
