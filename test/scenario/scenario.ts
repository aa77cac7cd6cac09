/** A run as data: who takes part, what clients do, and what befalls them. A seed decides all of it. */
import type { Fault } from './faults.ts';
import type { StreamId } from './history.ts';

/**
 * What the client of a stream does. `read`: a short question, a long answer. `write`: a long question, a short answer.
 * `stream`: pieces both ways with pauses. `halfClose`: the client ends first and reads on. `abort`: the client breaks off
 * in the middle of a long answer.
 */
export const STREAM_KINDS = ['read', 'write', 'stream', 'halfClose', 'abort'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

export interface StreamPlan {
  readonly stream: StreamId;
  readonly atMs: number;
  /** Index of the broker. */
  readonly broker: number;
  readonly kind: StreamKind;
  /** What the client writes, and what the store does. */
  readonly clientBytes: number;
  readonly storeBytes: number;
  /** Each side writes in pieces over so long; 0: as fast as it goes. */
  readonly overMs: number;
}

/** Bridges and brokers belong to a CA by index; a broker reaches bridges of its own only. */
export interface ClientPlan {
  readonly ca: number;
  /** It runs from then until then, and not in between two spans. */
  readonly spans: readonly { readonly fromMs: number; readonly untilMs: number }[];
}

export interface Scenario {
  readonly seed: number;
  readonly relays: number;
  /** Splices that a relay carries at a time. */
  readonly slots: number;
  readonly cas: number;
  readonly bridges: readonly ClientPlan[];
  readonly brokers: readonly ClientPlan[];
  readonly streams: readonly StreamPlan[];
  readonly faults: readonly Fault[];
  /** Faults begin and end before. */
  readonly faultsUntilMs: number;
  /** The run ends; what is between is calm. */
  readonly untilMs: number;
}
