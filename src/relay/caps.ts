/**
 * What one stranger may hold at this node: live connections of one source, and parks of one info_hash. Strangers are all
 * who come for an info_hash that no allow file lists; a listed one is known to the operator and has no caps. Pure.
 */

import type { RefusalCode } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { CONNECTIONS_PER_SOURCE, PARKS_PER_INFO_HASH } from '../base/limits.ts';
import { type SourceKey, sourceOf } from '../net/door/source.ts';
import type { Role } from '../wire/frames.ts';
import type { ConnectionId } from './lot.ts';

/** Defaults: the limits of the product. Only unit tests pass others. */
export interface CapsOptions {
  readonly connectionsPerSource?: number;
  readonly parksPerInfoHash?: number;
}

/** A client that was admitted. */
export interface CapsClient {
  readonly connection: ConnectionId;
  /** The IP address it comes from ({@link Link.source}). Counts as {@link sourceOf} says. */
  readonly source: string;
  readonly infoHash: InfoHash;
  readonly role: Role;
  /** The info_hash stands in the allow file: nothing is counted. */
  readonly listed: boolean;
}

export interface CapsRefusal {
  readonly code: RefusalCode;
  readonly text: string;
}

interface Held {
  readonly source: SourceKey;
  /** Until it is taken out of the lot. */
  parkedFor: InfoHash | undefined;
}

export class Caps {
  readonly #connectionsPerSource: number;
  readonly #parksPerInfoHash: number;
  /** As many entries at the most as the process has connections. */
  readonly #held = new Map<ConnectionId, Held>();
  readonly #connections = new Tally<SourceKey>();
  readonly #parks = new Tally<InfoHash>();

  constructor(options: CapsOptions = {}) {
    this.#connectionsPerSource = options.connectionsPerSource ?? CONNECTIONS_PER_SOURCE;
    this.#parksPerInfoHash = options.parksPerInfoHash ?? PARKS_PER_INFO_HASH;
  }

  /** Connections that are counted. */
  get size(): number {
    return this.#held.size;
  }

  /**
   * Counts a client in, before it parks or waits; {@link left} is to follow when its link has closed. Says why instead, and
   * counts nothing, where it would be one too many. Throws as {@link sourceOf}.
   */
  enter({ connection, source, infoHash, role, listed }: CapsClient): CapsRefusal | undefined {
    if (listed) return undefined;
    const key = sourceOf(source);
    if (this.#connections.of(key) >= this.#connectionsPerSource) {
      return tooMany(
        `this address has ${this.#connectionsPerSource} live connections here; close some first`,
      );
    }
    if (role === 'park' && this.#parks.of(infoHash) >= this.#parksPerInfoHash) {
      return tooMany(`${this.#parksPerInfoHash} connections are parked here for this info_hash; park fewer`);
    }
    this.#held.set(connection, { source: key, parkedFor: role === 'park' ? infoHash : undefined });
    this.#connections.add(key);
    if (role === 'park') this.#parks.add(infoHash);
    return undefined;
  }

  /** A connection is in the lot no longer: offered, or gone. Unknown ones are fine, twice is as good as once. */
  unparked(connection: ConnectionId): void {
    const held = this.#held.get(connection);
    if (held?.parkedFor === undefined) return;
    this.#parks.remove(held.parkedFor);
    held.parkedFor = undefined;
  }

  /** The link of a connection has closed, whether it was spliced or not. Unknown ones are fine. */
  left(connection: ConnectionId): void {
    const held = this.#held.get(connection);
    if (!held) return;
    this.unparked(connection);
    this.#held.delete(connection);
    this.#connections.remove(held.source);
  }
}

/** How many of each there are; what is gone leaves nothing behind. */
class Tally<Key> {
  readonly #counts = new Map<Key, number>();

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  remove(key: Key): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

function tooMany(what: string): CapsRefusal {
  return { code: 'tooMany', text: `${what}, or have the operator of this relay list the info_hash` };
}
