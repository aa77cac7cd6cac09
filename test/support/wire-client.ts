/** A client of a relay for tests: speaks frames until OFFER or PAIRED and opaque bytes after it. Judges nothing. */
import { deepStrictEqual } from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { infoHashBytes } from '../../src/base/info-hash.ts';
import { relayFrames } from '../../src/wire/decode.ts';
import { encodeClientFrame } from '../../src/wire/encode.ts';
import { ALPN, type ClientFrame, type Hello, type RelayFrame, type Role } from '../../src/wire/frames.ts';
import { makePki, type Pki } from './certificates.ts';
import { nextSource } from './sources.ts';

export interface DialOptions {
  /** What it proves with; default: nothing. */
  readonly identity?: { readonly certificate: string; readonly key: string } | undefined;
  /** Replaces options of the TLS client. */
  readonly tls?: ConnectionOptions;
  /** Address of 127.0.0.0/8 that it comes from. Default: one that nobody else comes from. */
  readonly localAddress?: string;
  /** Sent before TLS, in the clear: a PROXY header. Default: nothing. */
  readonly preamble?: Buffer;
}

const open = new Set<Socket>();

/** Cuts every client that is still connected. For a hook: half-open, they would outlive the relay. */
export function cutClients(): void {
  for (const raw of open) raw.destroy();
}

/** How the relay left: it ended its direction cleanly, or the connection broke. */
export type Ending = 'end' | 'reset';

export class WireClient {
  readonly socket: TLSSocket;
  /** The TCP socket below it. */
  readonly raw: Socket;
  /** Settles with the first of the two. */
  readonly ended: Promise<Ending>;
  readonly #decoder = relayFrames();
  readonly #frames: RelayFrame[] = [];
  readonly #opaque: Buffer[] = [];
  #isOpaque = false;
  #ending: Ending | undefined;
  readonly #waiters = new Set<() => void>();

  private constructor(socket: TLSSocket, raw: Socket) {
    this.socket = socket;
    this.raw = raw;
    const ended = Promise.withResolvers<Ending>();
    this.ended = ended.promise;
    const end = (ending: Ending): void => {
      this.#ending ??= ending;
      ended.resolve(this.#ending);
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => end('end'));
    socket.on('error', () => end('reset'));
    socket.on('close', () => end('reset'));
  }

  /** Resolves after the handshake; rejects when there is none. The caller closes it, at the latest by {@link cutClients}. */
  static async dial(
    port: number,
    { identity, tls = {}, localAddress = nextSource(), preamble }: DialOptions = {},
  ): Promise<WireClient> {
    // Its own socket below TLS: only that one can be reset, and half-open is taken over from it.
    const raw = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true, localAddress });
    if (preamble) await sent(raw, preamble);
    const socket = connect({
      socket: raw,
      ca: [makePki().relayCa.certificate],
      ALPNProtocols: [ALPN],
      minVersion: 'TLSv1.3',
      ...(identity && { cert: identity.certificate, key: identity.key }),
      ...tls,
    });
    return new Promise((resolve, reject) => {
      open.add(raw);
      raw.once('close', () => open.delete(raw));
      raw.on('error', reject);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed before the handshake was done')));
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve(new WireClient(socket, raw));
      });
    });
  }

  /** Writes all parts at once. */
  send(...parts: readonly (ClientFrame | Buffer | string)[]): void {
    this.socket.write(
      Buffer.concat(
        parts.map((part) => {
          if (typeof part === 'string') return Buffer.from(part);
          return Buffer.isBuffer(part) ? part : encodeClientFrame(part);
        }),
      ),
    );
  }

  /** The next frame; rejects when the connection ends before one. */
  async frame(): Promise<RelayFrame> {
    await this.#until(() => this.#frames.length > 0, 'a frame');
    return this.#frames.shift() as RelayFrame;
  }

  /** The next frame, which must be of that type; PINGs before it, and DRAINING of any node, are passed over. */
  async expect<T extends RelayFrame['type']>(type: T): Promise<Extract<RelayFrame, { type: T }>> {
    let frame = await this.frame();
    while (frame.type !== type && (frame.type === 'ping' || frame.type === 'draining'))
      frame = await this.frame();
    if (frame.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(frame)}`);
    return frame as Extract<RelayFrame, { type: T }>;
  }

  /** The next `count` opaque bytes as text; rejects when the connection ends before. */
  async opaque(count: number): Promise<string> {
    await this.#until(() => Buffer.concat(this.#opaque).length >= count, `${count} opaque bytes`);
    const all = Buffer.concat(this.#opaque.splice(0));
    this.#opaque.push(all.subarray(count));
    return all.subarray(0, count).toString();
  }

  /** Frames and opaque bytes that came and were not asked for. */
  get unread(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#frames.length, bytes: Buffer.concat(this.#opaque).length };
  }

  /** Ends our direction. */
  end(): void {
    this.socket.end();
  }

  /** Closes without a word: to the other side it looks like an end. */
  close(): void {
    this.socket.destroy();
  }

  /** Aborts: the other side sees a TCP reset. */
  reset(): void {
    this.raw.resetAndDestroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#isOpaque) {
      this.#opaque.push(chunk);
      return this.#wake();
    }
    this.#decoder.push(chunk);
    for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
      this.#frames.push(frame);
      if (frame.type !== 'offer' && frame.type !== 'paired') continue;
      this.#isOpaque = true;
      this.#opaque.push(this.#decoder.takeRest());
      break;
    }
    this.#wake();
  }

  #until(done: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!done() && !this.#ending) return;
        this.#waiters.delete(look);
        if (done()) resolve();
        else reject(new Error(`${this.#ending} before ${what}`));
      };
      this.#waiters.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiters]) look();
  }
}

