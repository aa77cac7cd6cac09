/** The public door: accepts TCP, asks whether the source may come in, does TLS, hands out links. */
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Link } from './link.ts';
import type { NoiseReason, OnNoise } from './noise.ts';
import type { Credentials } from './server-context.ts';
import { type BoundAddress, type ListenOptions, SocketServer } from './socket-server.ts';
import { TlsAcceptor } from './tls-acceptor.ts';

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
  /** Asked right after accept, before any TLS object exists. Default: everybody may come in. */
  readonly admit?: (source: string) => boolean;
  /** A connection whose handshake is done, paused. What it throws resets this connection only. */
  readonly onLink: (link: Link) => void;
  /** A connection that did not become a link, or that a handler of ours failed on; for counting. Must not throw. */
  readonly onNoise?: OnNoise;
}

export class TlsListener {
  readonly #options: TlsListenerOptions;
  readonly #server: SocketServer;
  readonly #acceptor: TlsAcceptor;

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
      clock,
      onLink: (link, raw) => {
        this.#server.adopt(raw, link);
        options.onLink(link);
      },
      onNoise: (reason, detail) => this.#onNoise(reason, detail),
    });
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

  #onSocket(socket: Socket, source: string): void {
    if (this.#options.admit?.(source) === false) {
      socket.destroy();
      return this.#onNoise('notAdmitted');
    }
    this.#acceptor.accept(socket, source);
  }

  #onNoise(reason: NoiseReason, detail?: unknown): void {
    const { log, onNoise } = this.#options;
    log.debug('a connection ended before it was a link', {
      reason,
      ...(detail !== undefined && { detail: messageOf(detail) }),
    });
    if (reason === 'internal') log.error('a connection was dropped by a fault of ours; debug logs say more');
    onNoise?.(reason, detail);
  }
}
