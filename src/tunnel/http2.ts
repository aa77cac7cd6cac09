/**
 * What both ends of a tunnel agree on: inner mTLS 1.3 over a session, HTTP/2 in it, one CONNECT request (RFC 9113,
 * section 8.5) per stream.
 *
 * The broker is TLS client and HTTP/2 client, the bridge server of both. The authority of a CONNECT names the target;
 * any status but 200 refuses the stream, with the reason in the header `beacon-error`.
 */
import { constants, type Http2Session, type Http2Stream, type SessionOptions } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import {
  H2_RESET_BURST,
  H2_RESET_RATE,
  H2_SESSION_MEMORY_MB,
  H2_STREAM_WINDOW,
  TUNNEL_STREAMS,
} from '../base/limits.ts';
import type { InnerTls } from '../net/tls-over.ts';
import { judgeChain, type Proven } from '../pki/proof.ts';
import type { Role } from '../wire/frames.ts';
import type { SessionStream } from './session-stream.ts';

/** Who an end of a tunnel is, and whom it trusts. */
export interface TunnelIdentity {
  /** Leaf and intermediates, PEM. */
  readonly certPem: string;
  readonly keyPem: string;
  /** The bridge CA, PEM: root of the other end's chain. Two while the CA is changed. */
  readonly caPem: string;
  /** Of the CA that our own chain ends in: under which we park or connect. */
  readonly infoHash: InfoHash;
  /** Of each CA in `caPem`. */
  readonly accepts: readonly InfoHash[];
  /** When the first certificate of our own chain expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
  readonly clock: Clock;
}

/** DNS name in every bridge's leaf; see pki/proof.ts. */
export const BRIDGE_NAME = 'bridge.beacon.internal';
/** ALPN of the inner TLS (RFC 7301): HTTP/2. */
export const INNER_ALPN = 'h2';
/** Response header with the reason of a refusal, one of {@link STREAM_REFUSALS}. */
export const ERROR_HEADER = 'beacon-error';

/** Error code of the GOAWAY for a broker whose certificate is denied (RFC 9113, section 7: INADEQUATE_SECURITY). */
export const DENIED = constants.NGHTTP2_INADEQUATE_SECURITY;

/**
 * A setting of HTTP/2 (RFC 9113, section 6.5.2; of those for experiments) that is no setting but the word of a bridge, sent
 * with the value 1: replace this tunnel by a new one, as the bridge has another certificate now. In here and not a frame of
 * the tunnel, as relays could forge that and have tunnels built without end. Unknown settings are ignored.
 */
export const RENEW_SETTING = 0xf0be;

/** Why a bridge refuses a stream, and the HTTP status that goes with it (RFC 9110, section 15). */
export const STREAM_REFUSALS = {
  malformed: 400,
  unknownTarget: 404,
  targetUnreachable: 502,
  targetTls: 502,
  internal: 500,
} as const;
export type StreamRefusal = keyof typeof STREAM_REFUSALS;

/** What a refusal means to who looks at the broker, and what to do. */
export const STREAM_REFUSAL_ADVICE: Readonly<Record<StreamRefusal, string>> = {
  malformed:
    'it wants to be told the client (--target-proxy-protocol), or the request broke the protocol; update the broker',
  unknownTarget: 'it serves no target of that name; compare --listen here with --target there',
  targetUnreachable: 'it cannot reach the target; see that it runs, and the log of the bridge',
  targetTls: 'TLS between it and the target fails; see the log of the bridge, and --vault-ca there',
  internal: 'it failed; its log says more',
};

/** The refusal named `text`; `internal` for any other. */
export function streamRefusal(text: unknown): StreamRefusal {
  return Object.keys(STREAM_REFUSALS).find((name): name is StreamRefusal => name === text) ?? 'internal';
}

export const SESSION_OPTIONS = {
  settings: { initialWindowSize: H2_STREAM_WINDOW, maxConcurrentStreams: TUNNEL_STREAMS, enablePush: false },
  maxSessionMemory: H2_SESSION_MEMORY_MB,
  streamResetBurst: H2_RESET_BURST,
  streamResetRate: H2_RESET_RATE,
  remoteCustomSettings: [RENEW_SETTING],
} satisfies SessionOptions & { streamResetBurst: number; streamResetRate: number };

/**
 * OpenSSL has checked the chain against the CA; roles and path rules are ours. Throws `untrusted`, the stream is
 * destroyed then.
 *
 * @param role what the peer must be certified for.
 */
export function demandProof(secure: InnerTls, identity: TunnelIdentity, role: Role): Proven {
  const { accepts, clock } = identity;
  const verdict = judgeChain(secure.peerChain, { infoHash: accepts, role, wallMs: clock.wall() });
  if (verdict.ok) return verdict;
  secure.stream.destroy();
  throw new BeaconError('untrusted', `the other end of the tunnel is not who it should be: ${verdict.text}`);
}

/** Resolves when the HTTP/2 session and what is below it are gone, for whatever reason. */
export async function tunnelClosed(session: Http2Session, below: SessionStream): Promise<void> {
  session.on('error', () => {});
  await Promise.all([new Promise<void>((resolve) => session.once('close', resolve)), below.gone]);
}

/**
 * Counts the streams of `session`; one that was said GOAWAY is ended with the last of them. node:http2 means to do that
 * itself, but leaves it open when a WINDOW_UPDATE is the last thing it has to send (seen on Node 26.10).
 */
export class StreamCount {
  readonly #session: Http2Session;
  #open = 0;

  constructor(session: Http2Session) {
    this.#session = session;
  }

  get open(): number {
    return this.#open;
  }

  add(stream: Http2Stream): void {
    this.#open += 1;
    stream.once('close', () => {
      this.#open -= 1;
      if (this.#open === 0 && this.#session.closed) this.#session.destroy();
    });
  }
}

/** HTTP/2 has no use for half a connection: when the other end ends it, so do we, and what streams are left are cut. */
export function endWithPeer({ stream }: InnerTls): Duplex {
  stream.allowHalfOpen = false;
  return stream;
}
