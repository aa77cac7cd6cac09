/** From the addresses that were given to the relays that are examined: each IP address of a name is one, as it is for a client. */
import { type Address, formatAddress } from '../base/address.ts';
import { type Clock, sleep } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { DOCTOR_LOOK_UP_MS, DOCTOR_WAYS } from '../base/limits.ts';
import type { EgressProxy } from '../net/http-connect.ts';
import { isName, lookUp } from '../net/look-up.ts';
import type { ProxyFor } from '../tunnel/egress.ts';
import type { Step } from './types.ts';

/** One relay to examine. */
export interface Way {
  /** As it was given, and the IP address where its name has several. */
  readonly name: string;
  readonly address: Address;
  /** What its certificate is to be for. */
  readonly serverName: string;
  readonly proxy: EgressProxy | undefined;
  /** The look-up of its name, where there was one. */
  readonly lookUp?: Step;
}

export interface WaysOptions {
  readonly addresses: readonly Address[];
  /** What all certificates are to be for. Default: each for its own host. */
  readonly serverName: string | undefined;
  readonly proxyFor: ProxyFor;
  readonly clock: Clock;
  /** Default: the system's resolver. */
  readonly lookUp?: (host: string) => Promise<readonly string[]>;
}

/** Throws `config` where that makes more than DOCTOR_WAYS. */
export async function findWays(options: WaysOptions): Promise<readonly Way[]> {
  const ways = (await Promise.all(options.addresses.map((address) => waysTo(address, options)))).flat();
  if (ways.length <= DOCTOR_WAYS) return ways;
  throw new BeaconError(
    'config',
    `--beacon-address leads to ${ways.length} relays; at most ${DOCTOR_WAYS} are examined at a time, name some of them`,
  );
}

async function waysTo(address: Address, options: WaysOptions): Promise<readonly Way[]> {
  const { clock, proxyFor, serverName = address.host } = options;
  const name = formatAddress(address);
  // By the name: what NO_PROXY says of it counts, and a proxy looks it up.
  const proxy = proxyFor(address);
  const only: Way = { name, address, serverName, proxy };
  if (proxy || !isName(address.host)) return [only];
  const since = clock.now();
  const ips = await lookUpInTime(address.host, options);
  const ms = clock.now() - since;
  // Without an answer the dial tells why.
  if (ips.length === 0) return [only];
  const text = ips.length === 1 ? `${ips[0]}` : `${ips.length} addresses, each examined`;
  return ips.map((ip) => ({
    ...only,
    name: ips.length === 1 ? name : `${name} (${ip})`,
    address: { host: ip, port: address.port },
    lookUp: { name: 'look-up', ms, text },
  }));
}

async function lookUpInTime(host: string, options: WaysOptions): Promise<readonly string[]> {
  const waited = new AbortController();
  const late = sleep(options.clock, DOCTOR_LOOK_UP_MS, waited.signal).then((): readonly string[] => []);
  const found = await Promise.race([(options.lookUp ?? lookUp)(host), late]);
  waited.abort();
  return found;
}
