/** A public port: accepts TCP, lets connections pass the door, does TLS, hands out links. */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { ACCEPTING_SOCKETS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type Door, type Entry, openEntry } from './door/door.ts';
import type { Link } from './link.ts';
import type { BoundAddress, ListenOptions } from './listen.ts';
import type { NoiseReason, OnNoise } from './noise.ts';
import type { Credentials } from './server-context.ts';
import { SocketServer } from './socket-server.ts';
import { TlsAcceptor } from './tls-acceptor.ts';

export interface ListenerDoor {
  readonly door: Door;
  /** Whether connections from trusted proxies begin with a PROXY header. */
  readonly proxied: boolean;
  /** Whether those over the rate limit do TLS and become links, which say so; else they are closed. */
  readonly tells: boolean;
}

export interface TlsListenerOptions extends ListenOptions {
  readonly credentials: Credentials;
  /** The one protocol that clients must offer (RFC 7301). */
  readonly alpn: string;
  /** Whether to ask clients for a certificate. It is not rejected here, but by `clientCa`: judge {@link Link.peerChain}. */
  readonly requestCert: boolean;
  /**
   * Authorities, PEM. A client that shows no certificate for TLS clients (RFC 5280, section 4.2.1.12) which chains to one
   * of them is closed by the end of its handshake. Default: whoever comes becomes a link.
   */
  readonly clientCa?: readonly string[];
  /** Milliseconds from accept to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What connections pass before their handshake. Default: everybody may come in. */
  readonly door?: ListenerDoor;
  /** A connection whose handshake is done, paused, and how it came in. What it throws resets this connection only. */
  readonly onLink: (link: Link, entry: Entry) => void;
  /** A connection that did not become a link, or that a handler of ours failed on; for counting. Must not throw. */
  readonly onNoise?: OnNoise;
  /** As {@link TlsAcceptorOptions.onHandshake}. */
  readonly onHandshake?: (ms: number) => void;
}

/** What its users need of it. */
export type Listener = Pick<TlsListener, 'listen' | 'setCredentials' | 'stopAccepting' | 'close'>;

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: SocketServer;
  readonly #acceptor: TlsAcceptor;
  /** Of sockets between the door and the end of their handshake. */
  readonly #entries = new WeakMap<Socket, Entry>();

  /** Throws `config` when the credentials cannot be used. */
  constructor(options: TlsListenerOptions) {
    this.#options = options;
    const { credentials, alpn, requestCert, clientCa, handshakeTimeoutMs, clock } = options;
    this.#acceptor = new TlsAcceptor({
      credentials,
      alpn,
      alpnRequired: true,
      minVersion: 'TLSv1.3',
      requestCert,
      ...(clientCa && { clientCa }),
      handshakeTimeoutMs,
      ...(options.door && { handshakes: options.door.door.handshakes }),
      clock,
      onLink: (link, raw) => {
        this.#server.adopt(raw, link);
        options.onLink(link, this.#entries.get(raw) ?? openEntry(link.source));
      },
      onNoise: (reason, detail) => this.#onNoise(reason, detail),
      ...(options.onHandshake && { onHandshake: options.onHandshake }),
    });
    this.#server = new SocketServer({
      host: options.host,
      port: options.port,
      ...(options.door && { acceptors: ACCEPTING_SOCKETS }),
      onSocket: (socket, source) => this.#onSocket(socket, source),
      onFailure: (error) => this.#onNoise('internal', error),
    });
  }

  /** Throws `config` when the address cannot be listened on. */
  listen(): Promise<BoundAddress> {
    return this.#server.listen();
  }

  /** For connections accepted from now on. Throws `config` and keeps the old pair when the new one is of no use. */
  setCredentials(credentials: Credentials): void {
    this.#acceptor.setCredentials(credentials);
  }

  /** Frees the port; links and handshakes under way go on. Idempotent. */
  stopAccepting(): void {
    this.#server.stopAccepting();
  }

  /** Frees the port and resets every connection; resolves when all are gone. Idempotent. */
  close(): Promise<void> {
    return this.#server.close();
  }

  #onSocket(socket: Socket, peer: string): void {
    const { door } = this.#options;
    if (!door) return this.#acceptor.accept(socket, peer);
    door.door.enter({
      socket,
      peer,
      proxied: door.proxied,
      tells: door.tells,
      onEntry: (entry) => {
        this.#entries.set(socket, entry);
        this.#acceptor.accept(socket, entry.source, entry.key);
      },
      onTurnedAway: (reason, detail) => this.#onNoise(reason, detail),
    });
  }

  #onNoise(reason: NoiseReason, detail?: unknown): void {
    const { log, onNoise } = this.#options;
    log.debug('a connection came to nothing', {
      reason,
      ...(detail !== undefined && { detail: messageOf(detail) }),
    });
    if (reason === 'internal') log.error('a connection was dropped by a fault of ours; debug logs say more');
    onNoise?.(reason, detail);
  }
}
