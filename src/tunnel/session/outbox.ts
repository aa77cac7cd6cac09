/**
 * Bytes that were written and are not acknowledged, so that a replay is byte for byte what was sent first. Kept as the
 * chunks they came in; what goes out are views of them. Each operation costs what it touches, however much is kept. Pure.
 */
import assert from 'node:assert';

interface Chunk {
  readonly start: number;
  readonly bytes: Buffer;
}

/** Emptied places in front of the list before it is cut: seldom enough to cost nothing. */
const SPENT = 256;

export class Outbox {
  #chunks: Chunk[] = [];
  /** First chunk that is not acknowledged as a whole. */
  #head = 0;
  /** Chunk in which `#sent` lies, or where the next one will be. */
  #at = 0;
  #acked = 0;
  #sent = 0;
  #end = 0;

  /** All below it was acknowledged. */
  get acked(): number {
    return this.#acked;
  }

  /** Where sending goes on. */
  get sent(): number {
    return this.#sent;
  }

  /** After the last byte that was written. */
  get end(): number {
    return this.#end;
  }

  get chunks(): number {
    return this.#chunks.length - this.#head;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push({ start: this.#end, bytes });
    this.#end += bytes.length;
  }

  /** Forgets what is below `offset`, which lies between `acked` and `end`. */
  ack(offset: number): void {
    assert(offset >= this.#acked && offset <= this.#end);
    this.#acked = offset;
    for (let chunk = this.#chunks[this.#head]; chunk && endOf(chunk) <= offset; ) {
      // At once, and not when the list is cut: a chunk may be a slice of far more memory.
      this.#chunks[this.#head] = SPENT_CHUNK;
      this.#head += 1;
      chunk = this.#chunks[this.#head];
    }
    // After a move it may lag behind: what the other end has need not go out again.
    if (this.#sent < offset) {
      this.#sent = offset;
      this.#at = this.#head;
    }
    if (this.#head >= SPENT && this.#head * 2 >= this.#chunks.length) this.#cut();
  }

  /** Sending goes on from `acked`. */
  rewind(): void {
    this.#sent = this.#acked;
    this.#at = this.#head;
  }

  /** Puts views of the next bytes into `out`, `most` at the most and none from `limit` on; says how many bytes. */
  take(out: Buffer[], most: number, limit: number): number {
    const until = Math.min(this.#end, limit, this.#sent + most);
    const from = this.#sent;
    while (this.#sent < until) {
      const chunk = this.#chunks[this.#at];
      assert(chunk);
      const view = chunk.bytes.subarray(this.#sent - chunk.start, until - chunk.start);
      out.push(view);
      this.#sent += view.length;
      if (this.#sent === endOf(chunk)) this.#at += 1;
    }
    return this.#sent - from;
  }

  /** Forgets everything; nothing is sent any more. */
  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#at = 0;
    this.#acked = this.#end;
    this.#sent = this.#end;
  }

  #cut(): void {
    this.#chunks = this.#chunks.slice(this.#head);
    this.#at -= this.#head;
    this.#head = 0;
  }
}

/** In the place of one that was acknowledged. */
const SPENT_CHUNK: Chunk = { start: 0, bytes: Buffer.alloc(0) };

function endOf(chunk: Chunk): number {
  return chunk.start + chunk.bytes.length;
}
