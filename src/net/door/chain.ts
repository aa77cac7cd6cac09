/** A list in order of arrival from which any member leaves at once: a Set, but its first member is found in O(1). */

/** A member's place in its chain. */
export interface ChainLink<T> {
  readonly value: T;
  previous: ChainLink<T> | undefined;
  next: ChainLink<T> | undefined;
}

export class Chain<T> {
  #first: ChainLink<T> | undefined;
  #last: ChainLink<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who came first, or undefined. */
  get first(): ChainLink<T> | undefined {
    return this.#first;
  }

  add(value: T): ChainLink<T> {
    const link: ChainLink<T> = { value, previous: this.#last, next: undefined };
    if (this.#last) this.#last.next = link;
    else this.#first = link;
    this.#last = link;
    this.#size += 1;
    return link;
  }

  /** `link` is one of this chain that has not been removed. */
  remove(link: ChainLink<T>): void {
    if (link.previous) link.previous.next = link.next;
    else this.#first = link.next;
    if (link.next) link.next.previous = link.previous;
    else this.#last = link.previous;
    this.#size -= 1;
  }

  /** Removes and returns who came first, or undefined. */
  shift(): T | undefined {
    const first = this.#first;
    if (first) this.remove(first);
    return first?.value;
  }
}
