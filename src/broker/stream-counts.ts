/** What became of the streams of a broker, counted by name: for metrics. */
import type { ErrorCode } from '../base/errors.ts';

/** A stream was accepted by the bridge, or why there is none. */
export const STREAM_OUTCOMES = [
  'accepted',
  'unknownTarget',
  'targetUnreachable',
  'targetTls',
  'noTunnel',
  /** The bridge needs to be told the client, and was not. */
  'malformed',
  /** The bridge did not answer. */
  'timeout',
  /** The client left, or the tunnel was cut, before the target was reached. */
  'closed',
  /** A fault of the bridge, or of ours. */
  'internal',
] as const;
export type StreamOutcome = (typeof STREAM_OUTCOMES)[number];

export class StreamCounts {
  readonly #counts = new Map<StreamOutcome, number>();

  /** Counts one. A code that is no outcome counts as `internal`. */
  add(code: ErrorCode | 'accepted'): void {
    const outcome = STREAM_OUTCOMES.find((each) => each === code) ?? 'internal';
    this.#counts.set(outcome, this.of(outcome) + 1);
  }

  /** How many, since the start. */
  of(outcome: StreamOutcome): number {
    return this.#counts.get(outcome) ?? 0;
  }
}
