/**
 * Dials relays for bridge and broker: TLS with the client's certificate as proof. Which of its addresses comes next is
 * for {@link Routes} to say; names among them are looked up here.
 */
import { type Address, formatAddress } from '../base/address.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { asBeaconError, BeaconError } from '../base/errors.ts';
import { DIAL_TIMEOUT_MS, LOOK_UP_WAIT_MS } from '../base/limits.ts';
import type { Pin } from '../base/pin.ts';
import type { Random } from '../base/random.ts';
import { dialTls } from '../net/dial.ts';
import type { Link } from '../net/link.ts';
import { isName, lookUp } from '../net/look-up.ts';
import type { Trust } from '../net/trust.ts';
import { chainsTo } from '../pki/chains-to.ts';
import { ALPN } from '../wire/frames.ts';
import type { ProxyFor } from './egress.ts';
import { NO_TUNNEL_EVENTS, type TunnelEvents } from './events.ts';
import { type Route, Routes } from './routes.ts';

/** What a dialer shows of itself, and whom it trusts. */
export interface DialCredentials {
  /** CA certificates (PEM) for the relay's own certificate; undefined: the system's store. */
  readonly relayCa: readonly string[] | undefined;
  /** Leaf, intermediates and bridge CA: the proof. */
  readonly identity: { readonly certPem: string; readonly keyPem: string };
  /** DER of the bridge CA, or of both while it is changed. A relay under one could pose as the bridge, so it is refused. */
  readonly bridgeCas: readonly Buffer[];
}

export interface RelayDialerOptions extends DialCredentials {
  readonly addresses: readonly Address[];
  readonly pins: readonly Pin[];
  /** The name that the certificate of every relay must bear. Default: the host by which each is dialled. */
  readonly serverName?: string;
  /** The proxy by which an address is dialled. Default: none. */
  readonly proxyFor?: ProxyFor;
  /** The IP addresses of a name; none: it has none now. Never rejects. Default: the system's resolver. */
  readonly lookUp?: (host: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: nobody counts. */
  readonly events?: TunnelEvents;
}

/** What is needed of a {@link RelayDialer} to choose among relays. */
export type RelayChoice = Pick<RelayDialer, 'routes' | 'refresh' | 'dialRoute'>;

/** A link to a relay, before HELLO; and the route on which it was reached. */
export interface Reached {
  readonly link: Link;
  readonly route: Route;
}

export class RelayDialer {
  /** What is known of the addresses; shared by all that dial by this object. */
  readonly routes: Routes;
  readonly #options: RelayDialerOptions;
  #credentials: DialCredentials;
  /** One object for all dials with the same credentials: TLS contexts are kept by it. */
  #trust: Trust;
  /** What names stood for when they were last looked up, by name. */
  readonly #ips = new Map<string, readonly string[]>();
  /** Look-ups under way, by name. */
  readonly #lookUps = new Map<string, Promise<void>>();

  constructor(options: RelayDialerOptions) {
    this.#options = options;
    this.routes = new Routes(options.addresses, options.random);
    this.#credentials = options;
    this.#trust = trustOf(options, options.pins);
  }

  /** For dials that begin from now on. */
  setCredentials(credentials: DialCredentials): void {
    this.#credentials = credentials;
    this.#trust = trustOf(credentials, this.#options.pins);
  }

  /**
   * Looks up what is a name among the addresses, for {@link Routes.next}; a proxy looks up by itself. Waits for at most
   * LOOK_UP_WAIT_MS: a resolver that hangs must not keep us from relays whose addresses are known.
   */
  async refresh(): Promise<void> {
    const names = this.#options.addresses.filter(
      (address) => isName(address.host) && !this.#options.proxyFor?.(address),
    );
    if (names.length === 0) return;
    const waited = new AbortController();
    const all = Promise.all(names.map((address) => this.#lookUp(address)));
    await Promise.race([all, sleep(this.#options.clock, LOOK_UP_WAIT_MS, waited.signal)]);
    waited.abort();
  }

  /**
   * A link to the relay at `route`, or, where that is silent, at another IP address of the same name: the answer says
   * which. The caller closes it, and tells {@link routes} how it went. Throws BeaconError.
   */
  async dialRoute(route: Route, signal: AbortSignal): Promise<Reached> {
    const { address, ip } = route;
    if (ip === undefined) return { link: await this.#dialOne(address, signal), route };
    const others = (this.#ips.get(formatAddress(address)) ?? []).filter((other) => other !== ip);
    const link = await this.#dialOne(address, signal, [ip, ...others]);
    return { link, route: this.routes.landed(route, link.source, this.#options.clock.now()) };
  }

  #lookUp(address: Address): Promise<void> {
    const name = formatAddress(address);
    const look = async (): Promise<void> => {
      const ips = await (this.#options.lookUp ?? lookUp)(address.host);
      this.#lookUps.delete(name);
      if (ips.length > 0) this.#ips.set(name, ips);
      this.routes.resolved(address, ips);
    };
    const known = this.#lookUps.get(name);
    if (known) return known;
    const fresh = look();
    this.#lookUps.set(name, fresh);
    return fresh;
  }

  /** By its place in the list: whoever made that knows which it is, and a log says nothing to anybody else. */
  #nameOf(address: Address): string {
    const { addresses } = this.#options;
    const place = addresses.findIndex((other) => formatAddress(other) === formatAddress(address)) + 1;
    return addresses.length === 1 ? 'the relay' : `relay ${place} of ${addresses.length}`;
  }

  /** Counts without a step in between: whoever takes the link over must not miss that it closes. */
  #dialOne(address: Address, signal: AbortSignal, ips?: readonly string[]): Promise<Link> {
    const { events = NO_TUNNEL_EVENTS } = this.#options;
    const dialled = this.#connect(address, signal, events, ips);
    dialled.then(
      () => events.dialled('connected'),
      (error: unknown) => {
        if (!signal.aborted) events.dialled(asBeaconError(error).code);
      },
    );
    return dialled;
  }

  #connect(
    address: Address,
    signal: AbortSignal,
    events: TunnelEvents,
    ips?: readonly string[],
  ): Promise<Link> {
    const { clock, proxyFor, serverName } = this.#options;
    const { identity, bridgeCas } = this.#credentials;
    const proxy = proxyFor?.(address);
    const name = this.#nameOf(address);
    return dialTls({
      ...(proxy && { proxy }),
      host: address.host,
      name,
      ...(ips && { ips }),
      port: address.port,
      ...(serverName !== undefined && { servername: serverName }),
      alpn: ALPN,
      trust: this.#trust,
      identity,
      timeoutMs: DIAL_TIMEOUT_MS,
      onRoundTrip: (ms) => events.roundTrip('relay', ms),
      onNegotiated: (group) => events.negotiated('relay', group),
      clock,
      signal,
      judgePeer: (chain) =>
        bridgeCas.some((bridgeCa) => chainsTo(chain, bridgeCa))
          ? new BeaconError(
              'untrusted',
              `${name}: its certificate comes from the bridge CA, so it could pose as the bridge; give it one from another CA ('beacon certs relay')`,
            )
          : undefined,
    });
  }
}

function trustOf({ relayCa }: DialCredentials, pins: readonly Pin[]): Trust {
  return { ...(relayCa && { ca: relayCa }), pins };
}
