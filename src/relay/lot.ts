/**
 * The lot: bridge connections that are parked at this node, by info_hash. Pure.
 *
 * Bridge instances under one info_hash take turns, so that two bridges beside one store share the load. Within an
 * instance the newest connection is taken first: the older one is, the likelier a NAT has forgotten it.
 */
import type { InfoHash } from '../base/info-hash.ts';
import type { InstanceId } from '../cluster/directory/entries.ts';

/** A connection's number, unique within one process. */
export type ConnectionId = number;

export type { InstanceId };

export interface Park {
  readonly connection: ConnectionId;
  readonly infoHash: InfoHash;
  readonly instance: InstanceId;
}

/** Which bridge instances a broker takes. */
export interface Choice {
  /** The only one that will do, or undefined for any. */
  readonly wanted: InstanceId | undefined;
  readonly except: readonly InstanceId[];
}

/** Parks of one info_hash by instance, the instance whose turn it is first. */
type Group = Map<InstanceId, Park[]>;

export class Lot {
  readonly #groups = new Map<InfoHash, Group>();
  readonly #parks = new Map<ConnectionId, Park>();

  get size(): number {
    return this.#parks.size;
  }

  add(park: Park): void {
    this.#parks.set(park.connection, park);
    const group: Group = this.#groups.get(park.infoHash) ?? new Map();
    this.#groups.set(park.infoHash, group);
    const parks = group.get(park.instance);
    if (parks) parks.push(park);
    else group.set(park.instance, [park]);
  }

  /** Removes and returns a park that fits, or undefined. */
  take(infoHash: InfoHash, choice: Choice): Park | undefined {
    const group = this.#groups.get(infoHash);
    if (!group) return undefined;
    for (const [instance, parks] of group) {
      if (!fits(instance, choice)) continue;
      const park = parks.at(-1);
      if (!park) continue;
      this.remove(park.connection);
      // To the end of the line: the next broker gets another instance.
      if (group.delete(instance) && parks.length > 0) group.set(instance, parks);
      return park;
    }
    return undefined;
  }

  /** Whether a park fits. */
  holds(infoHash: InfoHash, choice: Choice): boolean {
    for (const instance of this.#groups.get(infoHash)?.keys() ?? []) {
      if (fits(instance, choice)) return true;
    }
    return false;
  }

  /** Removes and returns a park that left by itself; undefined when it was not here. */
  remove(connection: ConnectionId): Park | undefined {
    const park = this.#parks.get(connection);
    if (!park) return undefined;
    this.#parks.delete(connection);
    const group = this.#groups.get(park.infoHash);
    const parks = group?.get(park.instance);
    if (!group || !parks) return park;
    parks.splice(parks.lastIndexOf(park), 1);
    if (parks.length === 0) group.delete(park.instance);
    if (group.size === 0) this.#groups.delete(park.infoHash);
    return park;
  }

  has(connection: ConnectionId): boolean {
    return this.#parks.has(connection);
  }
}

/** Whether a bridge instance is one that a broker takes (PROTOCOL.md, section 5, HELLO). */
export function fits(instance: InstanceId, choice: Choice): boolean {
  const wanted = choice.wanted === undefined || choice.wanted === instance;
  return wanted && !choice.except.includes(instance);
}
