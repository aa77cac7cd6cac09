/** Sources that hold, or lately held, a connection whose proof was good. Pure. */
import { PROVEN_SOURCE_MS, PROVEN_SOURCES } from '../../base/limits.ts';
import { Chain, type ChainLink } from './chain.ts';

interface Past {
  readonly source: string;
  readonly until: number;
}

export class ProvenSources {
  readonly #most: number;
  readonly #keptMs: number;
  /** Open connections by source: as many as the process has, so this needs no limit of its own. */
  readonly #open = new Map<string, number>();
  readonly #past = new Map<string, ChainLink<Past>>();
  /** The one that ends first is the first: all are kept for the same time. */
  readonly #order = new Chain<Past>();

  /**
   * @param most sources without a connection that are remembered.
   * @param keptMs milliseconds for which a source counts as proven after its last connection.
   */
  constructor(most: number = PROVEN_SOURCES, keptMs: number = PROVEN_SOURCE_MS) {
    this.#most = most;
    this.#keptMs = keptMs;
  }

  /** Sources without a connection that are remembered. */
  get remembered(): number {
    return this.#order.size;
  }

  /** A connection of `source` has proved itself. {@link left} is to follow for each. */
  proved(source: string): void {
    this.#forget(source);
    this.#open.set(source, (this.#open.get(source) ?? 0) + 1);
  }

  /** A connection of `source` that had proved itself has ended. */
  left(source: string, now: number): void {
    const open = (this.#open.get(source) ?? 0) - 1;
    if (open > 0) return void this.#open.set(source, open);
    this.#open.delete(source);
    this.#forget(source);
    this.#past.set(source, this.#order.add({ source, until: now + this.#keptMs }));
    if (this.#order.size > this.#most) this.#forget(this.#order.first?.value.source ?? source);
  }

  has(source: string, now: number): boolean {
    if (this.#open.has(source)) return true;
    for (let first = this.#order.first; first && first.value.until <= now; first = this.#order.first)
      this.#forget(first.value.source);
    return this.#past.has(source);
  }

  #forget(source: string): void {
    const link = this.#past.get(source);
    if (!link) return;
    this.#past.delete(source);
    this.#order.remove(link);
  }
}
