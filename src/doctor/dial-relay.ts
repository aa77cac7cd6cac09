/** Dials one relay as bridge and broker do, and tells each step of it. */

import assert from 'node:assert';
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { asBeaconError } from '../base/errors.ts';
import { DOCTOR_DAYS_LEFT } from '../base/limits.ts';
import type { Pin } from '../base/pin.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { NO_TUNNEL_EVENTS } from '../tunnel/events.ts';
import { RelayDialer } from '../tunnel/relay-dialer.ts';
import type { Ends } from './ends.ts';
import type { End, Steps } from './steps.ts';
import type { Step } from './types.ts';
import type { Way } from './ways.ts';

/** Whom to trust as a relay, and who we are. Pass the same objects for each dial: TLS contexts are kept by them. */
export interface RelayTrust {
  readonly relayCa: readonly string[] | undefined;
  readonly pins: readonly Pin[];
}

export interface DialRelayOptions {
  readonly trust: RelayTrust;
  readonly ends: Ends;
  readonly clock: Clock;
  readonly random: Random;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** The link is the caller's. Rejects as {@link RelayDialer.dialRoute}; `steps` has the step that failed then. */
export async function dialRelay(
  way: Way,
  end: End,
  steps: Steps,
  { trust, ends, clock, random }: DialRelayOptions,
): Promise<{ readonly link: Link; readonly taken: readonly Step[] }> {
  const { address, proxy, serverName } = way;
  const since = clock.now();
  let tcpMs: number | undefined;
  let group = '';
  const dialer = new RelayDialer({
    addresses: [address],
    serverName,
    proxyFor: () => proxy,
    ...trust,
    identity: ends[end],
    bridgeCas: [ends.authority],
    clock,
    random,
    events: {
      ...NO_TUNNEL_EVENTS,
      roundTrip: (_hop, ms) => {
        tcpMs = ms;
      },
      negotiated: (_hop, name) => {
        group = name;
      },
    },
  });
  const [route] = dialer.routes.all;
  assert(route, 'an address is a route');
  const tcp = (): Step[] =>
    tcpMs === undefined ? [] : [{ name: 'TCP', ms: tcpMs, text: proxy ? 'to the proxy' : 'connected' }];
  steps.begin('TCP', end);
  try {
    const { link } = await steps.within(dialer.dialRoute(route, steps.signal));
    const tls: Step = {
      name: 'TLS',
      ms: clock.now() - since - (tcpMs ?? 0),
      text: `1.3, beacon/1, ${group}`,
    };
    return { link, taken: [...tcp(), tls, certificateStep(link, way, trust, clock)] };
  } catch (error) {
    if (tcpMs !== undefined) {
      steps.done.push(...tcp());
      const { code } = asBeaconError(error);
      if (code === 'untrusted') steps.begin('certificate', end);
      else steps.begin(proxy && code === 'unreachable' ? 'proxy' : 'TLS', end);
    }
    throw error;
  }
}

function certificateStep(
  { peerChain: [leaf] }: Link,
  { serverName }: Way,
  { relayCa, pins }: RelayTrust,
  clock: Clock,
): Step {
  if (!leaf) return { name: 'certificate', text: 'verified' };
  const { validToDate } = new X509Certificate(leaf);
  const days = Math.floor((validToDate.getTime() - clock.wall()) / DAY_MS);
  const by = [
    ...(relayCa ? [`of --beacon-ca, for ${serverName}`] : []),
    ...(pins.length > 0 ? ['fits the pin'] : []),
  ];
  const why = by.length > 0 ? by.join(', ') : `of a CA that this machine trusts, for ${serverName}`;
  const text = `${why}; ${days} days left, until ${validToDate.toISOString().slice(0, 10)}`;
  return { name: 'certificate', text, ...(days < DOCTOR_DAYS_LEFT && { isWarning: true }) };
}
