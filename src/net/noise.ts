/** Why a connection never became a link: what scanners, old clients and bad lines do to a public port. */
import { systemCode } from '../base/errors.ts';

export type NoiseReason =
  /** Over the rate limit of its source. */
  | 'rateLimit'
  /** This process has no descriptors left for it. */
  | 'full'
  /** A trusted proxy sent something else than a PROXY header, or a broken one. */
  | 'proxyHeader'
  /** Too many handshakes were unfinished, and its source had the most of them. */
  | 'crowded'
  /** The handshake was not done in time: silence, or too slow. */
  | 'timeout'
  /** The peer left before the handshake was done. */
  | 'closed'
  /** What came is not TLS, for example plain HTTP. */
  | 'notTls'
  /** A TLS version below ours. */
  | 'tlsVersion'
  /** The client does not offer our protocol. */
  | 'alpn'
  /** Any other failure of the handshake. */
  | 'handshake'
  /** A handler of ours threw, or the system could not accept. A defect or a lack of resources, not noise of a peer. */
  | 'internal';

/** `detail` is for the debug log only. */
export type OnNoise = (reason: NoiseReason, detail?: unknown) => void;

const BY_CODE = new Map<string, NoiseReason>([
  ['ECONNRESET', 'closed'],
  ['EPIPE', 'closed'],
  ['ETIMEDOUT', 'closed'],
  ['ERR_SSL_HTTP_REQUEST', 'notTls'],
  ['ERR_SSL_HTTPS_PROXY_REQUEST', 'notTls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'notTls'],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'notTls'],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', 'tlsVersion'],
  ['ERR_SSL_VERSION_TOO_LOW', 'tlsVersion'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tlsVersion'],
  ['ERR_SSL_NO_APPLICATION_PROTOCOL', 'alpn'],
]);

/** What an error of a TLS handshake says of the peer. */
export function handshakeNoise(error: unknown): NoiseReason {
  return BY_CODE.get(systemCode(error) ?? '') ?? 'handshake';
}
