/** TLS 1.3 with certificates on both sides, inside a stream of our own: the inner mTLS of a tunnel. Client side. */
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { withBuffers } from './buffers.ts';
import { handshakeError, type Peer } from './dial-errors.ts';
import { peerChain } from './peer-chain.ts';
import type { Credentials } from './server-context.ts';
import { ignoreErrors } from './socket-reset.ts';
import { groupOf } from './tls-link.ts';
import { clientContext } from './trust.ts';

export interface InnerTlsOptions {
  readonly identity: Credentials;
  /** The one protocol that both sides must speak (RFC 7301). */
  readonly alpn: string;
  /** Milliseconds for the whole handshake. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface TlsOverOptions extends InnerTlsOptions {
  /** DNS name that the peer's certificate must bear; sent as SNI. */
  readonly servername: string;
  /** Authorities, PEM. The system's store has no business inside a tunnel. */
  readonly trust: { readonly ca: readonly string[] };
}

export interface InnerTls {
  /** Decrypted bytes. Owns the stream below it: that one is destroyed with this one. */
  readonly stream: Duplex;
  /** DER as the peer sent it, leaf first. OpenSSL has checked it; roles and path rules are the caller's. */
  readonly peerChain: readonly Buffer[];
  /** The group of the key exchange; undefined on the side that was dialled. */
  readonly group: string | undefined;
  /** The same bytes at both ends, bound to this handshake (RFC 8446, section 7.5). Only while the stream is open. */
  exportKeyingMaterial(length: number, label: string): Buffer;
}

/**
 * TLS over `below`. Throws `untrusted` when the peer's certificate is refused, `timeout`, `config` when our own cannot
 * be used, or `closed`; `below` is destroyed then.
 */
export function connectTlsOver(below: Duplex, options: TlsOverOptions): Promise<InnerTls> {
  return innerHandshake(below, options, (done, fail) => {
    const { servername, trust, identity, alpn } = options;
    const stream = connect(
      withBuffers({
        socket: below,
        servername,
        secureContext: clientContext(trust, identity, 'TLSv1.3'),
        rejectUnauthorized: true,
        ALPNProtocols: [alpn],
      }),
    );
    stream.once('secureConnect', () => done(stream));
    stream.on('error', fail);
    stream.once('close', () => fail({ code: 'ECONNRESET' }));
  });
}

export type StartHandshake = (done: (stream: TLSSocket) => void, fail: (cause?: unknown) => void) => void;

/** What client and server have in common: the deadline, ALPN, and that a failure destroys `below`. */
export async function innerHandshake(
  below: Duplex,
  { alpn, timeoutMs, clock }: InnerTlsOptions,
  start: StartHandshake,
): Promise<InnerTls> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const timer = clock.after(timeoutMs, () => reject(handshakeTimeout(timeoutMs)));
  below.on('error', ignoreErrors);
  try {
    start(resolve, (cause) => reject(failure(below, cause)));
    const stream = await promise;
    stream.on('error', ignoreErrors);
    if (stream.alpnProtocol !== alpn) throw handshakeError(OTHER_END, undefined);
    return {
      stream,
      peerChain: peerChain(stream),
      group: groupOf(stream),
      exportKeyingMaterial: (length, label) => stream.exportKeyingMaterial(length, label, Buffer.alloc(0)),
    };
  } catch (error) {
    below.destroy();
    throw error;
  } finally {
    timer.cancel();
  }
}

/** What befell the stream below says more than what TLS makes of it. */
function failure(below: Duplex, cause: unknown): BeaconError {
  if (cause instanceof BeaconError) return cause;
  return below.errored instanceof BeaconError ? below.errored : handshakeError(OTHER_END, cause);
}

const OTHER_END: Peer = {
  name: 'the other end of the tunnel',
  words: {
    what: 'a bridge or broker of this version',
    trustAdvice: 'both ends need certificates of one bridge CA',
  },
};

function handshakeTimeout(timeoutMs: number): BeaconError {
  return new BeaconError('timeout', `the tunnel's TLS handshake was not done within ${timeoutMs / 1_000} s`, {
    retry: true,
  });
}
