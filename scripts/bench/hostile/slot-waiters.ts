/** A relay with every slot in use: how soon a free one is used, and what those who wait for one cost. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { systemClock } from '../../../src/base/clock.ts';
import { SPLICE_SLOTS } from '../../../src/base/limits.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { come, fill, many, type Pair } from '../../../test/support/splice-crowd.ts';
import type { WireClient } from '../../../test/support/wire-client.ts';
import { atMost, percentile, type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { settledRss } from './stalled-pairs.ts';

const SERVED_MS = 50;
const ROUNDS = 200;
/** Of each kind, for what they cost: enough for garbage and rounding to be small beside them. */
const WAITERS = 1_000;
/** Two measures of the same differ by this part: garbage that is not collected yet. */
const NOISE = 0.1;

/** The rows about a free slot, and about what waiting costs. */
export async function measureSlots(): Promise<Row[]> {
  const files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
  try {
    const pairs = await fill(relay.port, SPLICE_SLOTS, files.pki);
    return [await servedRow(relay, pairs), await costRow(relay)];
  } finally {
    await relay.kill();
    await files.remove();
  }
}

async function servedRow(relay: BeaconProcess, pairs: Pair[]): Promise<Row> {
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const bridge = await come('park', relay.port);
    const broker = await come('connect', relay.port);
    await broker.expect('waiting');
    const start = endOne(pairs);
    const { pairId } = await bridge.expect('offer');
    bridge.send({ type: 'accept', pairId });
    await broker.expect('paired');
    samples.push(systemClock.now() - start);
    pairs.push({ bridge, broker });
  }
  const spread = spreadOf(samples);
  return atMost({
    what: 'broker 1,001 served after a slot is free',
    bar: SERVED_MS,
    unit: 'ms',
    of: 'worst',
    measured: spread.max,
    more: `p50 ${rounded(spread.p50)}, p99 ${rounded(spread.p99)} (${spread.count} brokers)`,
    how: `${SPLICE_SLOTS} splices; from the end of one, both ends in the same turn, to PAIRED at the broker that waits`,
    values: valuesOf('served', 'ms', spread),
  });
}

/** Both ends of the oldest; when. */
function endOne(pairs: Pair[]): number {
  const pair = pairs.shift();
  assert(pair);
  pair.bridge.end();
  pair.broker.end();
  return systemClock.now();
}

async function costRow(relay: BeaconProcess): Promise<Row> {
  // What the first ones of each kind make the relay allocate is used by those after them.
  const spare = await cost(relay, 'park');
  const warm = await cost(relay, 'connect');
  const waiting: number[] = [];
  const parked: number[] = [];
  for (let round = 0; round < 2; round += 1) {
    parked.push((await cost(relay, 'park')).bytes);
    waiting.push((await cost(relay, 'connect')).bytes);
  }
  for (const client of [...spare.clients, ...warm.clients]) client.reset();
  const [wait, park] = [percentile(waiting, 50), percentile(parked, 50)];
  return atMost({
    what: 'memory of a broker that waits for a slot, against a parked bridge',
    bar: 1 + NOISE,
    unit: 'times as much',
    measured: wait / park,
    more: `${rounded(wait / 1_024)} against ${rounded(park / 1_024)} KiB`,
    how: `RSS of the relay before and after ${WAITERS} of each, twice in turn, all slots taken; the tenth on top is the noise of the measure`,
    values: { waiting_bytes: wait, parked_bytes: park },
  });
}

/** Bytes that one more client of that kind takes. They stay. */
async function cost(
  relay: BeaconProcess,
  role: 'park' | 'connect',
): Promise<{ bytes: number; clients: WireClient[] }> {
  const before = await settledRss(relay);
  const clients = await many(WAITERS, async () => {
    const client = await come(role, relay.port);
    if (role === 'connect') await client.expect('waiting');
    else void stayAwake(client);
    return client;
  });
  return { bytes: ((await settledRss(relay)) - before) / WAITERS, clients };
}

/** Answers pings until it ends. */
async function stayAwake(bridge: WireClient): Promise<void> {
  try {
    for (;;) {
      const { token } = await bridge.expect('ping');
      bridge.send({ type: 'pong', token });
    }
  } catch {
    // It has been closed.
  }
}
