/** One side of a stream as whoever is outside sees it: the client at a broker, or the store at a bridge. */
import type { Timer } from '../../src/base/clock.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import { STREAM_BUFFER_BYTES } from '../../src/base/limits.ts';
import type { Side } from '../scenario/history.ts';
import { firstWrong, patternBytes } from '../scenario/pattern.ts';
import type { StreamPlan } from '../scenario/scenario.ts';
import type { ProcessClock } from './process-clock.ts';
import type { World } from './world.ts';

/** What carries it to the other side. */
export interface StreamPort {
  /** Whether more may be written now; {@link StreamEnd.onRoom} follows where not. */
  readonly room: boolean;
  write(bytes: Buffer): void;
  end(): void;
  /** Breaks it off. */
  reset(): void;
  /** Both directions have ended, or it is broken. */
  onOver(): void;
}

/** Pieces of what is written over time: so often that faults come in between, and few enough to cost little. */
const PIECES = 24;
const LEAST_BETWEEN_MS = 50;

export class StreamEnd {
  readonly plan: StreamPlan;
  readonly #side: Side;
  readonly #world: World;
  readonly #clock: ProcessClock;
  readonly #port: StreamPort;
  readonly #total: number;
  /** What the other side writes. */
  readonly #expected: number;
  #wrote = 0;
  #read = 0;
  /** It is allowed to have written so much by now. */
  #due = 0;
  /** Until the next piece. */
  #timer: Timer | undefined;
  #begun = false;
  #finished = false;
  #ended = false;
  #over = false;

  constructor(side: Side, plan: StreamPlan, world: World, clock: ProcessClock, port: StreamPort) {
    const { clientBytes, storeBytes } = plan;
    this.plan = plan;
    this.#side = side;
    this.#world = world;
    this.#clock = clock;
    this.#port = port;
    [this.#total, this.#expected] = side === 'client' ? [clientBytes, storeBytes] : [storeBytes, clientBytes];
  }

  /** It is connected with the other side. */
  start(): void {
    if (this.#side === 'client' || this.plan.kind === 'stream') this.#begin();
  }

  onRoom(): void {
    this.#write();
  }

  onData(bytes: Buffer): void {
    if (this.#over) return;
    const { stream, kind, storeBytes } = this.plan;
    const from = this.#read;
    const other: Side = this.#side === 'client' ? 'store' : 'client';
    const wrongAt = firstWrong(stream, other, from, bytes);
    this.#read += bytes.length;
    const wrong = wrongAt === undefined ? undefined : { wrongAt };
    this.#record({ what: 'read', from, bytes: bytes.length, ...wrong });
    if (this.#side === 'client') {
      if (kind === 'abort' && 2 * this.#read >= storeBytes) this.#abort();
    } else if (kind !== 'halfClose' && this.#read >= this.#expected) {
      this.#begin();
    }
  }

  onEnd(): void {
    if (this.#over) return;
    this.#ended = true;
    this.#record({ what: 'end' });
    if (this.#side === 'store') this.#begin();
    this.#write();
    this.#settle();
  }

  /** The other side broke it off, or what is in between did. */
  fail(code: ErrorCode): void {
    if (this.#over) return;
    this.#record({ what: 'failed', code });
    this.#end();
  }

  /** Breaks it off from here without a word: the process that has the other end of the connection goes on. */
  #abort(): void {
    this.#record({ what: 'aborted' });
    this.#port.reset();
    this.#end();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const overMs = this.#overMs;
    const pieces = Math.max(1, Math.min(PIECES, Math.floor(overMs / LEAST_BETWEEN_MS), this.#total));
    const piece = (number: number): void => {
      this.#due = Math.ceil((this.#total * number) / pieces);
      this.#write();
      if (number < pieces && !this.#over)
        this.#timer = this.#clock.after(overMs / pieces, () => piece(number + 1));
    };
    piece(1);
  }

  /** All of the time where both write at once; else each has its part. */
  get #overMs(): number {
    const { kind, overMs } = this.plan;
    return kind === 'stream' ? overMs : (overMs * this.#total) / (this.#total + this.#expected);
  }

  #write(): void {
    while (!this.#over && this.#wrote < this.#due && this.#port.room) {
      const from = this.#wrote;
      const bytes = Math.min(this.#due - from, STREAM_BUFFER_BYTES);
      this.#wrote += bytes;
      this.#record({ what: 'wrote', from, bytes });
      this.#port.write(patternBytes(this.plan.stream, this.#side, from, bytes));
    }
    if (this.#begun && !this.#finished && this.#wrote === this.#total && this.#mayFinish) this.#finish();
  }

  /** A client that asks and gets an answer stays until it has it. */
  get #mayFinish(): boolean {
    const { kind } = this.plan;
    return this.#side === 'store' || kind === 'stream' || kind === 'halfClose' || this.#ended;
  }

  #finish(): void {
    if (this.#over) return;
    this.#finished = true;
    this.#record({ what: 'finished', total: this.#wrote });
    this.#port.end();
    this.#settle();
  }

  #settle(): void {
    if (this.#finished && this.#ended) this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#port.onOver();
  }

  #record(happening: Own): void {
    this.#world.record({ ...happening, stream: this.plan.stream, side: this.#side });
  }
}

/** What a side of a stream does or sees, but for which it is. */
type Own =
  | { readonly what: 'wrote'; readonly from: number; readonly bytes: number }
  | { readonly what: 'read'; readonly from: number; readonly bytes: number; readonly wrongAt?: number }
  | { readonly what: 'finished'; readonly total: number }
  | { readonly what: 'end' | 'aborted' }
  | { readonly what: 'failed'; readonly code: ErrorCode };
