/** What was not taken over, counted by reason; and the one place where the bytes of others become messages. */
import { BeaconError } from '../../base/errors.ts';
import { type Effect, REFUSALS, type Refusal } from './effects.ts';

export class Refusals {
  readonly #counts = Object.fromEntries(REFUSALS.map((why) => [why, 0])) as Record<Refusal, number>;
  readonly #report: (effect: Effect) => void;

  constructor(report: (effect: Effect) => void) {
    this.#report = report;
  }

  get counts(): Readonly<Record<Refusal, number>> {
    return { ...this.#counts };
  }

  add(from: string, why: Refusal, detail: string, count = 1): void {
    this.#counts[why] += count;
    this.#report({ do: 'refused', from, why, detail });
  }

  /** A message of `from` as `decode` reads it; undefined, and counted, where it is unsound or somebody else's. */
  read<T extends { readonly node: string }>(from: string, decode: () => T): T | undefined {
    try {
      const message = decode();
      if (message.node === from) return message;
      this.add(from, 'otherOrigin', `the message claims to be of ${message.node}`);
    } catch (error) {
      if (!(error instanceof BeaconError)) throw error;
      const known = REFUSALS.find((why) => why === error.code);
      this.add(from, known ?? 'malformed', error.message);
    }
    return undefined;
  }
}
