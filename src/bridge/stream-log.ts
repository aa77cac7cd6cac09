/** The stream log, for an auditor: a record of each stream that a broker opened, where the operator asked for it. docs/logs.md. */
import type { Clock } from '../base/clock.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isTargetName } from '../config/targets.ts';
import type { SpliceOutcome, SpliceResult } from '../net/splice.ts';
import { fingerprintOf } from '../pki/fingerprints.ts';
import type { StreamRequest } from '../tunnel/bridge-tunnel.ts';

const NOTHING = { bytesAToB: 0, bytesBToA: 0 };

export class StreamLog {
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A stream begins now, from the broker (a) to the target (b). Returns what is to be called when it has ended. */
  begin(request: StreamRequest): (result: SpliceResult) => void {
    const [startedAt, since] = [this.#clock.wall(), this.#clock.now()];
    return (result) => this.#write(request, startedAt, this.#clock.now() - since, result);
  }

  refused(request: StreamRequest, outcome: ErrorCode): void {
    this.#write(request, this.#clock.wall(), 0, { ...NOTHING, outcome });
  }

  #write(
    { target, peerChain }: StreamRequest,
    startedAt: number,
    durationMs: number,
    result: Omit<SpliceResult, 'outcome'> & { readonly outcome: SpliceOutcome | ErrorCode },
  ): void {
    const [leaf] = peerChain;
    this.#log.record('stream', {
      time: new Date(startedAt + durationMs).toISOString(),
      broker: leaf && fingerprintOf(leaf),
      // A broker can ask for anything; only what could be a name is repeated.
      target: isTargetName(target) ? target : undefined,
      start: new Date(startedAt).toISOString(),
      durationMs: Math.round(durationMs),
      bytesFromBroker: result.bytesAToB,
      bytesFromTarget: result.bytesBToA,
      outcome: result.outcome,
    });
  }
}
