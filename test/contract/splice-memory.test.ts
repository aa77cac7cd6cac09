/**
 * How much a splice holds when its reader stops and its writer never does. Measured from outside: what the writer's
 * kernel took, minus what is in the four kernel buffers, minus what the reader got, is what the splice holds.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { SPLICE_WINDOW_BYTES } from '../../src/base/limits.ts';
import type { Link } from '../../src/net/link.ts';
import { spliceLinks } from '../../src/net/splice.ts';
import { checkLeaks, settled } from '../support/leaks.ts';
import { type LinkPair, openPair } from '../support/net-links.ts';
import { watch } from '../support/streams.ts';

checkLeaks();

const PROC = '/proc/net/tcp';
const PROMISED = 256 * 1_024;
const PLENTY = 24 * 1_024 * 1_024;
const QUIET_MS = 200;
const QUIET_TURNS = 100;
/** As large as a TLS record, so that records on both sides are alike. */
const CHUNK = Buffer.alloc(16_384, 1);
/** Header, content type and tag of a TLS 1.3 record (RFC 8446, section 5.2). */
const RECORD_OVERHEAD = 22;

/** Bytes in the kernel's buffers of both ends of the connection whose client has this port. */
function inKernel(clientPort: number): number {
  const port = clientPort.toString(16).toUpperCase().padStart(4, '0');
  let sum = 0;
  for (const line of readFileSync(PROC, 'utf8').split('\n').slice(1)) {
    const [, local = '', remote = '', , queues = ''] = line.trim().split(/\s+/);
    if (!local.endsWith(`:${port}`) && !remote.endsWith(`:${port}`)) continue;
    for (const hex of queues.split(':')) sum += Number.parseInt(hex, 16);
  }
  return sum;
}

/** Writes one chunk after the other, each as soon as the kernel took the one before, up to {@link PLENTY}. */
class Writer {
  /** Bytes given to the stream; all but the last chunk are with the kernel. */
  written = 0;
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#next();
  }

  readonly #next = (error?: Error | null): void => {
    if (error || this.written >= PLENTY) return;
    this.written += CHUNK.length;
    this.#stream.write(CHUNK, this.#next);
  };
}

/** Bytes that the splice between two pairs holds once nothing moves any more, or up to a chunk less. */
async function heldBySplice(left: LinkPair, right: LinkPair, tls: boolean): Promise<number> {
  const share = tls ? CHUNK.length / (CHUNK.length + RECORD_OVERHEAD) : 1;
  const writer = new Writer(left.a.stream);
  const ports = [left.a, right.a].map(({ stream }) => (stream as Socket).localPort ?? 0);
  let before: number;
  let kernel = -1;
  do {
    before = kernel;
    await standstill(
      () => `${writer.written} ${left.b.stream.readableLength} ${right.b.stream.writableLength}`,
    );
    kernel = ports.reduce((sum, port) => sum + inKernel(port), 0);
  } while (kernel !== before);
  return writer.written - Math.round(kernel * share);
}

/**
 * Resolves when `state` did not change for a while. Acknowledgements may be delayed by 40 ms, and this process by
 * others: both a time and some turns of the event loop must pass.
 */
async function standstill(state: () => string): Promise<void> {
  let before = '';
  let since = 0;
  let turns = 0;
  await settled(() => {
    turns += 1;
    const now = state();
    if (now !== before) {
      since = systemClock.now();
      turns = 0;
    }
    before = now;
    return turns > QUIET_TURNS && systemClock.now() - since > QUIET_MS;
  }, Number.POSITIVE_INFINITY);
}

/** What back-pressure is for: passes chunks on and never waits. */
function carelessSplice(a: Link, b: Link): void {
  a.stream.on('data', (chunk) => b.stream.write(chunk));
}

if (!existsSync(PROC)) {
  console.warn(`NOT TESTED: the memory of a splice is counted from ${PROC}, which this system does not have`);
}

describe.runIf(existsSync(PROC)).each(['tls', 'tcp'] as const)('memory of a splice of %s links', (kind) => {
  let left: LinkPair;
  let right: LinkPair;
  beforeEach(async () => {
    left = await openPair(kind);
    right = await openPair(kind);
    return async () => {
      await left.close();
      await right.close();
    };
  });

  it('stays within what is promised when the reader stops and the writer does not', async () => {
    const splice = spliceLinks(left.b, right.b, { clock: systemClock, stallMs: 60_000 });
    const held = await heldBySplice(left, right, kind === 'tls');
    // The window is full, or nothing was measured.
    expect(held - CHUNK.length).toBeGreaterThan(SPLICE_WINDOW_BYTES);
    // With TLS what waits to be accepted is there twice: as it came, and encrypted.
    const copy = kind === 'tls' ? right.b.stream.writableLength : 0;
    expect(held + copy).toBeLessThanOrEqual(PROMISED);
    splice.abort();
    await splice.done;
  });

  it('would be seen to grow without back-pressure', async () => {
    carelessSplice(left.b, right.b);
    const held = await heldBySplice(left, right, kind === 'tls');
    expect(held).toBeGreaterThan(PROMISED);
    watch(right.a.stream);
  });
});
