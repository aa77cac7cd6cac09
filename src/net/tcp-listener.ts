/** The local door of a broker: accepts TCP, with TLS if it has a certificate, and hands out links. */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Link } from './link.ts';
import type { BoundAddress, ListenOptions } from './listen.ts';
import type { NoiseReason } from './noise.ts';
import type { Credentials } from './server-context.ts';
import { SocketServer } from './socket-server.ts';
import { TcpLink } from './tcp-link.ts';
import { TlsAcceptor } from './tls-acceptor.ts';

/** Clients of a secret store: HTTP/1.1 is what every one of them speaks. A client may leave ALPN out. */
const LOCAL_ALPN = 'http/1.1';

export interface TcpListenerOptions extends ListenOptions {
  /** TLS 1.2 or newer with this certificate; without it links carry what is on the wire. */
  readonly credentials?: Credentials;
  /** Milliseconds from accept to the end of the TLS handshake, where there is one. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** A new connection, paused. What it throws resets this connection only. */
  readonly onLink: (link: Link) => void;
}

export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #server: SocketServer;
  readonly #acceptor: TlsAcceptor | undefined;

  /** Throws `config` when the credentials cannot be used. */
  constructor(options: TcpListenerOptions) {
    this.#options = options;
    const { credentials } = options;
    this.#acceptor = credentials && this.#createAcceptor(credentials);
    this.#server = new SocketServer({
      host: options.host,
      port: options.port,
      onSocket: (socket, source) => this.#onSocket(socket, source),
      onFailure: (error) => this.#onNoise('internal', error),
    });
  }

  /** Throws `config` when the address cannot be listened on. */
  listen(): Promise<BoundAddress> {
    return this.#server.listen();
  }

  /** For connections accepted from now on; of no effect without TLS. Throws `config` and keeps the old pair. */
  setCredentials(credentials: Credentials): void {
    this.#acceptor?.setCredentials(credentials);
  }

  /** Frees the port; open links stay. Idempotent. */
  stopAccepting(): void {
    this.#server.stopAccepting();
  }

  /** Frees the port and resets every connection; resolves when all are gone. Idempotent. */
  close(): Promise<void> {
    return this.#server.close();
  }

  #onSocket(socket: Socket, source: string): void {
    if (this.#acceptor) return this.#acceptor.accept(socket, source);
    this.#handOut(new TcpLink(socket, source), socket);
  }

  #handOut(link: Link, raw: Socket): void {
    this.#server.adopt(raw, link);
    this.#options.onLink(link);
  }

  #createAcceptor(credentials: Credentials): TlsAcceptor {
    const { handshakeTimeoutMs, clock } = this.#options;
    return new TlsAcceptor({
      credentials,
      alpn: LOCAL_ALPN,
      alpnRequired: false,
      minVersion: 'TLSv1.2',
      requestCert: false,
      handshakeTimeoutMs,
      clock,
      onLink: (link, raw) => this.#handOut(link, raw),
      onNoise: (reason, detail) => this.#onNoise(reason, detail),
    });
  }

  #onNoise(reason: NoiseReason, detail?: unknown): void {
    const { log } = this.#options;
    log.debug('a connection of a client came to nothing', {
      reason,
      ...(detail !== undefined && { detail: messageOf(detail) }),
    });
    if (reason === 'internal')
      log.error('a connection of a client was dropped by a fault of ours; debug logs say more');
  }
}
