/**
 * The clock of one process in a run. Its timers end with the process, stand still while it is paused, and its wall clock
 * may jump.
 */
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Due, World } from './world.ts';

/** What every wall clock shows when a run begins. */
export const WALL_START = Date.UTC(2030, 0, 1);

interface Waiting {
  due: Due | undefined;
  /** It came due while the process was paused. */
  late: boolean;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
}

export class ProcessClock implements Clock {
  readonly #world: World;
  readonly #onTurn: () => void;
  readonly #timers = new Set<Waiting>();
  #wallOffset = WALL_START;
  #paused = false;

  /** @param onTurn the process is about to do something. */
  constructor(world: World, onTurn: () => void = () => {}) {
    this.#world = world;
    this.#onTurn = onTurn;
  }

  now(): number {
    return this.#world.now;
  }

  wall(): number {
    return this.#wallOffset + this.#world.now;
  }

  after(ms: number, callback: () => void): Timer {
    return this.#set(ms, undefined, callback);
  }

  every(ms: number, callback: () => void): Timer {
    return this.#set(ms, ms, callback);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** By how much the wall clock is ahead of the true one. */
  get wallOffset(): number {
    return this.#wallOffset - WALL_START;
  }

  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  pause(): void {
    this.#paused = true;
  }

  /** What came due meanwhile happens now, in the order in which it came due. */
  resume(): void {
    this.#paused = false;
    for (const timer of [...this.#timers].filter(({ late }) => late)) this.#schedule(timer, 0);
  }

  /** The process is gone. */
  stop(): void {
    for (const { due } of this.#timers) due?.cancel();
    this.#timers.clear();
  }

  #set(ms: number, everyMs: number | undefined, callback: () => void): Timer {
    const timer: Waiting = { due: undefined, late: false, everyMs, callback };
    this.#timers.add(timer);
    this.#schedule(timer, ms);
    return {
      cancel: () => {
        timer.due?.cancel();
        this.#timers.delete(timer);
      },
    };
  }

  #schedule(timer: Waiting, ms: number): void {
    timer.late = false;
    timer.due = this.#world.after(ms, () => this.#fire(timer));
  }

  #fire(timer: Waiting): void {
    if (this.#paused) {
      timer.late = true;
      return;
    }
    if (timer.everyMs === undefined) this.#timers.delete(timer);
    else this.#schedule(timer, timer.everyMs);
    this.#onTurn();
    timer.callback();
  }
}
