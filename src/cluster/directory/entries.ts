/**
 * The entries of one node: info_hash -> the bridge instances parked under it, with a digest over all of them.
 *
 * Both sides are flat latin1 strings, one character a byte. V8 keeps those in one piece of heap beside the Map,
 * where a Set or an array of its own for each info_hash would cost three times as much.
 */
import { type InfoHash, infoHashBytes, infoHashFromBytes } from '../../base/info-hash.ts';

/** A bridge instance: its 16 bytes as 32 hex digits. */
export type InstanceId = string;

/** An info_hash as 32 latin1 characters. */
export type Key = string;

/** Instances one after the other, 16 latin1 characters each. Empty: nothing is parked. */
export type Instances = string;

export const KEY_BYTES = 32;
export const INSTANCE_BYTES = 16;

export function keyOf(infoHash: InfoHash): Key {
  return infoHashBytes(infoHash).toString('latin1');
}

export function infoHashOf(key: Key): InfoHash {
  return infoHashFromBytes(Buffer.from(key, 'latin1'));
}

export function instancesOf(...ids: readonly InstanceId[]): Instances {
  return Buffer.from(ids.join(''), 'hex').toString('latin1');
}

export function instanceIds(instances: Instances): InstanceId[] {
  const hex = Buffer.from(instances, 'latin1').toString('hex');
  return Array.from({ length: instances.length / INSTANCE_BYTES }, (_, index) =>
    hex.slice(2 * INSTANCE_BYTES * index, 2 * INSTANCE_BYTES * (index + 1)),
  );
}

export class EntryTable {
  readonly #entries = new Map<Key, Instances>();
  #high = 0;
  #low = 0;

  /** info_hashes with an instance. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * XOR of the 64-bit hashes of all entries, so it follows each change in constant time and no order matters. It
   * finds mistakes, not lies: an origin lies about nothing but its own entries.
   */
  get digest(): bigint {
    return (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
  }

  get(key: Key): Instances | undefined {
    return this.#entries.get(key);
  }

  has(key: Key): boolean {
    return this.#entries.has(key);
  }

  /** Empty `instances` remove the entry. */
  set(key: Key, instances: Instances): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#mix(key, before);
    if (instances === '') {
      this.#entries.delete(key);
    } else {
      this.#entries.set(key, instances);
      this.#mix(key, instances);
    }
  }

  keys(): IterableIterator<Key> {
    return this.#entries.keys();
  }

  /** XORs the hash of an entry in, or out again. */
  #mix(key: Key, instances: Instances): void {
    let high = 0x811c9dc5;
    let low = 0x9747b28c;
    for (let at = 0; at < KEY_BYTES; at += 1) {
      high = Math.imul(high ^ key.charCodeAt(at), 0x01000193);
      low = Math.imul(low ^ key.charCodeAt(at), 0x5bd1e995);
    }
    for (let at = 0; at < instances.length; at += 1) {
      high = Math.imul(high ^ instances.charCodeAt(at), 0x01000193);
      low = Math.imul(low ^ instances.charCodeAt(at), 0x5bd1e995);
    }
    this.#high ^= avalanche(high);
    this.#low ^= avalanche(low ^ high);
  }
}

/** Lets every bit of the state bear on every bit of the hash (the finalizer of MurmurHash3). */
function avalanche(state: number): number {
  let bits = state;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
