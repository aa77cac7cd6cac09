/**
 * Numbers slots for keys, at most so many; the key that was touched least recently makes room. What is kept for a key stands
 * in arrays of the caller, at the number of its slot. Every call takes the same time at any size.
 *
 * Keys stand in arrays as well, and not in a Map: a million strings that live for a moment longer than the garbage collector
 * thinks they do cost tens of megabytes.
 */
import assert from 'node:assert/strict';
import type { Random } from '../../base/random.ts';

/** Characters of a key at the most. */
export const KEY_CHARACTERS = 5;
/** In the array of keys: its length, then its characters. */
const KEY_WORDS = 1 + KEY_CHARACTERS;
const BYTE_VALUES = 256;

export interface RecentSlotsOptions {
  readonly capacity: number;
  /** Decides which keys share a bucket, so that nobody can choose keys that do. */
  readonly random: Random;
  /** A key was forgotten: its slot goes to another one. */
  readonly onEvicted: (slot: number) => void;
}

export class RecentSlots {
  readonly #capacity: number;
  readonly #onEvicted: (slot: number) => void;
  readonly #keys: Uint16Array;
  /** A random number for each value of each byte of a key (simple tabulation hashing: three keys are independent). */
  readonly #table: Uint32Array;
  readonly #mask: number;
  /** The first slot of each bucket, the next one after each slot, and the bucket of each. `capacity`: no slot. */
  readonly #buckets: Uint32Array;
  readonly #next: Uint32Array;
  readonly #bucketOfSlot: Uint32Array;
  /** Neighbours of each slot in a ring by the time of the last touch. The ring opens at the place `capacity`, between the
   *  newest and the oldest. */
  readonly #older: Uint32Array;
  readonly #newer: Uint32Array;
  readonly #free: number[] = [];
  #untouched = 0;

  constructor({ capacity, random, onEvicted }: RecentSlotsOptions) {
    this.#capacity = capacity;
    this.#onEvicted = onEvicted;
    const buckets = 2 ** Math.ceil(Math.log2(capacity + 1));
    this.#mask = buckets - 1;
    this.#keys = new Uint16Array(capacity * KEY_WORDS);
    const words = 2 * KEY_CHARACTERS * BYTE_VALUES;
    const bytes = random.bytes(4 * words);
    this.#table = Uint32Array.from({ length: words }, (_, at) => bytes.readUInt32LE(4 * at));
    this.#buckets = new Uint32Array(buckets).fill(capacity);
    this.#next = new Uint32Array(capacity).fill(capacity);
    this.#bucketOfSlot = new Uint32Array(capacity);
    this.#older = new Uint32Array(capacity + 1).fill(capacity, capacity);
    this.#newer = new Uint32Array(capacity + 1).fill(capacity, capacity);
  }

  get size(): number {
    return this.#untouched - this.#free.length;
  }

  find(key: string): number | undefined {
    let slot = get(this.#buckets, this.#bucketOf(key));
    while (slot !== this.#capacity && !this.#hasKey(slot, key)) slot = get(this.#next, slot);
    return slot === this.#capacity ? undefined : slot;
  }

  /** Of all keys this one is now the last to make room. */
  touch(slot: number): void {
    this.#takeOut(slot);
    this.#putLast(slot);
  }

  /** A slot for a key that has none; it counts as touched. */
  add(key: string): number {
    assert(key.length <= KEY_CHARACTERS, 'the key is too long');
    assert(this.find(key) === undefined, 'the key has a slot already');
    if (this.size === this.#capacity) this.evictOldest();
    const slot = this.#freeSlot();
    const start = slot * KEY_WORDS;
    this.#keys[start] = key.length;
    for (let at = 0; at < key.length; at += 1) this.#keys[start + 1 + at] = key.charCodeAt(at);
    const bucket = this.#bucketOf(key);
    this.#next[slot] = get(this.#buckets, bucket);
    this.#buckets[bucket] = slot;
    this.#bucketOfSlot[slot] = bucket;
    this.#putLast(slot);
    return slot;
  }

  /** Forgets the key that was touched least recently; there must be one. */
  evictOldest(): void {
    assert(this.size > 0, 'there is no key to forget');
    const slot = get(this.#newer, this.#capacity);
    this.#takeOut(slot);
    this.#unlink(slot);
    this.#free.push(slot);
    this.#onEvicted(slot);
  }

  #freeSlot(): number {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    this.#untouched += 1;
    return this.#untouched - 1;
  }

  #bucketOf(key: string): number {
    let hash = 0;
    for (let at = 0; at < key.length; at += 1) {
      const code = key.charCodeAt(at);
      const row = 2 * at * BYTE_VALUES;
      hash ^= get(this.#table, row + (code & 0xff)) ^ get(this.#table, row + BYTE_VALUES + (code >>> 8));
    }
    return hash & this.#mask;
  }

  #hasKey(slot: number, key: string): boolean {
    const start = slot * KEY_WORDS;
    if (get(this.#keys, start) !== key.length) return false;
    for (let at = 0; at < key.length; at += 1) {
      if (get(this.#keys, start + 1 + at) !== key.charCodeAt(at)) return false;
    }
    return true;
  }

  /** From its bucket. */
  #unlink(slot: number): void {
    const bucket = get(this.#bucketOfSlot, slot);
    const after = get(this.#next, slot);
    let before = get(this.#buckets, bucket);
    if (before === slot) {
      this.#buckets[bucket] = after;
      return;
    }
    while (get(this.#next, before) !== slot) before = get(this.#next, before);
    this.#next[before] = after;
  }

  #takeOut(slot: number): void {
    const older = get(this.#older, slot);
    const newer = get(this.#newer, slot);
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  #putLast(slot: number): void {
    const newest = get(this.#older, this.#capacity);
    this.#newer[newest] = slot;
    this.#older[slot] = newest;
    this.#newer[slot] = this.#capacity;
    this.#older[this.#capacity] = slot;
  }
}

function get(array: Uint16Array | Uint32Array, index: number): number {
  return array[index] ?? 0;
}
