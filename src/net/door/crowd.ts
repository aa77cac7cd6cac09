/**
 * Who is unfinished, by source, and whom to close when they are too many: the oldest one of the source that has the most.
 * Sources stand in rows by how many they have, so that this is found in O(1) however many sources there are. Pure.
 */
import { Chain, type ChainLink } from './chain.ts';

interface Group<T> {
  readonly source: string;
  readonly members: Chain<T>;
  row: number;
  link: ChainLink<Group<T>> | undefined;
}

/** A member's place in the crowd. */
export interface CrowdMember<T> {
  readonly group: Group<T>;
  readonly link: ChainLink<T>;
}

export class Crowd<T> {
  readonly #groups = new Map<string, Group<T>>();
  /** By twice the number of members, one more for sources that are spared where numbers are equal. */
  readonly #rows: Chain<Group<T>>[] = [];
  readonly #isSpared: (source: string) => boolean;
  readonly #sparedMembers: number;
  #highest = 0;
  #size = 0;

  /**
   * @param isSpared whether a source counts as if it had `sparedMembers` less, but one at the least, and goes after others
   * that have as many; asked when its number changes and at {@link review}.
   */
  constructor(isSpared: (source: string) => boolean, sparedMembers: number) {
    this.#isSpared = isSpared;
    this.#sparedMembers = sparedMembers;
  }

  get size(): number {
    return this.#size;
  }

  /** Sources that have a member. */
  get sources(): number {
    return this.#groups.size;
  }

  add(source: string, one: T): CrowdMember<T> {
    let group = this.#groups.get(source);
    if (group) this.#leaveRow(group);
    else {
      const members = new Chain<T>();
      group = { source, members, row: 0, link: undefined };
      this.#groups.set(source, group);
    }
    const link = group.members.add(one);
    this.#size += 1;
    this.#enterRow(group);
    return { group, link };
  }

  /** `member` has not been removed before. */
  remove({ group, link }: CrowdMember<T>): void {
    this.#leaveRow(group);
    group.members.remove(link);
    this.#size -= 1;
    if (group.members.size === 0) this.#groups.delete(group.source);
    else this.#enterRow(group);
  }

  /** Whether `source` is spared may have changed. */
  review(source: string): void {
    const group = this.#groups.get(source);
    if (!group) return;
    this.#leaveRow(group);
    this.#enterRow(group);
  }

  /**
   * Of the source that has the most, the one that has been here for the longest; of sources that have as many, the one
   * whose number has stood for the longest. Undefined when there is nobody.
   */
  heaviest(): T | undefined {
    return this.#rows[this.#highest]?.first?.value.members.first?.value;
  }

  #enterRow(group: Group<T>): void {
    group.row = this.#rowOf(group);
    let row = this.#rows[group.row];
    if (!row) {
      row = new Chain();
      this.#rows[group.row] = row;
    }
    group.link = row.add(group);
    this.#highest = Math.max(this.#highest, group.row);
  }

  #leaveRow(group: Group<T>): void {
    if (group.link) this.#rows[group.row]?.remove(group.link);
    // Numbers change by one, so this goes down no further than it went up before.
    while (this.#highest > 0 && (this.#rows[this.#highest]?.size ?? 0) === 0) this.#highest -= 1;
  }

  #rowOf({ source, members }: Group<T>): number {
    if (!this.#isSpared(source)) return 2 * members.size + 1;
    return 2 * Math.max(1, members.size - this.#sparedMembers);
  }
}
