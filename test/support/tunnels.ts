/** Tunnels between the two ends of a link, for tests. */
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { BeaconError } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import { BridgeTunnel, type BridgeTunnelHandler, type ReachTarget } from '../../src/tunnel/bridge-tunnel.ts';
import { BrokerTunnel, type OpenedStream } from '../../src/tunnel/broker-tunnel.ts';
import type { TunnelIdentity } from '../../src/tunnel/http2.ts';
import type { SessionWatcher } from '../../src/tunnel/session-stream.ts';
import { Sessions } from '../../src/tunnel/sessions.ts';
import { makePki, type Pki } from './certificates.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';
import { type LinkKind, openPair } from './net-links.ts';

export const TARGET = 'vault';

/** The identity of `role` under `pki`. */
export function identityOf(role: 'bridge' | 'broker', pki: Pki = makePki()): TunnelIdentity {
  const { certificate, key } = pki[role];
  return {
    // What a relay would be shown as well: leaf and CA.
    certPem: certificate.includes(pki.bridgeCa.certificate)
      ? certificate
      : certificate + pki.bridgeCa.certificate,
    keyPem: key,
    caPem: pki.bridgeCa.certificate,
    infoHash: pki.infoHash,
    accepts: [pki.infoHash],
    notAfterMs: Math.min(pki[role].notAfterMs, pki.bridgeCa.notAfterMs),
    clock: systemClock,
  };
}

/** One stream, seen from everywhere. */
export interface TunnelStream {
  /** The broker's end. */
  readonly broker: Link;
  /** The bridge's end. */
  readonly bridge: Link;
  readonly opened: OpenedStream;
}

export interface TunnelPair {
  readonly broker: BrokerTunnel;
  readonly bridge: BridgeTunnel;
  /** Below the broker and below the bridge. */
  readonly links: readonly [Link, Link];
  /** Errors of streams that the bridge refused. */
  readonly refused: readonly BeaconError[];
  /** Opens a stream that nobody splices. */
  open(): Promise<TunnelStream>;
  /** Cuts the tunnel at both ends and waits until they are gone. */
  close(): Promise<void>;
}

export interface TunnelPairOptions {
  readonly kind?: LinkKind;
  readonly reach?: ReachTarget;
  /** Of both ends. */
  readonly clock?: Clock;
}

const QUIET: SessionWatcher = { onLegGone() {}, onSuspect() {}, onMove() {}, onLeave() {} };

/** The broker's end of a tunnel whose first leg is `link`. */
export function openTunnel(
  link: Link,
  identity: TunnelIdentity = identityOf('broker'),
  watcher: SessionWatcher = QUIET,
): Promise<BrokerTunnel> {
  return BrokerTunnel.open({ link, path: ['relay-0'] }, { identity, random: systemRandom, watcher });
}

/** The bridge's end of a tunnel whose first leg is `link`. Rejects as well when the leg comes to nothing. */
export function acceptTunnel(
  link: Link,
  identity: TunnelIdentity,
  reach: ReachTarget,
  handler: BridgeTunnelHandler,
): Promise<BridgeTunnel> {
  return new Promise((resolve, reject) => {
    const sessions = new Sessions({
      clock: identity.clock,
      random: systemRandom,
      watcher: QUIET,
      onSession: (stream) => resolve(BridgeTunnel.accept(stream, identity, reach, handler)),
      onLegOpened: () => {},
      onLegFailed: reject,
    });
    sessions.accept(link);
  });
}

/** The caller closes it. */
export async function tunnelPair({
  kind = 'memory',
  reach,
  clock = systemClock,
}: TunnelPairOptions = {}): Promise<TunnelPair> {
  const { a, b, close } = await openPair(kind);
  const refused: BeaconError[] = [];
  const arrived: Link[] = [];
  const waiting: ((link: Link) => void)[] = [];
  const targets: MemoryLink[] = [];
  const accepting = acceptTunnel(
    b,
    { ...identityOf('bridge'), clock: wallOf(clock) },
    reach ??
      (() => {
        const [near] = memoryLinks();
        targets.push(near);
        return Promise.resolve(near);
      }),
    {
      onStream: (link) => {
        const take = waiting.shift();
        if (take) take(link);
        else arrived.push(link);
      },
      onRefused: (error) => refused.push(error),
    },
  );
  const [broker, bridge] = await Promise.all([
    openTunnel(a, { ...identityOf('broker'), clock: wallOf(clock) }),
    accepting,
  ]);
  return {
    broker,
    bridge,
    links: [a, b],
    refused,
    open: async () => {
      const opened = broker.connect(TARGET);
      opened.accepted.catch(() => {});
      const link = arrived.shift() ?? (await new Promise<Link>((resolve) => waiting.push(resolve)));
      return { broker: opened.link, bridge: link, opened };
    },
    close: async () => {
      for (const target of targets) target.reset();
      broker.destroy();
      bridge.destroy();
      await Promise.all([broker.closed, bridge.closed]);
      await close();
    },
  };
}

/** `clock`, with the machine's idea of the date: certificates are judged by it. */
function wallOf(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    wall: () => systemClock.wall(),
    after: (ms, callback) => clock.after(ms, callback),
    every: (ms, callback) => clock.every(ms, callback),
  };
}
