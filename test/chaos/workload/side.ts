/** One side of a stream: writes its own pattern, reads the other one's, and writes down what happened. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Event, Happening, Side } from '../../scenario/history.ts';
import { firstWrong, patternBytes } from '../../scenario/pattern.ts';
import type { StreamKind, StreamPlan } from '../../scenario/scenario.ts';

/** Of a stream, as its first line says it to the store. */
export type Plan = Pick<StreamPlan, 'stream' | 'kind' | 'clientBytes' | 'storeBytes' | 'overMs'>;

/** A piece of what is written over a time. */
const PIECE_MS = 100;
const PIECE_BYTES = 65_536;

/** When a side begins to write: at once, when it has read so much, or when it has read the end. */
const STORE_BEGINS: Readonly<Record<StreamKind, 'atOnce' | 'read' | 'end'>> = {
  read: 'read',
  write: 'read',
  stream: 'atOnce',
  halfClose: 'end',
  abort: 'atOnce',
};
/** Whether the client ends when it has written; otherwise when it has read the end of the store's. */
const CLIENT_ENDS_FIRST: Readonly<Record<StreamKind, boolean>> = {
  read: false,
  write: true,
  stream: true,
  halfClose: true,
  abort: false,
};
const ABORTS_AFTER = 0.5;

/** A line of JSON, for who runs the scenario. */
export function tell(happening: Happening): void {
  const event: Event = { ...happening, ms: Date.now() };
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

export class StreamSide {
  readonly #socket: Socket;
  readonly #plan: Plan;
  readonly #side: Side;
  readonly #other: Side;
  readonly #over = new AbortController();
  #wrote = 0;
  #read = 0;
  #begun = false;

  constructor(socket: Socket, plan: Plan, side: Side) {
    this.#socket = socket;
    this.#plan = plan;
    this.#side = side;
    this.#other = side === 'client' ? 'store' : 'client';
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? 'error'));
    socket.on('close', () => this.#fail('closed'));
    if (side === 'client' || STORE_BEGINS[plan.kind] === 'atOnce') void this.#write();
  }

  get over(): boolean {
    return this.#over.signal.aborted;
  }

  get #total(): number {
    return this.#side === 'client' ? this.#plan.clientBytes : this.#plan.storeBytes;
  }

  #onData(bytes: Buffer): void {
    if (this.over) return;
    const { stream, kind, clientBytes, storeBytes } = this.#plan;
    const wrongAt = firstWrong(stream, this.#other, this.#read, bytes);
    const read = { what: 'read', stream, side: this.#side, from: this.#read, bytes: bytes.length } as const;
    tell(wrongAt === undefined ? read : { ...read, wrongAt });
    this.#read += bytes.length;
    if (this.#side === 'store' && STORE_BEGINS[kind] === 'read' && this.#read >= clientBytes)
      void this.#write();
    if (this.#side === 'client' && kind === 'abort' && this.#read >= storeBytes * ABORTS_AFTER) this.#abort();
  }

  #onEnd(): void {
    if (this.over) return;
    const { stream, kind } = this.#plan;
    tell({ what: 'end', stream, side: this.#side });
    if (this.#side === 'store' && STORE_BEGINS[kind] === 'end') void this.#write();
    if (this.#side === 'client' && !CLIENT_ENDS_FIRST[kind]) this.#finish();
  }

  #abort(): void {
    const { stream } = this.#plan;
    tell({ what: 'aborted', stream, side: this.#side });
    this.#over.abort();
    this.#socket.resetAndDestroy();
  }

  #fail(code: string): void {
    if (this.over) return;
    this.#over.abort();
    const { stream } = this.#plan;
    const isWhole = this.#socket.readableEnded && this.#socket.writableFinished;
    if (!isWhole) tell({ what: 'failed', stream, side: this.#side, code });
    this.#socket.destroy();
  }

  async #write(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    const { overMs, kind } = this.#plan;
    const pieces = Math.max(1, Math.round(overMs / PIECE_MS), Math.ceil(this.#total / PIECE_BYTES));
    for (let piece = 1; piece <= pieces && !this.over; piece += 1) {
      await this.#writeUpTo(Math.round((this.#total * piece) / pieces));
      if (overMs > 0 && piece < pieces)
        await sleep(overMs / pieces, undefined, { signal: this.#over.signal }).catch(() => {});
    }
    if (this.#side === 'store' || CLIENT_ENDS_FIRST[kind]) this.#finish();
  }

  async #writeUpTo(until: number): Promise<void> {
    const { stream } = this.#plan;
    const [from, bytes] = [this.#wrote, until - this.#wrote];
    if (bytes === 0) return;
    tell({ what: 'wrote', stream, side: this.#side, from, bytes });
    this.#wrote = until;
    if (this.#socket.write(patternBytes(stream, this.#side, from, bytes))) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('drain', resolve);
      this.#over.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #finish(): void {
    if (this.over || this.#socket.writableEnded) return;
    tell({ what: 'finished', stream: this.#plan.stream, side: this.#side, total: this.#wrote });
    this.#socket.end();
  }
}
