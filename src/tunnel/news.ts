/** Which failures are news: a hundred identical ones are one warning, the rest of them is `debug`. */
import type { ErrorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export class News {
  readonly #log: Log;
  #last: ErrorCode | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Something went wrong. A warning, unless the failure before it was of the same kind and nothing went well since. */
  bad(message: string, code: ErrorCode): void {
    this.#log[code === this.#last ? 'debug' : 'warn'](message, { code });
    this.#last = code;
  }

  /** It works: the next failure is news. */
  good(): void {
    this.#last = undefined;
  }
}
