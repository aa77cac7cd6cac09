/** The broker's end of a tunnel. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import {
  BROKER_STREAMS,
  H2_SESSION_WINDOW,
  INNER_HANDSHAKE_TIMEOUT_MS,
  STREAM_ACCEPT_MS,
} from '../base/limits.ts';
import type { Link } from '../net/link.ts';
import { connectTlsOver, type InnerTls } from '../net/tls-over.ts';
import {
  BRIDGE_NAME,
  demandProof,
  ERROR_HEADER,
  endWithPeer,
  INNER_ALPN,
  SESSION_OPTIONS,
  StreamCount,
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
  /**
   * Resolves when the bridge has reached the target. Else the link is reset, and this rejects with why: what the bridge
   * says, `noTunnel` when it never looked at the stream, which may be opened again elsewhere, `timeout` or `closed`.
   */
  readonly accepted: Promise<void>;
}

export class BrokerTunnel {
  readonly #leg: LegStream;
  readonly #clock: Clock;
  readonly #session: ClientHttp2Session;
  readonly #streams: StreamCount;
  readonly #peerChain: readonly Buffer[];
  /** Resolves when the tunnel is gone; its streams have been aborted then. */
  readonly closed: Promise<void>;
  /** Resolves when the bridge takes no new streams: it said GOAWAY, or the tunnel is gone. */
  readonly left: Promise<'goaway' | 'gone'>;

  private constructor(leg: LegStream, session: ClientHttp2Session, secure: InnerTls, clock: Clock) {
    this.#leg = leg;
    this.#clock = clock;
    this.#session = session;
    this.#streams = new StreamCount(session);
    this.#peerChain = secure.peerChain;
    this.closed = tunnelClosed(session, leg);
    this.left = new Promise((resolve) => {
      session.once('goaway', (code) => resolve(code === constants.NGHTTP2_NO_ERROR ? 'goaway' : 'gone'));
      session.once('close', () => resolve('gone'));
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
    return new BrokerTunnel(leg, session, secure, identity.clock);
  }

  /** Whether the tunnel takes new streams, now or when others have ended. */
  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Whether it takes one now. */
  get hasRoom(): boolean {
    return this.usable && this.#streams.open < BROKER_STREAMS;
  }

  /** @param target name of the target, as the bridge knows it. Call only while there {@link hasRoom is room}. */
  connect(target: string): OpenedStream {
    const stream = this.#session.request({ ':method': 'CONNECT', ':authority': target });
    this.#streams.add(stream);
    const link = streamLink(stream, this.#peerChain);
    const accepted = this.#acceptance(stream, link);
    accepted.catch(() => {});
    return { link, accepted };
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

  async #acceptance(stream: ClientHttp2Stream, link: Link): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#clock.after(STREAM_ACCEPT_MS, () =>
      reject(new BeaconError('timeout', 'the bridge does not answer; is it overloaded, or stopped?')),
    );
    stream.once('response', (headers) => {
      if (headers[':status'] === 200) return resolve();
      const code = streamRefusal(headers[ERROR_HEADER]);
      // At once: the refusal has ended the stream, and this end must not be read as one.
      link.reset();
      reject(new BeaconError(code, `the bridge refused a stream: ${code}`));
    });
    stream.once('close', () => reject(unseen(stream) ?? tunnelCut()));
    try {
      await promise;
    } catch (error) {
      link.reset();
      throw error;
    } finally {
      timer.cancel();
    }
  }
}

/** RFC 9113, section 8.7: a stream refused by this code was not processed. nghttp2 uses it as well for one it never sent. */
function unseen({ rstCode }: ClientHttp2Stream): BeaconError | undefined {
  if (rstCode !== constants.NGHTTP2_REFUSED_STREAM) return undefined;
  return new BeaconError('noTunnel', 'the bridge left before it looked at a stream', { retry: true });
}

function tunnelCut(): BeaconError {
  return new BeaconError('closed', 'the tunnel was cut', { retry: true });
}
