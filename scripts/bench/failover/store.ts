/**
 * The store of bench:failover: an HTTP server in this process. It sends and takes bytes that tell where they belong, and
 * keeps a SHA-256 of each transfer; and it counts how often it sees the id of each POST.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { LOOPBACK } from '../loopback.ts';

const CHUNK_BYTES = 64 * 1_024;
/** Every so many bytes their offset is written into them, so that no two pieces of a transfer are alike. */
const STAMP_BYTES = 1_024;
const TEMPLATE = randomBytes(CHUNK_BYTES);
const TICK_MS = 5;

/** When bytes arrived, in order. */
export class Arrivals {
  readonly #times: number[] = [];
  readonly #hash: Hash = createHash('sha256');
  bytes = 0;

  add(chunk: Buffer): void {
    this.#times.push(systemClock.now());
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  /** Call once. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** The longest time without bytes between the two times, milliseconds. */
  longestGap(from: number, to: number): number {
    let longest = 0;
    for (let at = 1; at < this.#times.length; at += 1) {
      const [before = 0, after = 0] = [this.#times[at - 1], this.#times[at]];
      longest = Math.max(longest, Math.min(after, to) - Math.max(before, from));
    }
    return longest;
  }

  /** When the first bytes came after `time`; undefined: none has. */
  firstAfter(time: number): number | undefined {
    return this.#times.find((at) => at > time);
  }
}

/**
 * Writes `bytes` bytes, at most `rate` a second, and ends. Returns their SHA-256; rejects when the stream is cut.
 */
export async function pour(to: Writable, bytes: number, rate: number): Promise<string> {
  const hash = createHash('sha256');
  const start = systemClock.now();
  let sent = 0;
  while (sent < bytes) {
    if (to.destroyed) throw new Error(`cut after ${sent} bytes`);
    if (sent > ((systemClock.now() - start) / 1_000) * rate) {
      await sleep(systemClock, TICK_MS);
      continue;
    }
    const chunk = chunkAt(sent, Math.min(CHUNK_BYTES, bytes - sent));
    hash.update(chunk);
    sent += chunk.length;
    if (!to.write(chunk)) await drained(to);
  }
  to.end();
  return hash.digest('hex');
}

function chunkAt(offset: number, length: number): Buffer {
  const chunk = Buffer.from(TEMPLATE.subarray(0, length));
  for (let at = 0; at + 8 <= length; at += STAMP_BYTES) chunk.writeBigUInt64BE(BigInt(offset + at), at);
  return chunk;
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      stream.off('drain', go).off('close', go);
      resolve();
    };
    stream.on('drain', go).on('close', go);
  });
}

export class Store {
  /** How often each POST id was seen. */
  readonly posts = new Map<string, number>();
  /** Uploads that are being taken, or were, by id. */
  readonly uploads = new Map<string, Arrivals>();
  /** SHA-256 of what was sent, by id: settled when all is sent. */
  readonly sent = new Map<string, string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.requestTimeout = 0;
  }

  /** The caller stops it. */
  static async start(): Promise<Store> {
    const store = new Store();
    store.#server.listen(0, LOOPBACK);
    await once(store.#server, 'listening');
    return store;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const [, what = '', id = '', bytes = '0', rate = '0'] = (request.url ?? '').split('/');
    request.on('error', () => {});
    response.on('error', () => {});
    if (what === 'down')
      return this.#send(id, Number(bytes), Number(rate) || Number.POSITIVE_INFINITY, response);
    if (what === 'up') return this.#take(id, request, response);
    this.posts.set(id, (this.posts.get(id) ?? 0) + 1);
    request.resume().once('end', () => response.end(id));
  }

  #send(id: string, bytes: number, rate: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-length': bytes });
    pour(response, bytes, rate).then(
      (sha256) => this.sent.set(id, sha256),
      () => {},
    );
  }

  #take(id: string, request: IncomingMessage, response: ServerResponse): void {
    const arrivals = new Arrivals();
    this.uploads.set(id, arrivals);
    request.on('data', (chunk: Buffer) => arrivals.add(chunk));
    request.once('end', () => response.end(`${arrivals.bytes} ${arrivals.digest()}`));
  }
}
