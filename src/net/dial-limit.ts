/** One time limit and one abort signal over all steps of a dial. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import type { BeaconError } from '../base/errors.ts';
import { abortedError, timeoutError } from './dial-errors.ts';

export interface DialLimit {
  /** Of the other side, as texts have it. */
  readonly name: string;
  /** When the dial is ended early from now on: destroys `stream` and rejects the step. Replaces the step before. */
  guard(stream: Duplex, reject: (error: BeaconError) => void): void;
  /** The dial is over, one way or the other: nothing is ended by it any more. */
  release(): void;
}

export interface LimitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly clock: Clock;
}

/** Begins to count. The caller releases it. */
export function limitDial(name: string, { timeoutMs, signal, clock }: LimitOptions): DialLimit {
  let reason: BeaconError | undefined;
  let stop: ((reason: BeaconError) => void) | undefined;
  const end = (error: BeaconError): void => {
    reason ??= error;
    stop?.(reason);
  };
  const onAbort = (): void => end(abortedError(name));
  const timer = clock.after(timeoutMs, () => end(timeoutError(name, timeoutMs)));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return {
    name,
    guard: (stream, reject) => {
      stop = (error) => {
        reject(error);
        stream.destroy();
      };
      if (reason) stop(reason);
    },
    release: () => {
      stop = undefined;
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
