/**
 * What this node holds, in the order of change, so that anybody who knows it up to one sequence can be told the rest.
 *
 * The sequence counts what the node states: its changes, and its heartbeats. Each key stands at the sequence of its
 * last change. `since(after)` gives the keys that stand in (after, upto] with their present values. Whoever is right
 * about every key that stands at `after` or before, and takes that over, is right about every key that stands at
 * `upto` or before. Hence one kind of message serves as gossip entry and as page of a pull, a pull may be cut into
 * pages while the node goes on changing, and it may be resumed where it broke off.
 *
 * Removed keys stay as removals, a bounded number of them. Forgetting one is safe: who has not seen it starts anew.
 */
import { EntryTable, type Instances, type Key } from './entries.ts';
import { Packer } from './packed.ts';

export interface Changes {
  /** Who knows everything up to here may take the changes over. */
  readonly after: number;
  /** ... and then knows everything up to here. */
  readonly upto: number;
  /** The writer's last change as this was made; above `upto`: there is more to tell. */
  readonly changed: number;
  /** See packed.ts. */
  readonly packed: Uint8Array;
}

/** Stale records that are worth no compaction. */
const SLACK = 1_024;

export class Journal {
  readonly #maxRemovals: number;
  readonly #table = new EntryTable();
  /** Where each key stands, the removed ones included. */
  readonly #standing = new Map<Key, number>();
  /** Removed keys, the one that was removed first in front. */
  readonly #removed = new Set<Key>();
  /** Every key in the order of change, with the records that a later change has made stale. */
  #keys: Key[] = [];
  #sequences: number[] = [];
  #sequence = 0;
  #changed = 0;
  /** The newest removal that was forgotten. */
  #forgotten = 0;

  constructor(maxRemovals: number) {
    this.#maxRemovals = maxRemovals;
  }

  /** Of the last statement. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Of the last change. */
  get changed(): number {
    return this.#changed;
  }

  /** Entries held. */
  get size(): number {
    return this.#table.size;
  }

  /** Changes on record, those that a later one has made stale included. */
  get records(): number {
    return this.#keys.length;
  }

  get digest(): bigint {
    return this.#table.digest;
  }

  get(key: Key): Instances | undefined {
    return this.#table.get(key);
  }

  keys(): Iterable<Key> {
    return this.#table.keys();
  }

  /** A statement that changes nothing. Returns its sequence. */
  state(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** States `instances` for `key`, whether that is news or not. */
  set(key: Key, instances: Instances): void {
    this.#changed = this.state();
    this.#table.set(key, instances);
    this.#standing.set(key, this.#changed);
    this.#keys.push(key);
    this.#sequences.push(this.#changed);
    this.#removed.delete(key);
    if (instances === '') this.#remember(key);
    if (this.#keys.length > 2 * this.#standing.size + SLACK) this.#compact();
  }

  /**
   * The changes after `after`, in at most `maxBytes` of packed entries (at least one entry fits). `begun` is `changed`
   * of the message with which the asker began anew, or 0: it never knew what was removed before that. Undefined where
   * a removal that the asker may have missed is forgotten, or where it knows what never was: it has to begin anew.
   */
  since(after: number, begun: number, maxBytes: number): Changes | undefined {
    if (this.#forgotten > Math.max(after, begun) || after > this.#changed) return undefined;
    return this.#collect(after, maxBytes);
  }

  /** The first changes for who begins anew: what it knew before is void. */
  anew(maxBytes: number): Changes {
    return this.#collect(0, maxBytes);
  }

  #collect(start: number, maxBytes: number): Changes {
    const packer = new Packer(maxBytes);
    let upto = start;
    for (let at = this.#firstAfter(start); at < this.#keys.length; at += 1) {
      const key = this.#keys[at] as Key;
      const sequence = this.#sequences[at] as number;
      if (this.#standing.get(key) !== sequence) continue;
      if (!packer.add(key, this.#table.get(key) ?? '')) {
        return { after: start, upto, changed: this.#changed, packed: packer.bytes };
      }
      upto = sequence;
    }
    return { after: start, upto: this.#changed, changed: this.#changed, packed: packer.bytes };
  }

  #remember(key: Key): void {
    this.#removed.add(key);
    if (this.#removed.size <= this.#maxRemovals) return;
    for (const oldest of this.#removed) {
      this.#forgotten = this.#standing.get(oldest) ?? this.#forgotten;
      this.#standing.delete(oldest);
      this.#removed.delete(oldest);
      return;
    }
  }

  /** The first record past `sequence`, by halving. */
  #firstAfter(sequence: number): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sequences[middle] as number) > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #compact(): void {
    const live = this.#keys.map((key, at) => this.#standing.get(key) === this.#sequences[at]);
    this.#keys = this.#keys.filter((_, at) => live[at]);
    this.#sequences = this.#sequences.filter((_, at) => live[at]);
  }
}
