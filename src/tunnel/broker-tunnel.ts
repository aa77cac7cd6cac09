/** The broker's end of a tunnel. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import {
  BROKER_STREAMS,
  H2_SESSION_WINDOW,
  INNER_HANDSHAKE_TIMEOUT_MS,
  STREAM_ACCEPT_MS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import type { TcpEnds } from '../net/tcp-ends.ts';
import { connectTlsOver, type InnerTls } from '../net/tls-over.ts';
import type { Proven } from '../pki/proof.ts';
import { CLIENT_HEADER, clientHeader } from './client-header.ts';
import { Expiry } from './expiry.ts';
import { SESSION_ID_BYTES } from './frames.ts';
import {
  BRIDGE_NAME,
  DENIED,
  demandProof,
  ERROR_HEADER,
  endWithPeer,
  INNER_ALPN,
  RENEW_SETTING,
  SESSION_OPTIONS,
  STREAM_REFUSAL_ADVICE,
  StreamCount,
  streamRefusal,
  type TunnelIdentity,
  tunnelClosed,
} from './http2.ts';
import type { Leg } from './leg.ts';
import { attachLeg, beginSession } from './open-leg.ts';
import { EXPORTED_KEY_BYTES, EXPORTER_LABEL } from './session/attach.ts';
import type { LegId, SessionStats } from './session/types.ts';
import { SessionStream, type SessionWatcher } from './session-stream.ts';
import { streamLink } from './stream-link.ts';

/** The number of the leg that begins a session. */
const FIRST_LEG: LegId = 1;

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

/**
 * Why a bridge takes no new streams: it leaves in good order, it is gone, it has the broker's certificate on its deny
 * list, or its own certificate has expired.
 */
export type Left = 'goaway' | 'gone' | 'denied' | 'expired';

/** A link that was just paired, and the nodes that it crosses. */
export interface PairedLink {
  readonly link: Link;
  readonly path: readonly string[];
}

export interface BrokerTunnelOptions {
  readonly identity: TunnelIdentity;
  readonly random: Random;
  readonly watcher: SessionWatcher;
}

export class BrokerTunnel {
  readonly #below: SessionStream;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #session: ClientHttp2Session;
  readonly #streams: StreamCount;
  readonly #peerChain: readonly Buffer[];
  /** Resolves when the tunnel is gone; its streams have been aborted then. */
  readonly closed: Promise<void>;
  /** Resolves when legs may attach, or never will. */
  readonly ready: Promise<void>;
  /** Resolves when the bridge takes no new streams: it said GOAWAY, or the tunnel is gone. */
  readonly left: Promise<Left>;
  /** Resolves when the bridge asks for a new tunnel in place of this one; it serves on until then. It may never. */
  readonly renewalAsked: Promise<void>;
  /** Of the CA that the bridge's chain ends in. */
  readonly infoHash: InfoHash;
  /** The group of the key exchange with the bridge. */
  readonly group: string | undefined;
  /** When the first certificate of the bridge's chain expires, in milliseconds since 1970. The tunnel ends then. */
  readonly notAfterMs: number;

  #lastLeg: LegId = FIRST_LEG;

  private constructor(
    below: SessionStream,
    session: ClientHttp2Session,
    secure: InnerTls,
    { notAfterMs, infoHash }: Proven,
    { identity, random }: BrokerTunnelOptions,
  ) {
    this.#below = below;
    this.#random = random;
    this.#clock = identity.clock;
    this.#session = session;
    this.#streams = new StreamCount(session);
    this.#peerChain = secure.peerChain;
    this.closed = tunnelClosed(session, below);
    this.ready = new Promise((resolve) => {
      session.once('remoteSettings', () => resolve());
      session.once('close', () => resolve());
    });
    this.renewalAsked = new Promise((resolve) => {
      session.on('remoteSettings', ({ customSettings }) => {
        if (customSettings?.[RENEW_SETTING] === 1) resolve();
      });
    });
    this.infoHash = infoHash;
    this.notAfterMs = notAfterMs;
    this.group = secure.group;
    const left = Promise.withResolvers<Left>();
    this.left = left.promise;
    session.once('goaway', (code) => left.resolve(leftBy(code)));
    session.once('close', () => left.resolve('gone'));
    const expiry = new Expiry(identity.clock, notAfterMs, () => {
      left.resolve('expired');
      this.destroy();
    });
    void this.closed.then(() => expiry.cancel());
  }

