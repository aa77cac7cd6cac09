/** Connections that come and go: pairs of bridge and broker at a relay, and streams from a broker to a store. */
import { connect } from 'node:net';
import { type Clock, sleep, type Timer } from '../../src/base/clock.ts';
import type { Pki } from '../../test/support/certificates.ts';
import { acceptOffer, hello, identityOf, WireClient } from '../../test/support/wire-client.ts';

/** Of these one is cut in the middle. */
const ABORTED_OF = 10;
const HOST = '127.0.0.1';
/** Longer than anything may take that is not broken. */
const PATIENCE_MS = 10_000;
/** A stream that is cut is cut before its answer is whole. */
const ANSWER_BYTES = 64 * 1_024;

export interface ChurnOptions {
  readonly relayPort: number;
  readonly brokerPort: number;
  /** Not that of the bridge and the broker: their pairs must not mix with ours. */
  readonly pki: Pki;
  /** Pairs, and streams, a second. */
  readonly rate: number;
  readonly clock: Clock;
}

export interface ChurnCounts {
  readonly pairs: number;
  readonly streams: number;
  readonly aborted: number;
  readonly failed: number;
}

export class Churn {
  readonly #options: ChurnOptions;
  readonly #timer: Timer;
  readonly #running = new Set<Promise<void>>();
  #turn = 0;
  #pairs = 0;
  #streams = 0;
  #aborted = 0;
  /** What went wrong, in the order in which it did. */
  readonly failures: string[] = [];

  constructor(options: ChurnOptions) {
    this.#options = options;
    this.#timer = options.clock.every(1_000 / options.rate, () => this.#begin());
  }

  get counts(): ChurnCounts {
    return {
      pairs: this.#pairs,
      streams: this.#streams,
      aborted: this.#aborted,
      failed: this.failures.length,
    };
  }

  /** Resolves when the last one is over. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    await Promise.all(this.#running);
  }

  #begin(): void {
    this.#turn += 1;
    const aborts = this.#turn % ABORTED_OF === 0;
    this.#run(`pair ${this.#turn}`, () => this.#pair(aborts));
    this.#run(`stream ${this.#turn}`, () => this.#stream(aborts));
    if (aborts) this.#aborted += 2;
  }

  #run(name: string, one: () => Promise<void>): void {
    const over = new AbortController();
    const late = sleep(this.#options.clock, PATIENCE_MS, over.signal).then(() => {
      if (!over.signal.aborted) throw new Error(`not over after ${PATIENCE_MS / 1_000} s`);
    });
    const running = Promise.race([one(), late])
      .catch((error: Error) => void this.failures.push(`${name}: ${error.message}`))
      .finally(() => {
        over.abort();
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  async #pair(aborts: boolean): Promise<void> {
    const { pki } = this.#options;
    const bridge = await this.#dial('park');
    bridge.send(hello('park', {}, pki));
    await bridge.expect('parked');
    const broker = await this.#dial('connect');
    broker.send(hello('connect', {}, pki), 'question');
    // Of several pairs at a time the broker of one may meet the bridge of another: all bridges say the same.
    const answered = Promise.all([acceptOffer(bridge, 'answer'), bridge.opaque(8)]);
    await broker.expect('paired');
    await broker.opaque(6);
    await answered;
    if (aborts) broker.reset();
    else for (const client of [bridge, broker]) client.end();
    await Promise.all([bridge.ended, broker.ended]);
    bridge.close();
    broker.close();
    this.#pairs += 1;
  }

  #dial(role: 'park' | 'connect'): Promise<WireClient> {
    const { relayPort, pki } = this.#options;
    return WireClient.dial(relayPort, { identity: identityOf(role, pki), localAddress: HOST });
  }

  async #stream(aborts: boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ host: HOST, port: this.#options.brokerPort });
    let bytes = 0;
    socket.on('error', reject);
    socket.on('connect', () => socket.write(`source ${ANSWER_BYTES}\n`));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (aborts) socket.resetAndDestroy();
    });
    socket.on('close', () => {
      if (aborts || bytes === ANSWER_BYTES) resolve();
      else reject(new Error(`${bytes} bytes came`));
    });
    await promise;
    this.#streams += 1;
  }
}
