/** The broker's end of a tunnel. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { BeaconError } from '../base/errors.ts';
import { H2_SESSION_WINDOW, INNER_HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { connectTlsOver, type InnerTls } from '../net/tls-over.ts';
import {
  BRIDGE_NAME,
  demandProof,
  endWithPeer,
  ERROR_HEADER,
  INNER_ALPN,
  SESSION_OPTIONS,
  streamRefusal,
  type TunnelIdentity,
  tunnelClosed,
} from './http2.ts';
import { LegStream } from './leg-stream.ts';
import { streamLink } from './stream-link.ts';

/** A stream that the broker opened. */
export interface OpenedStream {
  /** Bytes may be written at once; they wait at the bridge until the target is reached. */
  readonly link: Link;
  /** Resolves when the bridge has reached the target; rejects with why not, and the link is reset then. */
  readonly accepted: Promise<void>;
}

export class BrokerTunnel {
  readonly #leg: LegStream;
  readonly #session: ClientHttp2Session;
  readonly #peerChain: readonly Buffer[];
  /** Resolves when the tunnel is gone; its streams have been aborted then. */
  readonly closed: Promise<void>;
  /** Resolves when the bridge takes no new streams: it said GOAWAY, or the tunnel is gone. */
  readonly left: Promise<void>;

  private constructor(leg: LegStream, session: ClientHttp2Session, secure: InnerTls) {
    this.#leg = leg;
    this.#session = session;
    this.#peerChain = secure.peerChain;
    this.closed = tunnelClosed(session, leg);
    this.left = new Promise((resolve) => {
      session.once('goaway', () => resolve());
      session.once('close', () => resolve());
    });
  }

  /**
   * Takes over a link that was just paired. Rejects with `untrusted` when the other end is not the bridge, else
   * `closed` or `timeout`; the link is reset then.
   */
  static async open(link: Link, identity: TunnelIdentity): Promise<BrokerTunnel> {
    const leg = new LegStream(link, identity.clock);
    const secure = await connectTlsOver(leg, {
      trust: { ca: [identity.caPem] },
      identity,
      servername: BRIDGE_NAME,
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock: identity.clock,
    });
    demandProof(secure, identity, 'park');
    const session = connect(`https://${BRIDGE_NAME}`, {
      ...SESSION_OPTIONS,
      createConnection: () => endWithPeer(secure),
    });
    session.once('connect', () => session.setLocalWindowSize(H2_SESSION_WINDOW));
    return new BrokerTunnel(leg, session, secure);
  }

  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** @param target name of the target, as the bridge knows it. Call only while {@link usable}. */
  connect(target: string): OpenedStream {
    const stream = this.#session.request({ ':method': 'CONNECT', ':authority': target });
    const link = streamLink(stream, this.#peerChain);
    return { link, accepted: acceptance(stream, link) };
  }

  /** Opens no new streams, lets the running ones finish, then ends the tunnel. */
  async close(): Promise<void> {
    if (!this.#session.destroyed) this.#session.close();
    await this.closed;
  }

  /** Ends the tunnel now; its streams are aborted. */
  destroy(): void {
    this.#leg.reset();
  }
}

function acceptance(stream: ClientHttp2Stream, link: Link): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers) => {
      if (headers[':status'] === 200) return resolve();
      const code = streamRefusal(headers[ERROR_HEADER]);
      reject(new BeaconError(code, `the bridge refused a stream: ${code}`));
      link.reset();
    });
    stream.once('close', () => reject(new BeaconError('closed', 'the tunnel was cut', { retry: true })));
  });
}
