/**
 * Splices whose writer never stops and whose reader never reads: what they cost the relay, what a healthy splice beside
 * them notices, and how they end.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { SPLICE_SLOTS, STALL_TIMEOUT_MS } from '../../../src/base/limits.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { fill, type Pair } from '../../../test/support/splice-crowd.ts';
import { atMost, type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { roundTrip } from './few-descriptors.ts';
import { rssOf } from './usage.ts';

const KIB = 1_024;
const MB = 1e6;
/** One slot is for the healthy pair. */
const STALLED = SPLICE_SLOTS - 1;
const DIRECTION_KIB = 256;
const GROWTH_MB = 400;
const SLOWER = 2;
const ROUND_TRIPS = 400;
const PAUSE_MS = 5;
/** Pairs that come and go before. */
const WARM_UP = 100;
const CHUNK = Buffer.alloc(64 * KIB, 7);
/** Nothing was taken from any writer for this long: all stand still. */
const QUIET_MS = 2_000;
const LOOK_MS = 100;
/** On top of the timer: buffers of the kernel that still take bytes, and our own looking. */
const CLOSE_SLACK_MS = 5_000;

const WHAT = '1,000 pairs with a writer that never stops and a reader that never reads';
const BAR = `at most ${DIRECTION_KIB} KiB per direction per pair, RSS growth at most ${GROWTH_MB} MB, a healthy pair beside them keeps its latency within twice its own base`;

export interface StalledPairs {
  readonly row: Row;
  /**
   * The zero-window row: resolves a minute later, when the relay has ended them. Their clients must live until then; the
   * relay is stopped by it.
   */
  readonly zeroWindow: Promise<Row>;
}

export async function measureStalledPairs(): Promise<StalledPairs> {
  const files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
  const stop = async (): Promise<void> => {
    await relay.kill();
    await files.remove();
  };
  try {
    // Once, so that code and what TLS keeps for itself are there before anything is measured.
    for (const { bridge, broker } of await fill(relay.port, WARM_UP, files.pki)) {
      bridge.reset();
      broker.reset();
    }
    const empty = await settledRss(relay);
    const [healthy, ...pairs] = await fill(relay.port, SPLICE_SLOTS, files.pki);
    assert(healthy && pairs.length === STALLED);
    const idle = await settledRss(relay);
    const base = await latencies(healthy);
    const writers = pairs.map((pair) => new Stalled(pair));
    const onset = await peakRss(relay, writers);
    const beside = await latencies(healthy);
    const peak = Math.max(onset, rssOf(relay.pid));
    return {
      row: rowOf({ empty, idle, peak, base, beside }),
      zeroWindow: zeroWindow(writers).finally(stop),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Measured {
  readonly empty: number;
  readonly idle: number;
  readonly peak: number;
  readonly base: readonly number[];
  readonly beside: readonly number[];
}

function rowOf({ empty, idle, peak, base, beside }: Measured): Row {
  const perDirection = (peak - idle) / STALLED / KIB;
  const growth = (peak - empty) / MB;
  const [was, is] = [spreadOf(base), spreadOf(beside)];
  const slower = { p50: is.p50 / was.p50, p99: is.p99 / was.p99 };
  return {
    what: WHAT,
    bar: BAR,
    measured: `${rounded(perDirection)} KiB per direction; RSS ${rounded(growth)} MB more than without a client; latency p50 ${rounded(slower.p50)}, p99 ${rounded(slower.p99)} times its base (${rounded(was.p99)} ms)`,
    met: perDirection <= DIRECTION_KIB && growth <= GROWTH_MB && slower.p50 <= SLOWER && slower.p99 <= SLOWER,
    how: `${STALLED} pairs that stall and a healthy one, as many as there are slots; highest RSS of the relay until no writer got a byte in for ${QUIET_MS / 1_000} s, against all pairs idle (per direction) and no client, after ${WARM_UP} pairs that came and went (growth); ${ROUND_TRIPS} round trips before and after`,
    values: {
      rss_empty_bytes: empty,
      rss_idle_bytes: idle,
      rss_peak_bytes: peak,
      per_direction_kib: perDirection,
      growth_mb: growth,
      ...valuesOf('base', 'ms', was),
      ...valuesOf('beside', 'ms', is),
    },
  };
}

/** A pair whose bridge stops to read and whose broker writes whatever is taken. */
class Stalled {
  /** When bytes were taken last. */
  takenAt = systemClock.now();
  /** Milliseconds from the last byte that was taken to the end of the connection. */
  readonly ended: Promise<number>;
  readonly #pair: Pair;

  constructor(pair: Pair) {
    this.#pair = pair;
    const { bridge, broker } = pair;
    bridge.socket.pause();
    this.ended = broker.ended.then(() => systemClock.now() - this.takenAt);
    broker.socket.on('drain', () => this.#write());
    this.#write();
  }

  /** Resets both ends. */
  end(): void {
    this.#pair.bridge.reset();
    this.#pair.broker.reset();
  }

  #write(): void {
    this.takenAt = systemClock.now();
    // One at a time, so that 1,000 writers take turns.
    if (this.#pair.broker.socket.write(CHUNK)) setImmediate(() => this.#write());
  }
}

async function latencies(pair: Pair): Promise<number[]> {
  const samples: number[] = [];
  for (let at = 0; at < ROUND_TRIPS; at += 1) {
    await sleep(systemClock, PAUSE_MS);
    samples.push(await roundTrip(pair));
  }
  return samples;
}

/** The highest until all stand still. */
async function peakRss(relay: BeaconProcess, writers: readonly Stalled[]): Promise<number> {
  let peak = 0;
  for (;;) {
    await sleep(systemClock, LOOK_MS);
    peak = Math.max(peak, rssOf(relay.pid));
    const last = Math.max(...writers.map(({ takenAt }) => takenAt));
    if (systemClock.now() - last > QUIET_MS) return peak;
  }
}

/** Once it has stood still for a while, give or take 1 MB. */
export async function settledRss(relay: BeaconProcess): Promise<number> {
  let last = rssOf(relay.pid);
  for (let same = 0; same < QUIET_MS / LOOK_MS; ) {
    await sleep(systemClock, LOOK_MS);
    const now = rssOf(relay.pid);
    same = Math.abs(now - last) < MB ? same + 1 : 0;
    if (same === 0) last = now;
  }
  return rssOf(relay.pid);
}

async function zeroWindow(writers: readonly Stalled[]): Promise<Row> {
  const most = STALL_TIMEOUT_MS + CLOSE_SLACK_MS;
  const late = sleep(systemClock, 2 * most).then(() => Number.POSITIVE_INFINITY);
  const spread = spreadOf(await Promise.all(writers.map(({ ended }) => Promise.race([ended, late]))));
  for (const writer of writers) writer.end();
  return atMost({
    what: 'zero-window peer: closed by the progress timer, not by the kernel after 15 minutes',
    bar: most / 1_000,
    unit: 's after the last byte that was taken',
    of: 'worst',
    measured: spread.max / 1_000,
    more: `p50 ${rounded(spread.p50 / 1_000)} s (${spread.count} pairs)`,
    how: `the pairs of the row above, left alone; from the last byte that the writer got rid of until it sees the reset`,
    values: valuesOf('closed', 'ms', spread),
  });
}
