/** The splices that run at this node. */
import type { Clock } from '../base/clock.ts';
import { STALL_TIMEOUT_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Link } from '../net/link.ts';
import { type Splice, type SpliceTap, spliceLinks } from '../net/splice.ts';
import type { ConnectionLog, SpliceFacts } from './connection-log.ts';

export interface SplicesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sees what is spliced. */
  readonly tap?: SpliceTap;
  /** Default: nothing is written down. */
  readonly connectionLog?: ConnectionLog;
  /** A splice ended, in whatever way; both its links are closed. */
  readonly onEnded: () => void;
}

export class Splices {
  readonly #options: SplicesOptions;
  readonly #running = new Set<Splice>();

  constructor(options: SplicesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Joins two links for good. @param broker the broker's side, or the forward it came by. */
  join(broker: Link, bridge: Link, facts: SpliceFacts): void {
    const { clock, log, tap, connectionLog, onEnded } = this.#options;
    const write = connectionLog?.begin(facts);
    const splice = spliceLinks(broker, bridge, { clock, stallMs: STALL_TIMEOUT_MS, ...(tap && { tap }) });
    this.#running.add(splice);
    void splice.done.then((result) => {
      this.#running.delete(splice);
      log.debug('a splice ended', { pairId: facts.pairId, outcome: result.outcome });
      write?.(result);
      onEnded();
    });
  }

  /** Resets all; resolves when they are gone. */
  async abort(): Promise<void> {
    for (const splice of this.#running) splice.abort();
    await Promise.all([...this.#running].map((splice) => splice.done));
  }
}
