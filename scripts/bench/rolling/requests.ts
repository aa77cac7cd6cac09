/** Requests at a steady rate that nobody tries again: small POSTs, each with an id of its own and its own connection. */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { messageOf } from '../../../src/base/errors.ts';
import type { Store } from '../failover/store.ts';
import { post } from '../failover/transfer.ts';
import { rounded } from '../report.ts';

/** What a client of the store allows a request. */
const ANSWER_MS = 60_000;

let lastRun = 0;

export interface Outcome {
  readonly count: number;
  readonly failures: readonly string[];
  /** Ids that the store saw more than once, and never. */
  readonly twice: number;
  readonly never: number;
  /** From the request to its answer. */
  readonly times: readonly number[];
}

export class Requests {
  readonly #store: Store;
  readonly #failures: string[] = [];
  readonly #times: number[] = [];
  readonly #ids: string[] = [];
  readonly #prefix: string;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  /** Begins at once. `portOf`: the broker for the request of that number. */
  constructor(store: Store, perSecond: number, portOf: (at: number) => number) {
    lastRun += 1;
    this.#prefix = `r${lastRun}-`;
    this.#store = store;
    this.#loop = this.#run(perSecond, portOf);
  }

  /** Sends no more; resolves when all are answered, or have failed. */
  async stop(): Promise<Outcome> {
    this.#stop.abort();
    await this.#loop;
    const seen = this.#ids.map((id) => this.#store.posts.get(id) ?? 0);
    for (const failure of this.#failures.slice(0, 5)) console.error(`requests: ${failure}`);
    return {
      count: this.#ids.length,
      failures: this.#failures,
      twice: seen.filter((times) => times > 1).length,
      never: seen.filter((times) => times === 0).length,
      times: this.#times,
    };
  }

  async #run(perSecond: number, portOf: (at: number) => number): Promise<void> {
    const { signal } = this.#stop;
    const begun = systemClock.now();
    const running = new Set<Promise<void>>();
    for (let at = 0; !signal.aborted; at += 1) {
      const one = this.#one(`${this.#prefix}${at}`, portOf(at)).finally(() => running.delete(one));
      running.add(one);
      await sleep(
        systemClock,
        Math.max(0, begun + ((at + 1) * 1_000) / perSecond - systemClock.now()),
        signal,
      );
    }
    await Promise.all(running);
  }

  async #one(id: string, port: number): Promise<void> {
    const start = systemClock.now();
    this.#ids.push(id);
    try {
      assert.equal(await post(port, id, ANSWER_MS), id);
      this.#times.push(systemClock.now() - start);
    } catch (error) {
      this.#failures.push(`${id} after ${rounded(systemClock.now() - start)} ms: ${messageOf(error)}`);
    }
  }
}
