/** The bridge's way to its targets, the secret store among them: the only places it ever dials, apart from relays. */
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../base/limits.ts';
import { isTargetName, type Target } from '../config/targets.ts';
import type { VaultAddr } from '../config/vault-addr.ts';
import { dialTcp, dialTls } from '../net/dial.ts';
import type { Link } from '../net/link.ts';
import type { Trust } from '../net/trust.ts';
import type { ReachTarget } from '../tunnel/bridge-tunnel.ts';

export interface TargetOptions {
  /** Each name once. A stream for any other is refused. */
  readonly targets: readonly Target[];
  /** CA certificates (PEM) for all https targets; undefined: the system's store. */
  readonly ca: readonly string[] | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Rejects with `unknownTarget`, `targetUnreachable` or `targetTls`. */
export function reachTargets(options: TargetOptions): ReachTarget {
  const trust = options.ca ? { ca: options.ca } : {};
  const addresses = new Map(options.targets.map(({ name, address }) => [name, address]));
  return async (name) => {
    const address = addresses.get(name);
    if (!address) throw unknownTarget(name);
    try {
      return await dial(name, address, options, trust);
    } catch (cause) {
      throw targetError(name, cause);
    }
  };
}

function unknownTarget(name: string): BeaconError {
  // A broker can ask for anything; only what could be a name is repeated.
  const what = isTargetName(name) ? `the target ${name}` : 'a target whose name is none';
  return new BeaconError(
    'unknownTarget',
    `a broker asked for ${what}, which this bridge does not serve; see --target`,
  );
}

/** Before TCP is connected dials fail with `unreachable`; what goes wrong after it is TLS. */
function targetError(name: string, cause: unknown): BeaconError {
  if (cause instanceof BeaconError && cause.code !== 'unreachable') {
    return new BeaconError('targetTls', `TLS fails with ${cause.message}`, { cause });
  }
  return new BeaconError('targetUnreachable', `the target ${name} does not answer; see its URL`, {
    cause,
    retry: true,
  });
}

function dial(
  name: string,
  address: VaultAddr,
  { clock, signal }: TargetOptions,
  trust: Trust,
): Promise<Link> {
  const { host, port } = address;
  const where = { host, port, name: `the target ${name}`, timeoutMs: TARGET_DIAL_TIMEOUT_MS, clock, signal };
  if (address.scheme !== 'https') return dialTcp(where);
  // The store's clients speak HTTP/1.1 to the broker's listener, so this is what the store must be told. A store that
  // does not know ALPN speaks nothing else.
  const alpn = { alpn: 'http/1.1', alpnRequired: false };
  const words = { what: `the target ${name}`, trustAdvice: 'pass its CA certificate with --vault-ca' };
  return dialTls({ ...where, ...alpn, minVersion: 'TLSv1.2', trust, words });
}
