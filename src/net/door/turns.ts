/** A line in which sources take turns, and within a source whoever came first goes first. Every step is O(1). Pure. */
import { Chain, type ChainLink } from './chain.ts';

interface Line<T> {
  readonly source: string;
  readonly waiting: Chain<T>;
  link: ChainLink<Line<T>> | undefined;
}

/** A place in the line. */
export interface Turn<T> {
  readonly line: Line<T>;
  readonly link: ChainLink<T>;
}

export class Turns<T> {
  readonly #lines = new Map<string, Line<T>>();
  readonly #order = new Chain<Line<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(source: string, one: T): Turn<T> {
    const line = this.#lines.get(source) ?? { source, waiting: new Chain<T>(), link: undefined };
    this.#lines.set(source, line);
    line.link ??= this.#order.add(line);
    this.#size += 1;
    return { line, link: line.waiting.add(one) };
  }

  /** `turn` has neither been removed nor had before. */
  remove({ line, link }: Turn<T>): void {
    line.waiting.remove(link);
    this.#size -= 1;
    if (line.waiting.size > 0) return;
    if (line.link) this.#order.remove(line.link);
    this.#lines.delete(line.source);
  }

  /** Removes and returns whose turn it is; the next turn of its source comes after those of all others. */
  next(): T | undefined {
    const line = this.#order.first?.value;
    const link = line?.waiting.first;
    if (!line || !link) return undefined;
    this.remove({ line, link });
    if (line.waiting.size > 0 && line.link) {
      this.#order.remove(line.link);
      line.link = this.#order.add(line);
    }
    return link.value;
  }

  /** Those of `source`, first come first. */
  of(source: string): T[] {
    const all: T[] = [];
    for (let link = this.#lines.get(source)?.waiting.first; link; link = link.next) all.push(link.value);
    return all;
  }
}
