/** The metrics of a bridge. docs/metrics.md has the same list. */
import { type Metrics, one } from '../admin/metrics.ts';
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
  const gauge = (name: string, help: string, of: (bridge: Bridge) => number): void =>
    metrics.gauge({ name, help }, () => one(bridges.reduce((sum, bridge) => sum + of(bridge), 0)));
  gauge('beacon_parked', 'Connections that are parked at relays.', ({ parked }) => parked);
  gauge('beacon_tunnels', 'Tunnels to brokers.', ({ tunnels }) => tunnels);
  gauge('beacon_streams', 'Streams that run.', ({ streams }) => streams);
  metrics.gauge(
    {
      name: 'beacon_park_hosts',
      help: 'Hosts of relays at which connections are parked: two or more are wanted.',
    },
    () => one(new Set(bridges.flatMap(({ parkedByHost }) => [...parkedByHost.keys()])).size),
  );
  addTunnelMetrics(metrics, () => bridges.flatMap(({ sessions }) => sessions), roundTrips);
}
