/** Keeps what a trial has done so far, and what ended it, within one limit of time for all of it. */
import type { Clock, Timer } from '../base/clock.ts';
import { asBeaconError, BeaconError, systemCode } from '../base/errors.ts';
import { DOCTOR_TRIAL_MS } from '../base/limits.ts';
import type { Failure, Step, StepName } from './types.ts';

export type End = 'bridge' | 'broker';

export class Steps {
  readonly done: Step[] = [];
  readonly #clock: Clock;
  readonly #since: number;
  readonly #late = new AbortController();
  readonly #timer: Timer;
  readonly #overdue: Promise<never>;
  #now: { name: StepName; end: End | undefined } = { name: 'TCP', end: undefined };

  /** Time runs from now on. Call {@link close}. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {}); // nobody may be waiting when it comes
    this.#overdue = promise;
    this.#timer = clock.after(DOCTOR_TRIAL_MS, () => {
      reject(
        new BeaconError('timeout', `not done within ${DOCTOR_TRIAL_MS / 1_000} s of the first dial`, {
          retry: true,
        }),
      );
      this.#late.abort();
    });
  }

  /** Aborts when the time is up. */
  get signal(): AbortSignal {
    return this.#late.signal;
  }

  get ms(): number {
    return this.#clock.now() - this.#since;
  }

  /** Waits for `work`, which is all of step `name`. Rejects as it does, and with `timeout` when the time is up. */
  async run<T>(
    name: StepName,
    end: End | undefined,
    work: Promise<T>,
    textOf: (result: T) => string,
  ): Promise<T> {
    this.begin(name, end);
    const since = this.#clock.now();
    const result = await this.within(work);
    this.done.push({ name, ms: this.#clock.now() - since, text: textOf(result) });
    return result;
  }

  /** What fails from now on fails in this step. */
  begin(name: StepName, end: End | undefined): void {
    this.#now = { name, end };
  }

  within<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#overdue]);
  }

  /** `error` as what ended the trial. */
  failure(error: unknown): Failure {
    const { code, message, cause } = asBeaconError(error);
    const { name, end } = this.#now;
    const reason = systemCode(cause);
    const names = reason === 'ERR_TLS_CERT_ALTNAME_INVALID' ? certifiedFor(cause) : undefined;
    return {
      step: name,
      ...(end && { end }),
      code,
      text: message,
      ...(names !== undefined && { certifiedFor: names }),
      ...((reason === 'ENETUNREACH' || reason === 'EADDRNOTAVAIL') && { isNoRoute: true }),
    };
  }

  close(): void {
    this.#timer.cancel();
  }
}

/** Of the certificate that Node puts beside its error. */
function certifiedFor(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null || !('cert' in cause)) return undefined;
  const { cert } = cause;
  if (typeof cert !== 'object' || cert === null || !('subjectaltname' in cert)) return undefined;
  return typeof cert.subjectaltname === 'string' ? printable(cert.subjectaltname) : undefined;
}

/** A stranger chose it. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}