  /**
   * Begins a session on a link that was just paired. Rejects with `untrusted` when the other end is not the bridge, else
   * `closed` or `timeout`; the link is reset then.
   */
  static async open({ link, path }: PairedLink, options: BrokerTunnelOptions): Promise<BrokerTunnel> {
    const { identity, random, watcher } = options;
    const { clock } = identity;
    const id = random.bytes(SESSION_ID_BYTES);
    const below = new SessionStream({ role: 'broker', id, clock, watcher });
    beginSession(below, { id: FIRST_LEG, link, path, clock });
    const secure = await connectTlsOver(below, {
      trust: { ca: [identity.caPem] },
      identity,
      servername: BRIDGE_NAME,
      alpn: INNER_ALPN,
      timeoutMs: INNER_HANDSHAKE_TIMEOUT_MS,
      clock,
    });
    const proven = demandProof(secure, identity, 'park');
    const session = connect(`https://${BRIDGE_NAME}`, {
      ...SESSION_OPTIONS,
      createConnection: () => endWithPeer(secure),
    });
    session.once('connect', () => session.setLocalWindowSize(H2_SESSION_WINDOW));
    const key = secure.exportKeyingMaterial(EXPORTED_KEY_BYTES, EXPORTER_LABEL);
    // Its SETTINGS show that the bridge has seen our certificate: in TLS 1.3 our end is done before.
    session.once('remoteSettings', () => below.establish(key));
    return new BrokerTunnel(below, session, secure, proven, options);
  }

  /**
   * Takes over another paired link of the same bridge: a leg of this tunnel once it has proved itself. Rejects with
   * `proofInvalid` when the bridge does not have the session, `timeout`, `malformed` or `closed`; the link is reset then.
   */
  attach({ link, path }: PairedLink, signal: AbortSignal): Promise<Leg> {
    this.#lastLeg += 1;
    const [id, clock, random] = [this.#lastLeg, this.#clock, this.#random];
    return attachLeg(this.#below, { id, link, path, clock, random, signal });
  }

  /** Whether legs may attach: both ends have finished the inner handshake, and the tunnel is not gone. */
  get attachable(): boolean {
    return this.#below.key !== undefined;
  }

  get legs(): readonly Leg[] {
    return this.#below.legs;
  }

  /** Resets a leg that another one has replaced; nothing is lost with it. */
  release(leg: Leg): void {
    this.#below.release(leg);
  }

  get stats(): SessionStats {
    return this.#below.stats;
  }

  /** Streams that are open in it. */
  get streams(): number {
    return this.#streams.open;
  }

  /** Whether the tunnel takes new streams, now or when others have ended. */
  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Whether it takes one now. */
  get hasRoom(): boolean {
    return this.usable && this.#streams.open < BROKER_STREAMS;
  }

  /**
   * Call only while there {@link hasRoom is room}.
   *
   * @param target name of the target, as the bridge knows it.
   * @param client whose connection it is, for the bridge. Default: the bridge is not told.
   */
  connect(target: string, client?: TcpEnds): OpenedStream {
    const stream = this.#session.request({
      ':method': 'CONNECT',
      ':authority': target,
      ...(client && { [CLIENT_HEADER]: clientHeader(client) }),
    });
    this.#streams.add(stream);
    const link = streamLink(stream, this.#peerChain);
    const accepted = this.#acceptance(stream, link);
    accepted.catch(() => {});
    return { link, accepted };
  }

  /** Resolves when the bridge has let us in, and answers. Rejects with `closed` when it has not; the tunnel is gone then. */
  async admitted(): Promise<void> {
    await this.ready;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    void this.closed.then(() => resolve(false));
    // A bridge that denies us says so before it answers; SETTINGS come before that.
    if (this.usable) this.#session.ping((error) => resolve(error === null));
    const isAdmitted = this.usable && (await promise);
    if (!isAdmitted) throw new BeaconError('closed', 'the bridge did not let us in', { retry: true });
  }

  /** Opens no new streams, lets the running ones finish, then ends the tunnel. */
  async close(): Promise<void> {
    if (!this.#session.destroyed) this.#session.close();
    await this.closed;
  }

  /** Ends the tunnel now; its streams are aborted. */
  destroy(): void {
    this.#below.destroy(new BeaconError('closed', 'the tunnel was cut here'));
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
      reject(new BeaconError(code, `the bridge refused a stream (${code}): ${STREAM_REFUSAL_ADVICE[code]}`));
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

function leftBy(code: number): Left {
  if (code === constants.NGHTTP2_NO_ERROR) return 'goaway';
  return code === DENIED ? 'denied' : 'gone';
}

function tunnelCut(): BeaconError {
  return new BeaconError('closed', 'the tunnel was cut', { retry: true });
}
