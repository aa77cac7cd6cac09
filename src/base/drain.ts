/** What leaves in good order, as its status and its commands see it. */
export type DrainState = 'serving' | 'draining' | 'drained';

export interface Drainable {
  readonly drainState: DrainState;
  /** Idempotent. Resolves when all is over: how many splices were cut. */
  drain(): Promise<{ readonly cut: number }>;
}
