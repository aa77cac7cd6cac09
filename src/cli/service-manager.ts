/**
 * Tells systemd how this process is (sd_notify(3)), where it was started by it. Through systemd's own program, as Node
 * cannot send datagrams to a unix socket; so a unit needs NotifyAccess=all.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { NOTIFY_WATCHDOG_MIN_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Host } from './host.ts';

/** From Debian's package systemd, and those of its kin. */
const PROGRAM = 'systemd-notify';
/** systemd expects a sign of life within the time that it names; a third of it leaves two tries. */
const WATCHDOG_SHARE = 1 / 3;

export interface ServiceManagerOptions {
  readonly host: Pick<Host, 'env' | 'pid' | 'run' | 'monotonicUs'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  /** The message that was sent last. Never rejects. */
  #sent: Promise<void> = Promise.resolve();
  #sending = 0;
  #watchdog: Timer | undefined;
  #complained = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
  }

  /** Resolves when all that was said has arrived, or cannot. At once where nobody listens. */
  get sent(): Promise<void> {
    return this.#sent;
  }

  /** It serves. From now on a sign of life is sent as often as the unit's WatchdogSec= wants: while the event loop turns. */
  ready(): void {
    this.#send('READY=1', 'STATUS=Serving');
    const periodMs = this.#watchdogMs;
    if (periodMs !== undefined) this.#watchdog ??= this.#options.clock.every(periodMs, () => this.#live());
  }

  /** It reads its files again; {@link ready} is to follow. */
  reloading(): void {
    // Units of Type=notify-reload want to know which of their requests this answers.
    const now = this.#options.host.monotonicUs();
    this.#send('RELOADING=1', `MONOTONIC_USEC=${now}`, 'STATUS=Reading its files again');
  }

  stopping(): void {
    this.#send('STOPPING=1', 'STATUS=Stopping');
  }

  close(): void {
    this.#watchdog?.cancel();
    this.#watchdog = undefined;
  }

  get #watchdogMs(): number | undefined {
    const { env, pid } = this.#options.host;
    const meant = env['WATCHDOG_PID'];
    const micros = Number(env['WATCHDOG_USEC']);
    if (!(micros > 0) || (meant !== undefined && meant !== String(pid))) return undefined;
    return Math.max(NOTIFY_WATCHDOG_MIN_MS, (micros / 1_000) * WATCHDOG_SHARE);
  }

  #live(): void {
    // Behind a message that hangs there is no use for more.
    if (this.#sending === 0) this.#send('WATCHDOG=1');
  }

  #send(...assignments: readonly string[]): void {
    const { host, log } = this.#options;
    if (!host.env['NOTIFY_SOCKET']) return;
    this.#sending += 1;
    this.#sent = this.#sent
      .then(() => host.run(PROGRAM, assignments))
      .catch((error: unknown) => {
        if (this.#complained) return;
        this.#complained = true;
        log.warn(`systemd is not told how this process is; is ${PROGRAM} installed? ${messageOf(error)}`);
      })
      .finally(() => {
        this.#sending -= 1;
      });
  }
}
