/**
 * Turns accepted TCP sockets into TLS links, within a deadline. Everything a stranger can send or leave out before
 * the end of the handshake is dealt with here.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { creatingBuffers } from './buffers.ts';
import { FirstBytes } from './door/first-bytes.ts';
import type { Handshake, Handshakes } from './door/handshakes.ts';
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
  /**
   * The budget that handshakes of this process share: TLS begins when the whole ClientHello is here and the budget says so.
   * Default: none, it begins at once.
   */
  readonly handshakes?: Handshakes;
  readonly clock: Clock;
  readonly onLink: (link: TlsLink, raw: Socket) => void;
  /** Milliseconds from {@link TlsAcceptor.accept} to the end of a handshake that made a link. For metrics. */
  readonly onHandshake?: (ms: number) => void;
  readonly onNoise: OnNoise;
}

/** A connection between accept and the end of its handshake. */
interface Pending {
  readonly raw: Socket;
  readonly source: string;
  readonly timer: Timer;
  readonly since: number;
  handshake: Handshake | undefined;
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

  /**
   * Takes over `raw`, paused, in the turn in which it was accepted; bytes that were read are back in it.
   *
   * @param budgetSource the source as the budget counts it. Default: `source`, which the link will bear.
   */
  accept(raw: Socket, source: string, budgetSource: string = source): void {
    const { clock, handshakeTimeoutMs, handshakes } = this.#options;
    const pending: Pending = {
      raw,
      source,
      timer: clock.after(handshakeTimeoutMs, () => this.#fail(pending, 'timeout')),
      since: clock.now(),
      handshake: undefined,
      settled: false,
    };
    raw.once('close', () => this.#fail(pending, 'closed'));
    // Half-open only from the handshake on: a peer that leaves before must not wait for its deadline.
    raw.allowHalfOpen = false;
    if (handshakes) this.#await(pending, handshakes, budgetSource);
    else this.#begin(pending);
  }

  /** Reads until the ClientHello is whole, then waits for a place. */
  #await(pending: Pending, handshakes: Handshakes, budgetSource: string): void {
    const handshake = handshakes.enter(budgetSource, {
      start: () => this.#beginWith(pending, handshake, bytes),
      crowded: () => this.#fail(pending, 'crowded'),
    });
    pending.handshake = handshake;
    // It may have been the one too many.
    if (pending.settled) return handshake.leave();
    const bytes = new FirstBytes(pending.raw, {
      onWhole: () => handshake.ready(),
      onWrong: (reason) => this.#fail(pending, reason),
    });
  }

  #beginWith(pending: Pending, handshake: Handshake, bytes: FirstBytes): void {
    bytes.giveBack();
    try {
      this.#begin(pending);
    } catch (error) {
      return this.#fail(pending, 'internal', error);
    }
    // TLS was put on top and reads what was given back in the next tick; our flight is with the kernel by the end of it.
    process.nextTick(() => handshake.written());
  }

  #begin(pending: Pending): void {
    this.#current.run(pending, () => {
      creatingBuffers(() => this.#server.emit('connection', pending.raw));
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
    pending.handshake?.done();
    this.#options.onHandshake?.(this.#options.clock.now() - pending.since);
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
    pending.handshake?.leave();
    // One packet instead of four: in a flood it is what most of our time goes into.
    if (reason === 'crowded') pending.raw.resetAndDestroy();
    else pending.raw.destroy();
    this.#options.onNoise(reason, detail);
  }
}
