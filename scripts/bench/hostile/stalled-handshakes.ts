/** Strangers that connect and say nothing, or send a ClientHello and nothing more: how long they stay, and who notices. */
import { writeFileSync } from 'node:fs';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { nextSource } from '../../../test/support/sources.ts';
import { acceptOffer, hello, identityOf, WireClient } from '../../../test/support/wire-client.ts';
import { type Row, rounded, type Spread, spreadOf, valuesOf } from '../report.ts';
import { recordClientHello, Strangers } from './strangers.ts';
import type { StrangersReport } from './strangers-process.ts';

const STRANGERS = 5_000;
const PER_SECOND = 2_500;
const GONE_MS = 11_000;
const PAIRING_MS = 1_000;
const PAUSE_MS = 20;

export const STALLED_HANDSHAKES_WHAT =
  '5,000 silent connections, then 5,000 that stall after a full ClientHello';
export const STALLED_HANDSHAKES_BAR =
  'all gone within 11 s; pairing p99 for real clients meanwhile at most 1 s; descriptors back to base';

/** Takes half a minute. */
export async function measureStalledHandshakes(): Promise<Row> {
  const files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
  try {
    await pairings(relay.port, sleep(systemClock, 1_000));
    const before = await relay.quiet();
    const silent = await withStrangers(relay.port, '', 80);
    const stalled = await withStrangers(relay.port, await recordClientHello(), 81);
    const after = await relay.quiet();
    const pairing = spreadOf([...silent.pairings, ...stalled.pairings]);
    return rowOf({ silent, stalled, pairing, leaked: after - before });
  } finally {
    await relay.kill();
    await files.remove();
  }
}

interface Phase {
  readonly report: StrangersReport;
  readonly pairings: readonly number[];
}

interface Measured {
  readonly silent: Phase;
  readonly stalled: Phase;
  readonly pairing: Spread;
  readonly leaked: number;
}

function rowOf({ silent, stalled, pairing, leaked }: Measured): Row {
  const longest = Math.max(silent.report.longestMs, stalled.report.longestMs);
  const crowdedOut = silent.report.turnedAway;
  return {
    what: STALLED_HANDSHAKES_WHAT,
    bar: STALLED_HANDSHAKES_BAR,
    measured: `gone after ${rounded(longest / 1_000)} s at the most; pairing p99 ${rounded(pairing.p99)} ms, p50 ${rounded(pairing.p50)} (${pairing.count}); ${leaked <= 0 ? 'descriptors back' : `${leaked} descriptors more`}`,
    met: longest <= GONE_MS && pairing.p99 <= PAIRING_MS && leaked <= 0 && crowdedOut === STRANGERS,
    how: `${PER_SECOND} come in a second, each from its connect until it is closed (${stalled.report.answered} of the second kind had the server's flight); a bridge parks, then a broker from an address of its own dials, timed from there to PAIRED, again and again until the last stranger has gone`,
    values: {
      silent_longest_ms: silent.report.longestMs,
      stalled_longest_ms: stalled.report.longestMs,
      stalled_answered: stalled.report.answered,
      descriptors_more: leaked,
      ...valuesOf('pairing_silent', 'ms', spreadOf(silent.pairings)),
      ...valuesOf('pairing_stalled', 'ms', spreadOf(stalled.pairings)),
      ...valuesOf('pairing', 'ms', pairing),
    },
  };
}

async function withStrangers(port: number, bytes: string, network: number): Promise<Phase> {
  const strangers = new Strangers({
    ...{ port, bytes, network, count: STRANGERS, perSecond: PER_SECOND, atOnce: STRANGERS, leaves: false },
  });
  try {
    const taken = await pairings(port, strangers.done);
    return { report: await strangers.done, pairings: taken };
  } finally {
    await strangers.stop();
  }
}

/** Until `end` settles: milliseconds from a broker's dial to its PAIRED, one after the other. */
async function pairings(port: number, end: Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  let ended = false;
  const stop = (): void => {
    ended = true;
  };
  void end.then(stop, stop);
  while (!ended) {
    const bridge = await dialFromNew(port, 'park');
    bridge.send(hello('park'));
    await bridge.expect('parked');
    const from = systemClock.now();
    const broker = await dialFromNew(port, 'connect');
    broker.send(hello('connect'));
    await Promise.all([acceptOffer(bridge), broker.expect('paired')]);
    samples.push(systemClock.now() - from);
    bridge.reset();
    broker.reset();
    await sleep(systemClock, PAUSE_MS);
  }
  return samples;
}

function dialFromNew(port: number, role: 'park' | 'connect'): Promise<WireClient> {
  return WireClient.dial(port, { identity: identityOf(role), localAddress: nextSource() });
}
