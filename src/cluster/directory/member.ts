/** One other node: whether we are connected to it, and what we know of it while it is live. */
import { ADVERTS_PER_SECOND, NODE_UNREACHED_MS } from '../../base/limits.ts';
import type { DownReason } from './effects.ts';
import type { Key } from './entries.ts';
import type { View } from './view.ts';

export class Member {
  readonly node: string;
  /** Undefined: not heard yet, or dropped. */
  view: View | undefined;
  /** When the last connection went, or undefined while there is one. */
  #unreachedAt: number | undefined;
  /** Gossip entries that may be read now, as of {@link #filledAt}. */
  #adverts = ADVERTS_PER_SECOND;
  #filledAt: number;

  constructor(node: string, now: number) {
    this.node = node;
    this.#filledAt = now;
  }

  get connected(): boolean {
    return this.#unreachedAt === undefined;
  }

  reached(): void {
    this.#unreachedAt = undefined;
  }

  unreached(now: number): void {
    this.#unreachedAt ??= now;
  }

  /** We did not run for `ms`: that is no silence of the node. */
  forgive(ms: number): void {
    this.view?.forgive(ms);
    if (this.#unreachedAt !== undefined) this.#unreachedAt += ms;
  }

  /** Why the node is to be dropped at `now`, or undefined. */
  lost(now: number): DownReason | undefined {
    if (!this.view) return undefined;
    if (this.#unreachedAt !== undefined && now >= this.#unreachedAt + NODE_UNREACHED_MS)
      return 'disconnected';
    return now >= this.view.leaseEnd ? 'silent' : undefined;
  }

  /** Whether one more gossip entry of this node may be read; it is then counted as read. */
  mayAdvertise(now: number): boolean {
    const filled = this.#adverts + ((now - this.#filledAt) / 1_000) * ADVERTS_PER_SECOND;
    this.#adverts = Math.min(filled, ADVERTS_PER_SECOND);
    this.#filledAt = now;
    if (this.#adverts < 1) return false;
    this.#adverts -= 1;
    return true;
  }

  /** By its own word, while it lives. */
  get draining(): boolean {
    return this.view?.heartbeat.draining === true;
  }

  /** Whether a broker may be sent there for `key`. */
  offers(key: Key, now: number): boolean {
    const { view, draining } = this;
    return view !== undefined && !draining && view.has(key) && !view.suppressions.has(key, now);
  }

  deadlines(): readonly (number | undefined)[] {
    if (!this.view) return [];
    return [
      this.view.leaseEnd,
      this.#unreachedAt === undefined ? undefined : this.#unreachedAt + NODE_UNREACHED_MS,
      this.view.pull.deadline(),
      this.view.suppressions.deadline(),
    ];
  }
}
