/** One direction of a connection through the toxic proxy: bytes in order, late, in slices, thin, or not at all. */
import type { Socket } from 'node:net';

/** What befalls a link; each direction asks for it anew with each piece of bytes. */
export interface Toxin {
  /** Nothing arrives, and nothing is closed. */
  readonly swallows: boolean;
  /** Each piece comes so much later, and up to as much again at random. */
  readonly delayMs: number;
  /** Bytes come in pieces of so many at the most; 0: as they come. */
  readonly sliceBytes: number;
  /** Of a second; 0: as many as go. */
  readonly bytesPerSecond: number;
}

export const HARMLESS: Toxin = { swallows: false, delayMs: 0, sliceBytes: 0, bytesPerSecond: 0 };

/** So much waits here before the sender waits. */
const HELD_BYTES = 262_144;

interface Piece {
  readonly bytes: Buffer | undefined;
  readonly dueMs: number;
}

export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #toxin: () => Toxin;
  readonly #queue: Piece[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Bytes, or an end, that will never arrive. */
  hurt = false;

  /** `toxin` is what befalls it now. */
  constructor(from: Socket, to: Socket, toxin: () => Toxin) {
    this.#from = from;
    this.#to = to;
    this.#toxin = toxin;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => this.#put(undefined, performance.now()));
    to.on('drain', () => this.#pass());
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #take(bytes: Buffer): void {
    const { swallows, delayMs, sliceBytes, bytesPerSecond } = this.#toxin();
    if (swallows || this.hurt) {
      this.hurt = true;
      return;
    }
    const late = delayMs * (1 + Math.random());
    const size = sliceBytes || bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      const slice = bytes.subarray(at, at + size);
      const takesMs = bytesPerSecond === 0 ? 0 : (slice.length / bytesPerSecond) * 1_000;
      this.#put(slice, Math.max(performance.now() + late, this.#lastDueMs + takesMs));
    }
  }

  #put(bytes: Buffer | undefined, dueMs: number): void {
    if (!bytes && (this.#toxin().swallows || this.hurt)) {
      this.hurt = true;
      return;
    }
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    this.#queue.push({ bytes, dueMs: this.#lastDueMs });
    this.#heldBytes += bytes?.length ?? 0;
    if (this.#heldBytes > HELD_BYTES) this.#from.pause();
    this.#pass();
  }

  #pass(): void {
    clearTimeout(this.#timer);
    for (let piece = this.#queue[0]; piece; piece = this.#queue[0]) {
      const waitMs = piece.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), waitMs);
        return;
      }
      if (this.#to.writableNeedDrain) return;
      this.#queue.shift();
      if (!piece.bytes) this.#to.end();
      else {
        this.#heldBytes -= piece.bytes.length;
        if (this.#to.writable) this.#to.write(piece.bytes);
      }
    }
    if (this.#heldBytes <= HELD_BYTES) this.#from.resume();
  }
}