/** Rejects when `raw` is closed before `bytes` are with the kernel. */
function sent(raw: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // It stays: the callback comes before the error of a connection that was refused.
    raw.on('error', reject);
    raw.write(bytes, () => {
      if (raw.destroyed) reject(new Error('closed before TLS began'));
      else resolve();
    });
  });
}

/** A HELLO for the info_hash of `pki`. */
export function hello(role: Role, more: Partial<Hello> = {}, pki: Pki = makePki()): Hello {
  return {
    type: 'hello',
    version: 1,
    role,
    infoHash: infoHashBytes(pki.infoHash),
    instance: Buffer.alloc(16, role === 'park' ? 0xb1 : 0xc2),
    software: 'test',
    wanted: undefined,
    except: [],
    avoid: [],
    ...more,
  };
}

/** The certificate and key that `beacon certs` gives a bridge or a broker, its CA behind it. */
export function identityOf(role: Role, pki: Pki = makePki()): { certificate: string; key: string } {
  const { certificate, key } = role === 'park' ? pki.bridge : pki.broker;
  return { certificate: certificate + pki.bridgeCa.certificate, key };
}

/** A bridge that is parked, or a broker that has said HELLO and may have sent `early`. */
export async function dialAs(
  role: Role,
  port: number,
  { more = {}, early = '', pki = makePki() }: { more?: Partial<Hello>; early?: string; pki?: Pki } = {},
): Promise<WireClient> {
  const client = await WireClient.dial(port, { identity: identityOf(role, pki) });
  client.send(hello(role, more, pki), early);
  if (role === 'park') await client.expect('parked');
  return client;
}

/** Lets `bridge`, which is parked, accept the next offer; `then` follows ACCEPT in the same write. */
export async function acceptOffer(bridge: WireClient, then = ''): Promise<Buffer> {
  const { pairId } = await bridge.expect('offer');
  bridge.send({ type: 'accept', pairId }, then);
  return pairId;
}

/** A bridge and a broker that are paired. */
export async function pairUp(port: number): Promise<{ bridge: WireClient; broker: WireClient }> {
  const bridge = await dialAs('park', port);
  const broker = await dialAs('connect', port);
  await acceptOffer(bridge);
  await broker.expect('paired');
  return { bridge, broker };
}

/** A bridge and a broker meet at the relay, talk, and leave; rejects where anything of it goes wrong. */
export async function pairOnce(port: number, pki: Pki = makePki()): Promise<void> {
  const bridge = await dialAs('park', port, { pki });
  const broker = await dialAs('connect', port, { early: 'question', pki });
  await acceptOffer(bridge, 'answer');
  await broker.expect('paired');
  deepStrictEqual([await bridge.opaque(8), await broker.opaque(6)], ['question', 'answer']);
  for (const client of [bridge, broker]) client.end();
  deepStrictEqual([await bridge.ended, await broker.ended], ['end', 'end']);
}
