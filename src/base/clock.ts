/**
 * Time as an argument. Nothing outside `base/` reads the machine's clock or sets a timer, so that tests and the
 * simulator decide what time it is.
 */

export interface Timer {
  /** Idempotent; after it the callback does not run. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds from an arbitrary start; never goes back. For durations and deadlines. */
  now(): number;
  /** Milliseconds since 1970 by the machine's clock; may jump. For certificates, incarnations and people. */
  wall(): number;
  /** Runs `callback` once after `ms`. The caller cancels it. */
  after(ms: number, callback: () => void): Timer;
  /** Runs `callback` every `ms` until cancelled. */
  every(ms: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, callback) {
    const handle = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(handle) };
  },
  every(ms, callback) {
    const handle = setInterval(callback, ms);
    return { cancel: () => clearInterval(handle) };
  },
};

/** Microseconds of the clock that the kernel calls monotonic: to tell other processes, which have no use for {@link Clock.now}. */
export function monotonicUs(): bigint {
  return process.hrtime.bigint() / 1_000n;
}

/** Resolves after `ms`, or at once (without an error) when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.after(ms, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
