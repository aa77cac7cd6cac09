/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../../src/base/clock.ts';

interface Waiting {
  at: number;
  /** Tells timers of the same moment apart: the one set first runs first. */
  order: number;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  readonly #timers = new Set<Waiting>();
  #now = 0;
  #wallOffset: number;
  #order = 0;

  /** `wallMs` is what {@link wall} says at the start, in milliseconds since 1970. */
  constructor(wallMs = 1_700_000_000_000) {
    this.#wallOffset = wallMs;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    return this.#set(ms, undefined, callback);
  }

  every(ms: number, callback: () => void): Timer {
    return this.#set(ms, ms, callback);
  }

  /** Timers that wait. Zero at the end of a test: nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass and runs what falls due, in order, each at its own time; also what is set meanwhile. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let timer = this.#next(until); timer; timer = this.#next(until)) this.#run(timer);
    this.#now = until;
  }

  /** As {@link advance}, and after each timer lets everything that it made ready run. */
  async advanceAsync(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (let timer = this.#next(until); timer; timer = this.#next(until)) {
      this.#run(timer);
      await settle();
    }
    this.#now = until;
  }

  /** Somebody sets the machine's clock; durations are not touched. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  #set(ms: number, everyMs: number | undefined, callback: () => void): Timer {
    this.#order += 1;
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order, everyMs, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  #run(timer: Waiting): void {
    this.#now = timer.at;
    if (timer.everyMs === undefined) {
      this.#timers.delete(timer);
    } else {
      this.#order += 1;
      timer.at += timer.everyMs;
      timer.order = this.#order;
    }
    timer.callback();
  }

  #next(until: number): Waiting | undefined {
    let next: Waiting | undefined;
    for (const timer of this.#timers) {
      if (timer.at > until) continue;
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** Resolves once everything that was ready to run has run: promises, ticks, and what streams put off. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
