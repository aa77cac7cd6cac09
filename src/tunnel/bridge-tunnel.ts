/** The bridge's end of a tunnel. */
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Clock } from '../base/clock.ts';
import { asBeaconError, BeaconError } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { DENIED_LINGER_MS, H2_SESSION_WINDOW, INNER_HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { acceptTlsOver } from '../net/accept-tls-over.ts';
import type { Link } from '../net/link.ts';
import type { TcpEnds } from '../net/tcp-ends.ts';
import type { InnerTls } from '../net/tls-over.ts';
import type { Proven } from '../pki/proof.ts';
import { CLIENT_HEADER, parseClientHeader } from './client-header.ts';
import { Expiry } from './expiry.ts';
import {
  DENIED,
  demandProof,
  ERROR_HEADER,
  endWithPeer,
  INNER_ALPN,
  RENEW_SETTING,
  SESSION_OPTIONS,
  STREAM_REFUSALS,
  StreamCount,
  streamRefusal,
  type TunnelIdentity,
  tunnelClosed,
} from './http2.ts';
import { EXPORTED_KEY_BYTES, EXPORTER_LABEL } from './session/attach.ts';
import type { SessionStream } from './session-stream.ts';
import { streamLink } from './stream-link.ts';

/**
 * Reaches a target by its name. Rejects with `unknownTarget`, `targetUnreachable` or `targetTls`, and with `malformed` where
 * the target must be told the client and the broker does not name one.
 */
export type ReachTarget = (target: string, client?: TcpEnds) => Promise<Link>;

/** What a broker wants. */
export interface StreamRequest {
  /** By the broker's word: maybe no name at all. */
  readonly target: string;
  /** The broker's, DER, leaf first, judged good. */
  readonly peerChain: readonly Buffer[];
}

export interface BridgeTunnelHandler {
  /** A stream whose target was reached. Both links are the handler's now. */
  onStream(stream: Link, target: Link, request: StreamRequest): void;
  /** A stream that could not be served. The broker has been told the code, but for `closed`: it had left, or is denied. */
  onRefused(error: BeaconError, request: StreamRequest): void;
  /** Whether the broker with this chain (DER, leaf first, judged good) gets no tunnel. Default: every one gets one. */
  denies?(peerChain: readonly Buffer[]): boolean;
}

export class BridgeTunnel {
  readonly #below: SessionStream;
  readonly #session: ServerHttp2Session;
  readonly #streams: StreamCount;
  readonly #peerChain: readonly Buffer[];
  readonly #reach: ReachTarget;
  readonly #handler: BridgeTunnelHandler;
  readonly #clock: Clock;
  /** Resolves when the tunnel is gone; its streams have been aborted then. */
  readonly closed: Promise<void>;
  /** Of the CA that the broker's chain ends in. */
  readonly infoHash: InfoHash;
  #denied = false;
  #renewalAsked = false;

  private constructor(
    below: SessionStream,
    secure: InnerTls,
    { notAfterMs, infoHash }: Proven,
    { clock }: TunnelIdentity,
    reach: ReachTarget,
    handler: BridgeTunnelHandler,
  ) {
    this.#below = below;
    this.infoHash = infoHash;
    this.#session = performServerHandshake(endWithPeer(secure), SESSION_OPTIONS);
    this.#streams = new StreamCount(this.#session);
    this.#session.setLocalWindowSize(H2_SESSION_WINDOW);
    this.#peerChain = secure.peerChain;
    this.#reach = reach;
    this.#handler = handler;
    this.#clock = clock;
    this.closed = tunnelClosed(this.#session, below);
    this.#session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      void this.#serve(stream, headers);
    });
    const expiry = new Expiry(clock, notAfterMs, () => this.destroy());
    void this.closed.then(() => expiry.cancel());
  }

  /**
   * Takes over a session that a broker has begun. Rejects with `untrusted` when the other end is no broker under the CA, or
   * a denied one, else `closed` or `timeout`; the session is destroyed then. The tunnel ends when the first certificate of the
   * broker's chain expires.
   */
  static async accept(
    below: SessionStream,
    identity: TunnelIdentity,
    reach: ReachTarget,
    handler: BridgeTunnelHandler,
  ): Promise<BridgeTunnel> {
    const secure = await acceptTlsOver(below, {
      ca: [identity.caPem],
      identity,
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock: identity.clock,
    });
    const proven = demandProof(secure, identity, 'connect');
    below.establish(secure.exportKeyingMaterial(EXPORTED_KEY_BYTES, EXPORTER_LABEL));
    const tunnel = new BridgeTunnel(below, secure, proven, identity, reach, handler);
    if (!tunnel.denyIfListed()) return tunnel;
    await tunnel.closed;
    throw new BeaconError('untrusted', 'the certificate of this broker is on the deny list');
  }

  /** Asks the broker to replace this tunnel by a new one, in which it sees the certificate that the bridge has now. */
  askRenewal(): void {
    if (this.#renewalAsked || this.#session.closed || this.#session.destroyed) return;
    this.#renewalAsked = true;
    this.#session.settings({ customSettings: { [RENEW_SETTING]: 1 } });
  }

  /** Looks at the deny list again: whether the broker is on it. It is told so then, and cut within DENIED_LINGER_MS. */
  denyIfListed(): boolean {
    if (this.#denied) return true;
    if (!this.#handler.denies?.(this.#peerChain)) return false;
    this.#denied = true;
    if (this.#session.destroyed) return true;
    // nghttp2 looks at no new stream after it.
    this.#session.goaway(DENIED);
    const timer = this.#clock.after(DENIED_LINGER_MS, () => this.destroy());
    void this.closed.then(() => timer.cancel());
    return true;
  }

  /**
   * Says GOAWAY, lets the running streams finish, then ends the tunnel. Streams that cross the GOAWAY are not looked at
   * (RFC 9113, section 6.8); the broker opens them again in another tunnel.
   */
  async close(): Promise<void> {
    if (!this.#session.destroyed) this.#session.close();
    await this.closed;
  }

  /** Ends the tunnel now; its streams are aborted. */
  destroy(): void {
    this.#below.destroy(new BeaconError('closed', 'the tunnel was cut here'));
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    this.#streams.add(stream);
    const link = streamLink(stream, this.#peerChain);
    const request = { target: headers[':authority'] ?? '', peerChain: this.#peerChain };
    try {
      if (headers[':method'] !== 'CONNECT')
        throw new BeaconError('unknownTarget', 'a stream must be a CONNECT');
      const target = await this.#reach(request.target, parseClientHeader(headers[CLIENT_HEADER]));
      if (this.#denied || stream.closed || stream.destroyed) {
        target.reset();
        const gone = new BeaconError('closed', 'a stream was gone before its target was reached');
        return this.#handler.onRefused(gone, request);
      }
      stream.respond({ ':status': 200 });
      this.#handler.onStream(link, target, request);
    } catch (cause) {
      const error = asBeaconError(cause);
      refuse(stream, error);
      this.#handler.onRefused(error, request);
    }
  }
}

function refuse(stream: ServerHttp2Stream, error: BeaconError): void {
  if (stream.closed || stream.destroyed) return;
  const refusal = streamRefusal(error.code);
  stream.respond({ ':status': STREAM_REFUSALS[refusal], [ERROR_HEADER]: refusal }, { endStream: true });
  // What the broker has sent already is of no use; unread, it would keep the stream open.
  stream.resume();
}
