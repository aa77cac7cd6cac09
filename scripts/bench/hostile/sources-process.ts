/**
 * What a million sources in PROXY headers cost the rate limit, measured in a process of its own. The memory is that of the whole process,
 * against the moment before the limit was made; a limit that was used and dropped before has grown everything else.
 */
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '../../../src/base/clock.ts';
import { RATE_CONNECTIONS, RATE_SOURCES, RATE_TOLD } from '../../../src/base/limits.ts';
import { parseProxyHeader } from '../../../src/net/door/proxy-header.ts';
import { RateLimit } from '../../../src/net/door/rate-limit.ts';
import { proxyV2 } from '../../../test/support/proxy-header.ts';
import { percentile } from '../report.ts';

export const SOURCES = 1_000_000;
const WARM_UP = 100_000;
/** Connections a second: a million of them pass in less than a window, so only the size of the map makes room. */
const PER_MS = 20;
/** The resident memory is looked at so often. */
const LOOK_EVERY = 10_000;
const MB = 1e6;

/** One of the two: each grows the heap by what it throws away. */
export type SourcesTask = 'pass' | 'fill';

export interface SourcesCosts {
  /** The most networks that were remembered at once. */
  readonly size: number;
  /** Resident memory at its highest above that before the first. */
  readonly rssMb: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** A limit with every source at its limit and told as often as it may be. */
export interface FullCosts {
  readonly heldMb: number;
  readonly size: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function measure(): SourcesCosts {
  const times = new Float64Array(SOURCES).fill(0);
  pass(new RateLimit(), WARM_UP, times, () => {});
  collect();
  // As much garbage as the headers to come will leave, so that the heap has grown for it; three sources take next to no
  // memory.
  pass(new RateLimit({ sources: 3 }), SOURCES, times, () => {});
  const before = process.memoryUsage.rss();
  const limit = new RateLimit();
  let size = 0;
  let rss = 0;
  const look = (): void => {
    size = Math.max(size, limit.counts.size);
    rss = Math.max(rss, process.memoryUsage.rss() - before);
  };
  pass(limit, SOURCES, times, look);
  look();
  const us = Array.from(times, (ms) => 1_000 * ms);
  return {
    size,
    rssMb: rss / MB,
    p50Us: percentile(us, 50),
    p99Us: percentile(us, 99),
    maxUs: percentile(us, 100),
  };
}

/** One connection from each of `count` sources, from the PROXY header that names it to the verdict. */
function pass(limit: RateLimit, count: number, times: Float64Array, look: () => void): void {
  for (let at = 0; at < count; at += 1) {
    const header = proxyV2({ source: address(at) });
    const start = systemClock.now();
    const read = parseProxyHeader(header);
    assert(read.kind === 'complete' && read.source.kind === 'client');
    limit.take(read.source.address, at / PER_MS);
    times[at] = systemClock.now() - start;
    if (at % LOOK_EVERY === 0) look();
  }
}

function measureFull(): FullCosts {
  // What is thrown away on the way has grown the heap by then; three sources take next to no memory.
  fill(new RateLimit({ sources: 3 }));
  const before = held();
  const limit = new RateLimit();
  const size = fill(limit);
  return { heldMb: (held() - before) / MB, size };
}

/** Bytes that live objects take, typed arrays included: what the fill threw away is not the limit's. */
function held(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function fill(limit: RateLimit): number {
  const now = 10 * SOURCES;
  for (let each = 0; each < RATE_SOURCES; each += 1) {
    for (let knock = 0; knock < RATE_CONNECTIONS + RATE_TOLD; knock += 1) limit.take(ipv4(each), now);
  }
  return limit.counts.size;
}

/** Another source for each number: every second one IPv6, each of these from a /48 of its own, as a flood could choose. */
function address(at: number): string {
  const low = (at & 0xffff).toString(16);
  return at % 2 === 0 ? ipv4(at) : `2a00:${(at >>> 16).toString(16)}:${low}:${low}::${low}`;
}

function ipv4(number: number): string {
  return `100.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

process.once('message', (task: SourcesTask) => process.send?.(task === 'pass' ? measure() : measureFull()));
