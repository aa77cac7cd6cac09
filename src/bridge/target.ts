/** The bridge's way to the secret store: the only place it ever dials, apart from relays. */
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../base/limits.ts';
import type { VaultAddr } from '../config/vault-addr.ts';
import { dialTcp, dialTls } from '../net/dial.ts';
import type { Link } from '../net/link.ts';
import type { Trust } from '../net/trust.ts';
import type { ReachTarget } from '../tunnel/bridge-tunnel.ts';

const STORE_WORDS = {
  what: 'the secret store',
  trustAdvice: "pass the store's CA certificate with --vault-ca",
};

/** Name of the one target; a stream for any other is refused. */
export const VAULT_TARGET = 'vault';

export interface TargetOptions {
  readonly address: VaultAddr;
  /** CA certificates (PEM) for an https target; undefined: the system's store. */
  readonly ca: readonly string[] | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Rejects with `unknownTarget`, `targetUnreachable` or `targetTls`. */
export function vaultTarget(options: TargetOptions): ReachTarget {
  const trust = options.ca ? { ca: options.ca } : {};
  return async (name) => {
    if (name !== VAULT_TARGET) {
      throw new BeaconError('unknownTarget', 'a broker asked for a target that this bridge does not serve');
    }
    try {
      return await dial(options, trust);
    } catch (cause) {
      throw targetError(cause);
    }
  };
}

/** Before TCP is connected dials fail with `unreachable`; what goes wrong after it is TLS. */
function targetError(cause: unknown): BeaconError {
  if (cause instanceof BeaconError && cause.code !== 'unreachable') {
    return new BeaconError('targetTls', `TLS with the store fails: ${cause.message}`, { cause });
  }
  return new BeaconError('targetUnreachable', 'the store does not answer; see --vault-addr', {
    cause,
    retry: true,
  });
}

function dial({ address, clock, signal }: TargetOptions, trust: Trust): Promise<Link> {
  const where = { host: address.host, port: address.port, timeoutMs: TARGET_DIAL_TIMEOUT_MS, clock, signal };
  if (address.scheme !== 'https') return dialTcp(where);
  // The store's clients speak HTTP/1.1 to the broker's listener, so this is what the store must be told. A store that
  // does not know ALPN speaks nothing else.
  const alpn = { alpn: 'http/1.1', alpnRequired: false };
  return dialTls({ ...where, ...alpn, minVersion: 'TLSv1.2', trust, words: STORE_WORDS });
}
