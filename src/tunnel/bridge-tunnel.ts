/** The bridge's end of a tunnel. */
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { asBeaconError, BeaconError } from '../base/errors.ts';
import { H2_SESSION_WINDOW, INNER_HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { acceptTlsOver } from '../net/accept-tls-over.ts';
import type { Link } from '../net/link.ts';
import type { InnerTls } from '../net/tls-over.ts';
import {
  demandProof,
  ERROR_HEADER,
  endWithPeer,
  INNER_ALPN,
  SESSION_OPTIONS,
  STREAM_REFUSALS,
  StreamCount,
  streamRefusal,
  type TunnelIdentity,
  tunnelClosed,
} from './http2.ts';
import { LegStream } from './leg-stream.ts';
import { streamLink } from './stream-link.ts';

/** Reaches a target by its name. Rejects with `unknownTarget`, `targetUnreachable` or `targetTls`. */
export type ReachTarget = (target: string) => Promise<Link>;

export interface BridgeTunnelHandler {
  /** A stream whose target was reached. Both links are the handler's now. */
  onStream(stream: Link, target: Link): void;
  /** A stream that could not be served; the broker has been told the code. */
  onRefused(error: BeaconError): void;
}

export class BridgeTunnel {
  readonly #leg: LegStream;
  readonly #session: ServerHttp2Session;
  readonly #streams: StreamCount;
  readonly #peerChain: readonly Buffer[];
  readonly #reach: ReachTarget;
  readonly #handler: BridgeTunnelHandler;
  /** Resolves when the tunnel is gone; its streams have been aborted then. */
  readonly closed: Promise<void>;

  private constructor(leg: LegStream, secure: InnerTls, reach: ReachTarget, handler: BridgeTunnelHandler) {
    this.#leg = leg;
    this.#session = performServerHandshake(endWithPeer(secure), SESSION_OPTIONS);
    this.#streams = new StreamCount(this.#session);
    this.#session.setLocalWindowSize(H2_SESSION_WINDOW);
    this.#peerChain = secure.peerChain;
    this.#reach = reach;
    this.#handler = handler;
    this.closed = tunnelClosed(this.#session, leg);
    this.#session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      void this.#serve(stream, headers);
    });
  }

  /**
   * Takes over a link whose pairing was just accepted. Rejects with `untrusted` when the other end is no broker
   * under the CA, else `closed` or `timeout`; the link is reset then.
   */
  static async accept(
    link: Link,
    identity: TunnelIdentity,
    reach: ReachTarget,
    handler: BridgeTunnelHandler,
  ): Promise<BridgeTunnel> {
    const leg = new LegStream(link, identity.clock);
    const secure = await acceptTlsOver(leg, {
      ca: [identity.caPem],
      identity,
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock: identity.clock,
    });
    demandProof(secure, identity, 'connect');
    return new BridgeTunnel(leg, secure, reach, handler);
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
    this.#leg.reset();
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    this.#streams.add(stream);
    const link = streamLink(stream, this.#peerChain);
    try {
      if (headers[':method'] !== 'CONNECT')
        throw new BeaconError('unknownTarget', 'a stream must be a CONNECT');
      const target = await this.#reach(headers[':authority'] ?? '');
      if (stream.closed || stream.destroyed) return target.reset();
      stream.respond({ ':status': 200 });
      this.#handler.onStream(link, target);
    } catch (cause) {
      const error = asBeaconError(cause);
      refuse(stream, error);
      this.#handler.onRefused(error);
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
