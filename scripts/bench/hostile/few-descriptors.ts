/** More clients than a relay has descriptors for: it stays up, serves who is there, and takes new ones when some leave. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { nextSource } from '../../../test/support/sources.ts';
import { come, fill, many, type Pair } from '../../../test/support/splice-crowd.ts';
import { hello, identityOf, WireClient } from '../../../test/support/wire-client.ts';
import { type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { cpuMsOf } from './usage.ts';

const DESCRIPTORS = 256;
const CONNECTIONS = 400;
const PAIRS = 20;
/** How long the relay is full, and how often each client that was turned away comes back: as clients of ours at first. */
const FULL_MS = 5_000;
const RETRY_MS = 500;
const RECOVER_MS = 2_000;

const WHAT = `\`ulimit -n ${DESCRIPTORS}\` and ${CONNECTIONS} connections`;
const BAR = 'process alive, existing splices served, CPU under 20 % while full, recovers without restart';
const CPU_PERCENT = 20;

export async function measureFewDescriptors(): Promise<Row> {
  const files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')), {
    descriptors: DESCRIPTORS,
  });
  try {
    const pairs = await fill(relay.port, PAIRS, files.pki);
    const crowd = new Crowd(relay.port);
    await crowd.gather();
    const parked = crowd.inside;
    const cpuBefore = cpuMsOf(relay.pid);
    const from = systemClock.now();
    const rounds: number[] = [];
    while (systemClock.now() - from < FULL_MS) {
      rounds.push(...(await Promise.all(pairs.map(roundTrip))));
      await sleep(systemClock, 100);
    }
    const cpu = (100 * (cpuMsOf(relay.pid) - cpuBefore)) / (systemClock.now() - from);
    const descriptors = relay.descriptors();
    const turnedAway = crowd.turnedAway;
    await crowd.leave();
    const recoveredMs = await recovery(relay.port);
    const served = spreadOf(rounds);
    const { alive } = relay;
    return {
      what: WHAT,
      bar: BAR,
      measured: `${alive ? 'alive' : 'dead'}; ${PAIRS} splices served, p99 ${rounded(served.p99)} ms; CPU ${rounded(cpu)} %; ${descriptors} descriptors in use; a new client parked ${rounded(recoveredMs)} ms after the others had left`,
      met: alive && cpu < CPU_PERCENT && recoveredMs < RECOVER_MS && descriptors < DESCRIPTORS,
      how: `${CONNECTIONS} bridges dial at once and stay, beside ${PAIRS} splices; ${parked} get in, the others dial again each ${RETRY_MS} ms (${turnedAway} times); ${FULL_MS / 1_000} s of round trips through the splices`,
      values: {
        cpu_percent: cpu,
        parked,
        descriptors,
        turned_away: turnedAway,
        recovered_ms: recoveredMs,
        ...valuesOf('round_trip', 'ms', served),
      },
    };
  } finally {
    await relay.kill();
    await files.remove();
  }
}

/** Bridges that want in: who is turned away comes back after a pause. */
class Crowd {
  readonly #port: number;
  readonly #parked = new Set<WireClient>();
  readonly #ends: Promise<void>[] = [];
  #tries = 0;
  #leaving = false;

  constructor(port: number) {
    this.#port = port;
  }

  get inside(): number {
    return this.#parked.size;
  }

  /** How often one was turned away since {@link gather}. */
  get turnedAway(): number {
    return this.#tries;
  }

  /** Each has been let in or turned away once. */
  async gather(): Promise<void> {
    await many(CONNECTIONS, async () => {
      if (!(await this.#enter())) this.#ends.push(this.#comeBack());
    });
    this.#tries = 0;
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all(this.#ends);
    for (const client of this.#parked) client.reset();
  }

  async #enter(): Promise<boolean> {
    try {
      const client = await WireClient.dial(this.#port, {
        identity: identityOf('park'),
        localAddress: nextSource(),
      });
      client.send(hello('park'));
      await client.expect('parked');
      this.#parked.add(client);
      return true;
    } catch {
      this.#tries += 1;
      return false;
    }
  }

  async #comeBack(): Promise<void> {
    do await sleep(systemClock, RETRY_MS);
    while (!this.#leaving && !(await this.#enter()));
  }
}

/** Milliseconds that eight bytes and their answer take. */
export async function roundTrip({ bridge, broker }: Pair): Promise<number> {
  const start = systemClock.now();
  broker.send('question');
  assert.equal(await bridge.opaque(8), 'question');
  bridge.send('answered');
  assert.equal(await broker.opaque(8), 'answered');
  return systemClock.now() - start;
}

/** Milliseconds until a bridge is parked. */
async function recovery(port: number): Promise<number> {
  const start = systemClock.now();
  for (;;) {
    try {
      const bridge = await come('park', port);
      bridge.close();
      return systemClock.now() - start;
    } catch {
      if (systemClock.now() - start > 10 * RECOVER_MS) return Number.POSITIVE_INFINITY;
      await sleep(systemClock, 20);
    }
  }
}
