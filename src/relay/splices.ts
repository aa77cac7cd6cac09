/** The splices that run at this node. */
import type { Clock } from '../base/clock.ts';
import { STALL_TIMEOUT_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Link } from '../net/link.ts';
import { type Splice, type SpliceOutcome, type SpliceTap, spliceLinks } from '../net/splice.ts';
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

/** Since the start. */
export interface SpliceTotals {
  /** Those that ended, by how. */
  readonly ended: Readonly<Record<SpliceOutcome, number>>;
  /** Bytes that were passed on, those of running splices included. */
  readonly bytesToBridge: number;
  readonly bytesToBroker: number;
}

export class Splices {
  readonly #options: SplicesOptions;
  readonly #running = new Set<Splice>();
  readonly #ended: Record<SpliceOutcome, number> = { ended: 0, aborted: 0, stalled: 0 };
  /** Of those that ended. */
  readonly #bytes = { toBridge: 0, toBroker: 0 };

  constructor(options: SplicesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  get totals(): SpliceTotals {
    let { toBridge, toBroker } = this.#bytes;
    for (const { bytes } of this.#running) {
      toBridge += bytes.bytesAToB;
      toBroker += bytes.bytesBToA;
    }
    return { ended: { ...this.#ended }, bytesToBridge: toBridge, bytesToBroker: toBroker };
  }

  /** Joins two links for good. @param broker the broker's side, or the forward it came by. */
  join(broker: Link, bridge: Link, facts: SpliceFacts): void {
    const { clock, log, tap, connectionLog, onEnded } = this.#options;
    const write = connectionLog?.begin(facts);
    const splice = spliceLinks(broker, bridge, { clock, stallMs: STALL_TIMEOUT_MS, ...(tap && { tap }) });
    this.#running.add(splice);
    void splice.done.then((result) => {
      this.#running.delete(splice);
      this.#ended[result.outcome] += 1;
      this.#bytes.toBridge += result.bytesAToB;
      this.#bytes.toBroker += result.bytesBToA;
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
