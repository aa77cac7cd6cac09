/** What is remembered of nodes that left, so that none comes back by an old word. */
import { REMEMBERED_NODES } from '../../base/limits.ts';

export interface LastWord {
  readonly incarnation: number;
  readonly sequence: number;
}

export interface Remembered extends LastWord {
  /** When it was heard last. */
  readonly heardAt: number;
}

export class Memory {
  readonly #names = new Map<string, Remembered>();

  get size(): number {
    return this.#names.size;
  }

  get(node: string): Remembered | undefined {
    return this.#names.get(node);
  }

  /** Forgets the node that left first, past the limit. */
  remember(node: string, word: Remembered): void {
    this.#names.delete(node);
    this.#names.set(node, word);
    if (this.#names.size <= REMEMBERED_NODES) return;
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest);
      return;
    }
  }
}

/** Whether `word` comes after `last`, by a newer process or later from the same one. */
export function isNewer(word: LastWord, last: LastWord | undefined): boolean {
  if (!last || word.incarnation > last.incarnation) return true;
  return word.incarnation === last.incarnation && word.sequence > last.sequence;
}
