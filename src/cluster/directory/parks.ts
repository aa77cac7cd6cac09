/** The bridge connections parked at this node, counted by info_hash and instance: what the own entries are made of. */
import assert from 'node:assert/strict';
import { ENTRY_INSTANCES } from '../../base/limits.ts';
import { INSTANCE_BYTES, type Instances, type Key } from './entries.ts';

export class Parks {
  /** Connections by info_hash and instance in one key: a Map for each info_hash would cost 200 bytes more. */
  readonly #connections = new Map<string, number>();
  /** Instances that found no place in a full entry. Nearly always empty. */
  readonly #overflow = new Map<Key, Instances>();

  /** One more connection. The entry as it is to be stated, or undefined where `entry` remains true. */
  add(key: Key, instance: Instances, entry: Instances): Instances | undefined {
    const connections = this.#connections.get(key + instance) ?? 0;
    this.#connections.set(flat(key + instance), connections + 1);
    if (connections > 0) return undefined;
    if (entry.length < ENTRY_INSTANCES * INSTANCE_BYTES) return flat(entry + instance);
    this.#overflow.set(key, (this.#overflow.get(key) ?? '') + instance);
    return undefined;
  }

  /** One connection less; it must have been added. Returns as {@link add} does. */
  remove(key: Key, instance: Instances, entry: Instances): Instances | undefined {
    const connections = this.#connections.get(key + instance);
    assert(connections !== undefined, 'unparked what was not parked');
    if (connections > 1) {
      this.#connections.set(key + instance, connections - 1);
      return undefined;
    }
    this.#connections.delete(key + instance);
    const overflow = this.#overflow.get(key) ?? '';
    if (indexOf(entry, instance) < 0) {
      this.#setOverflow(key, without(overflow, instance));
      return undefined;
    }
    this.#setOverflow(key, overflow.slice(INSTANCE_BYTES));
    return flat(without(entry, instance) + overflow.slice(0, INSTANCE_BYTES));
  }

  #setOverflow(key: Key, instances: Instances): void {
    if (instances === '') this.#overflow.delete(key);
    else this.#overflow.set(key, instances);
  }
}

function indexOf(instances: Instances, instance: Instances): number {
  for (let at = 0; at < instances.length; at += INSTANCE_BYTES) {
    if (instances.startsWith(instance, at)) return at;
  }
  return -1;
}

function without(instances: Instances, instance: Instances): Instances {
  const at = indexOf(instances, instance);
  return at < 0 ? instances : instances.slice(0, at) + instances.slice(at + INSTANCE_BYTES);
}

/** In one piece: V8 would keep a joined or cut string as references to its parts. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
