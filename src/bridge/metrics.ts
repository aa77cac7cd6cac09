/** The metrics of a bridge. docs/metrics.md has the same list. */
import type { Metrics } from '../admin/metrics.ts';
import { addTunnelMetrics, tunnelEvents } from '../admin/tunnel-metrics.ts';
import type { Bridge } from './bridge.ts';
import type { BridgeEvents } from './events.ts';

export interface BridgeCounts extends BridgeEvents {
  readonly roundTrips: ReadonlyMap<string, number>;
}

/** What counts events for `metrics`. */
export function bridgeEvents(metrics: Metrics): BridgeCounts {
  const streams = metrics.counter({
    name: 'beacon_streams_total',
    help: 'Streams, by outcome: accepted, or the code of the refusal.',
    labels: ['outcome'],
  });
  return { ...tunnelEvents(metrics), stream: (outcome) => streams({ outcome }) };
}

/** What is looked up at each scrape. @param bridges more than one while the CA is changed. */
export function addBridgeMetrics(
  metrics: Metrics,
  bridges: readonly Bridge[],
  { roundTrips }: BridgeCounts,
): void {
  const sum = (of: (bridge: Bridge) => number) => (): number =>
    bridges.reduce((total, bridge) => total + of(bridge), 0);
  metrics.value(
    'beacon_parked',
    'Connections that are parked at relays.',
    sum(({ parked }) => parked),
  );
  metrics.value(
    'beacon_tunnels',
    'Tunnels to brokers.',
    sum(({ tunnels }) => tunnels),
  );
  metrics.value(
    'beacon_streams',
    'Streams that run.',
    sum(({ streams }) => streams),
  );
  metrics.value(
    'beacon_park_hosts',
    'Hosts of relays at which connections are parked: two or more are wanted.',
    () => new Set(bridges.flatMap(({ parkedByHost }) => [...parkedByHost.keys()])).size,
  );
  addTunnelMetrics(metrics, () => bridges.flatMap(({ sessions }) => sessions), roundTrips);
}
