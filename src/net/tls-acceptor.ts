/**
 * Turns accepted TCP sockets into TLS links, within a deadline. Everything a stranger can send or leave out before
 * the end of the handshake is dealt with here.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { creatingBuffers } from './buffers.ts';
import { handshakeNoise, type NoiseReason, type OnNoise } from './noise.ts';
import { type Credentials, serverContext, type TlsVersion } from './server-context.ts';
import { TlsLink } from './tls-link.ts';

export interface TlsAcceptorOptions {
  readonly credentials: Credentials;
  /** The protocol we speak (RFC 7301). A client that offers others only gets the alert no_application_protocol. */
  readonly alpn: string;
  /** Whether a client that offers no protocol at all is closed after its handshake. */
  readonly alpnRequired: boolean;
  readonly minVersion: TlsVersion;
  /** Asks the client for a certificate; whatever it sends, or not, the handshake goes on, unless `clientCa` is given. */
  readonly requestCert: boolean;
  /**
   * Authorities, PEM: a client without a certificate for TLS clients that chains to one of them is no link. Node closes it
   * without an alert, so that is noise `closed`, or `handshake` where it sent none.
   */
  readonly clientCa?: readonly string[];
  /** Milliseconds from {@link TlsAcceptor.accept} to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
  readonly onLink: (link: TlsLink, raw: Socket) => void;
  readonly onNoise: OnNoise;
}

/** A connection between accept and the end of its handshake. */
interface Pending {
  readonly raw: Socket;
  readonly source: string;
  readonly timer: Timer;
  settled: boolean;
}

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #server: Server;
  /** tls.Server does not say which socket a TLSSocket stands on; its callbacks run in the context of ours. */
  readonly #current = new AsyncLocalStorage<Pending | undefined>();

  /** Throws `config` when the credentials cannot be used. */
  constructor(options: TlsAcceptorOptions) {
    this.#options = options;
    this.#server = createServer({
      ...serverContext(options.credentials, options.minVersion, options.clientCa),
      // A list, not a callback: no code of ours runs below OpenSSL, so none can throw there.
      ALPNProtocols: [options.alpn],
      requestCert: options.requestCert || options.clientCa !== undefined,
      rejectUnauthorized: options.clientCa !== undefined,
    });
    this.#server.on('secureConnection', (stream) => this.#onSecure(stream));
    this.#server.on('tlsClientError', (error) => {
      const pending = this.#current.getStore();
      if (pending) this.#fail(pending, handshakeNoise(error), error);
    });
  }

  /** For handshakes that begin from now on. Throws `config` and keeps the old pair when the new one is of no use. */
  setCredentials(credentials: Credentials): void {
    const { minVersion, clientCa } = this.#options;
    this.#server.setSecureContext(serverContext(credentials, minVersion, clientCa));
  }

  /** Takes over `raw`, from which nothing has been read, in the turn in which it was accepted. */
  accept(raw: Socket, source: string): void {
    const { clock, handshakeTimeoutMs } = this.#options;
    const pending: Pending = {
      raw,
      source,
      timer: clock.after(handshakeTimeoutMs, () => this.#fail(pending, 'timeout')),
      settled: false,
    };
    raw.once('close', () => this.#fail(pending, 'closed'));
    // Half-open only from the handshake on: a peer that leaves before must not wait for its deadline.
    raw.allowHalfOpen = false;
    this.#current.run(pending, () => {
      creatingBuffers(() => this.#server.emit('connection', raw));
    });
  }

  #onSecure(stream: TLSSocket): void {
    const pending = this.#current.getStore();
    if (!pending || pending.settled) return void stream.destroy();
    if (this.#options.alpnRequired && stream.alpnProtocol !== this.#options.alpn) {
      return this.#fail(pending, 'alpn');
    }
    // tls.Server has closed such a client already: who comes in here may ask for much, so both must agree.
    if (this.#options.clientCa && !stream.authorized) return this.#fail(pending, 'handshake');
    this.#settle(pending);
    stream.allowHalfOpen = true;
    const link = new TlsLink(stream, pending.raw, pending.source);
    try {
      this.#current.run(undefined, () => this.#options.onLink(link, pending.raw));
    } catch (error) {
      // It would surface inside OpenSSL's callback and end the process.
      link.reset();
      this.#options.onNoise('internal', error);
    }
  }

  #settle(pending: Pending): void {
    pending.settled = true;
    pending.timer.cancel();
  }

  #fail(pending: Pending, reason: NoiseReason, detail?: unknown): void {
    if (pending.settled) return;
    this.#settle(pending);
    pending.raw.destroy();
    this.#options.onNoise(reason, detail);
  }
}
