/**
 * Queues of times in one block of memory: most hold one stamp, a few hold thousands, and none costs the garbage collector
 * anything. A queue is a chain of chunks; a chunk that is empty goes to the next queue that needs one. Memory that no queue
 * ever used is never touched, so it is not resident.
 */
import assert from 'node:assert/strict';

/** A chunk is the number of the next one in its chain, then stamps. */
const CHUNK_WORDS = 8;
const CHUNK_STAMPS = CHUNK_WORDS - 1;
/** Chunks count from 1. */
const NONE = 0;

/** Chunks that a queue of `stamps` may take: its first chunk may be nearly used up. */
export function chunksFor(stamps: number): number {
  return Math.ceil((stamps + CHUNK_STAMPS - 1) / CHUNK_STAMPS);
}

/** Stamps are whole numbers; their low 32 bits are kept. The oldest in a queue is the one that came first. */
export class StampQueues {
  readonly #words: Uint32Array;
  readonly #head: Uint32Array;
  readonly #tail: Uint32Array;
  /** Stamps at the start of the head chunk that are gone already. */
  readonly #gone: Uint32Array;
  readonly #count: Uint32Array;
  readonly #chunks: number;
  #inUse = 0;
  /** The first chunk that was never used, and the chain of those that were given back. */
  #untouched = 1;
  #free = NONE;

  constructor(queues: number, chunks: number) {
    this.#chunks = chunks;
    this.#words = new Uint32Array((chunks + 1) * CHUNK_WORDS);
    this.#head = new Uint32Array(queues);
    this.#tail = new Uint32Array(queues);
    this.#gone = new Uint32Array(queues);
    this.#count = new Uint32Array(queues);
  }

  /** Chunks that are free. A push takes one at the most. */
  get room(): number {
    return this.#chunks - this.#inUse;
  }

  count(queue: number): number {
    return at(this.#count, queue);
  }

  /** Of a queue that is not empty. */
  oldest(queue: number): number {
    assert(this.count(queue) > 0, 'an empty queue has no oldest stamp');
    return at(this.#words, place(at(this.#head, queue), at(this.#gone, queue)));
  }

  /** Needs {@link room}. */
  push(queue: number, stamp: number): void {
    const count = this.count(queue);
    const offset = (at(this.#gone, queue) + count) % CHUNK_STAMPS;
    if (offset === 0) this.#append(queue, count === 0);
    this.#words[place(at(this.#tail, queue), offset)] = stamp;
    this.#count[queue] = count + 1;
  }

  /** Drops the oldest of a queue that is not empty. */
  shift(queue: number): void {
    const count = this.count(queue);
    assert(count > 0, 'an empty queue has no oldest stamp');
    if (count === 1) return this.clear(queue);
    this.#count[queue] = count - 1;
    const gone = at(this.#gone, queue) + 1;
    this.#gone[queue] = gone % CHUNK_STAMPS;
    if (gone < CHUNK_STAMPS) return;
    const head = at(this.#head, queue);
    this.#head[queue] = this.#next(head);
    this.#release(head, head, 1);
  }

  /** Takes out one stamp that equals `stamp`; false when there is none. Takes as long as the queue. */
  remove(queue: number, stamp: number): boolean {
    const index = this.#indexOf(queue, stamp >>> 0);
    if (index < 0) return false;
    // Those before it move up by one, and the first place is of no use any more.
    let chunk = at(this.#head, queue);
    let offset = at(this.#gone, queue);
    let carried = 0;
    for (let moved = 0; moved <= index; moved += 1) {
      const here = place(chunk, offset);
      const taken = at(this.#words, here);
      this.#words[here] = carried;
      carried = taken;
      offset = (offset + 1) % CHUNK_STAMPS;
      if (offset === 0) chunk = this.#next(chunk);
    }
    this.shift(queue);
    return true;
  }

  /** Takes the same time for any length. */
  clear(queue: number): void {
    const count = this.count(queue);
    if (count === 0) return;
    const chunks = Math.ceil((at(this.#gone, queue) + count) / CHUNK_STAMPS);
    this.#release(at(this.#head, queue), at(this.#tail, queue), chunks);
    this.#count[queue] = 0;
    this.#gone[queue] = 0;
  }

  #indexOf(queue: number, stamp: number): number {
    let chunk = at(this.#head, queue);
    let offset = at(this.#gone, queue);
    const count = this.count(queue);
    for (let index = 0; index < count; index += 1) {
      if (at(this.#words, place(chunk, offset)) === stamp) return index;
      offset = (offset + 1) % CHUNK_STAMPS;
      if (offset === 0) chunk = this.#next(chunk);
    }
    return -1;
  }

  #append(queue: number, first: boolean): void {
    assert(this.room > 0, 'no chunk is free');
    let chunk = this.#free;
    if (chunk === NONE) {
      chunk = this.#untouched;
      this.#untouched += 1;
    } else {
      this.#free = this.#next(chunk);
    }
    this.#inUse += 1;
    if (first) this.#head[queue] = chunk;
    else this.#words[at(this.#tail, queue) * CHUNK_WORDS] = chunk;
    this.#tail[queue] = chunk;
  }

  #next(chunk: number): number {
    return at(this.#words, chunk * CHUNK_WORDS);
  }

  #release(first: number, last: number, chunks: number): void {
    this.#words[last * CHUNK_WORDS] = this.#free;
    this.#free = first;
    this.#inUse -= chunks;
  }
}

function place(chunk: number, offset: number): number {
  return chunk * CHUNK_WORDS + 1 + offset;
}

function at(array: Uint32Array, index: number): number {
  return array[index] ?? 0;
}
