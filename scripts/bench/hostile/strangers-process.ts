/**
 * Strangers that cost next to nothing: plain TCP, each sends the same recorded bytes, or none, and reads at most the
 * first bytes of the answer. A process of its own; only to 127.0.0.1, bounded in number and time.
 */
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../../src/base/clock.ts';

export interface StrangersTask {
  readonly port: number;
  /** What each sends, base64; empty: nothing. */
  readonly bytes: string;
  readonly count: number;
  readonly perSecond: number;
  /** Open at once; while so many are, no other comes. */
  readonly atOnce: number;
  /** Whether each resets its connection at the first byte of an answer. Else it stays until it is closed. */
  readonly leaves: boolean;
  /** They come from 127.`network`.0.0/16. */
  readonly network: number;
}

export interface StrangersReport {
  readonly is: 'opened' | 'done';
  readonly opened: number;
  readonly answered: number;
  /** Closed by the other side before an answer came. */
  readonly turnedAway: number;
  /** The longest that one lived from its connect, and the last close since the last one came, in milliseconds. */
  readonly longestMs: number;
  readonly lastGoneMs: number;
  /** From the first to the last one's coming. */
  readonly tookMs: number;
}

/** Connections of one address: less than the rate limit lets in. */
const PER_SOURCE = 60;
const TICK_MS = 4;
/** Whoever is left by then is given up. */
const PATIENCE_MS = 25_000;

process.once('message', (task: StrangersTask) => new Strangers(task));

class Strangers {
  readonly #task: StrangersTask;
  readonly #bytes: Buffer;
  readonly #open = new Set<Socket>();
  readonly #start = systemClock.now();
  /** All read into it; nobody looks. */
  readonly #sink = Buffer.alloc(4_096);
  #opened = 0;
  #answered = 0;
  #turnedAway = 0;
  #longestMs = 0;
  #lastOpenAt = 0;

  constructor(task: StrangersTask) {
    this.#task = task;
    this.#bytes = Buffer.from(task.bytes, 'base64');
    const timer = systemClock.every(TICK_MS, () => {
      const due = ((systemClock.now() - this.#start) / 1_000) * task.perSecond;
      while (this.#opened < Math.min(due, task.count) && this.#open.size < task.atOnce) this.#knock();
      // What could not come for want of room does not come later at once.
      if (this.#opened < task.count && systemClock.now() - this.#start < PATIENCE_MS) return;
      timer.cancel();
      this.#report('opened');
      systemClock.after(PATIENCE_MS, () => {
        for (const socket of this.#open) socket.destroy();
      });
      if (this.#open.size === 0) this.#report('done');
    });
  }

  #knock(): void {
    const { port, network, count } = this.#task;
    const source = Math.floor(this.#opened / PER_SOURCE) + 1;
    this.#opened += 1;
    const at = systemClock.now();
    this.#lastOpenAt = at;
    let answered = false;
    const onBytes = (): boolean => {
      if (!answered) this.#answered += 1;
      answered = true;
      if (this.#task.leaves) socket.resetAndDestroy();
      return true;
    };
    const socket = connect({
      host: '127.0.0.1',
      port,
      localAddress: `127.${network}.${source >> 8}.${source & 255}`,
      onread: { buffer: this.#sink, callback: onBytes },
    });
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#open.delete(socket);
      if (!answered) this.#turnedAway += 1;
      this.#longestMs = Math.max(this.#longestMs, systemClock.now() - at);
      if (this.#opened >= count && this.#open.size === 0) this.#report('done');
    });
    if (this.#bytes.length > 0) socket.write(this.#bytes);
  }

  #report(is: StrangersReport['is']): void {
    const report: StrangersReport = {
      is,
      opened: this.#opened,
      answered: this.#answered,
      turnedAway: this.#turnedAway,
      longestMs: this.#longestMs,
      lastGoneMs: systemClock.now() - this.#lastOpenAt,
      tookMs: this.#lastOpenAt - this.#start,
    };
    process.send?.(report);
  }
}
