/** The bridge's way to its targets, the secret store among them: the only places it ever dials, apart from relays. */
import type { Clock } from '../base/clock.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../base/limits.ts';
import { isTargetName, type Target } from '../config/targets.ts';
import type { VaultAddr } from '../config/vault-addr.ts';
import { dialTcp, dialTls } from '../net/dial.ts';
import { encodeProxyHeader } from '../net/encode-proxy-header.ts';
import type { Link } from '../net/link.ts';
import type { TcpEnds } from '../net/tcp-ends.ts';
import type { ReachTarget } from '../tunnel/bridge-tunnel.ts';
import { NO_TUNNEL_EVENTS, type TunnelEvents } from '../tunnel/events.ts';

export interface TargetOptions {
  /** Each name once. A stream for any other is refused. */
  readonly targets: readonly Target[];
  /** CA certificates (PEM) for all https targets, asked for each; undefined: the system's store. The same array until they
   *  change, as TLS contexts are kept by it. */
  readonly ca: () => readonly string[] | undefined;
  /** Whether targets are told the client, by the PROXY protocol, before the first byte. Default: they are not. */
  readonly tellsClient?: boolean;
  readonly clock: Clock;
  /** Default: nobody counts. */
  readonly events?: TunnelEvents;
  readonly signal: AbortSignal;
}

/** Rejects with `unknownTarget`, `targetUnreachable` or `targetTls`; with `malformed` as {@link ReachTarget} says. */
export function reachTargets(options: TargetOptions): ReachTarget {
  const addresses = new Map(options.targets.map(({ name, address }) => [name, address]));
  return async (name, client) => {
    const address = addresses.get(name);
    if (!address) throw unknownTarget(name);
    const preface = options.tellsClient ? prefaceFor(client) : undefined;
    try {
      return await dial({ name, address, preface }, options);
    } catch (cause) {
      throw targetError(cause);
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

/** Without it the target would take us for the client, and grant it what it grants this machine. */
function prefaceFor(client: TcpEnds | undefined): Buffer {
  if (client) return encodeProxyHeader(client);
  throw new BeaconError(
    'malformed',
    'the broker does not say whose connection it is, which --target-proxy-protocol needs; update the broker',
  );
}

/** Before TCP is connected dials fail with `unreachable`; what goes wrong after it is TLS. */
function targetError(cause: unknown): BeaconError {
  if (cause instanceof BeaconError && cause.code !== 'unreachable') {
    return new BeaconError('targetTls', `TLS fails with ${cause.message}`, { cause });
  }
  return new BeaconError('targetUnreachable', messageOf(cause), { cause, retry: true });
}

interface Place {
  readonly name: string;
  readonly address: VaultAddr;
  /** What its connection begins with. */
  readonly preface: Buffer | undefined;
}

function dial(
  { name, address, preface }: Place,
  { clock, signal, ca, events = NO_TUNNEL_EVENTS }: TargetOptions,
): Promise<Link> {
  const { host, port } = address;
  const what = `the target ${name}`;
  const timeoutMs = TARGET_DIAL_TIMEOUT_MS;
  const onRoundTrip = (ms: number): void => events.roundTrip('target', ms);
  const where = {
    host,
    port,
    name: what,
    ...(preface && { preface }),
    timeoutMs,
    clock,
    signal,
    onRoundTrip,
  };
  if (address.scheme !== 'https') return dialTcp(where);
  // The store's clients speak HTTP/1.1 to the broker's listener, so this is what the store must be told. A store that
  // does not know ALPN speaks nothing else.
  const alpn = { alpn: 'http/1.1', alpnRequired: false };
  const authorities = ca();
  const trust = authorities ? { ca: authorities } : {};
  const words = { what, trustAdvice: 'pass its CA certificate with --vault-ca' };
  const onNegotiated = (group: string): void => events.negotiated('target', group);
  return dialTls({ ...where, ...alpn, minVersion: 'TLSv1.2', trust, words, onNegotiated });
}
