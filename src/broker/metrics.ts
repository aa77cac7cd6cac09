/** The metrics of a broker. docs/metrics.md has the same list. */
import type { Metrics, Sample } from '../admin/metrics.ts';
import { addTunnelMetrics, tunnelEvents } from '../admin/tunnel-metrics.ts';
import type { Broker } from './broker.ts';
import type { BrokerEvents } from './events.ts';
import { STREAM_OUTCOMES } from './stream-counts.ts';

export interface BrokerCounts extends BrokerEvents {
  readonly roundTrips: ReadonlyMap<string, number>;
}

/** Seconds. A round trip of the tunnel and one to the target, up to the 10 s that a bridge may take. */
const OPEN_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What counts events for `metrics`. */
export function brokerEvents(metrics: Metrics): BrokerCounts {
  const tunnels = metrics.counter({ name: 'beacon_tunnels_opened_total', help: 'Tunnels that came up.' });
  const left = metrics.counter({
    name: 'beacon_tunnels_left_total',
    help: 'Tunnels in which a bridge takes no more streams, by reason.',
    labels: ['reason'],
  });
  const legs = metrics.counter({
    name: 'beacon_legs_opened_total',
    help: 'Legs that were attached to a tunnel after its first one, by purpose.',
    labels: ['purpose'],
  });
  const opened = metrics.histogram(
    {
      name: 'beacon_stream_open_duration_seconds',
      help: 'From a stream to the word of the bridge that its target is reached: the tunnel and the hop to the target.',
    },
    OPEN_BUCKETS,
  );
  return {
    ...tunnelEvents(metrics),
    tunnelUp: () => tunnels(),
    tunnelLeft: (reason) => left({ reason }),
    legOpened: (purpose) => legs({ purpose }),
    streamOpened: (ms) => opened(ms / 1_000),
  };
}

/** What is looked up at each scrape. */
export function addBrokerMetrics(metrics: Metrics, broker: Broker, { roundTrips }: BrokerCounts): void {
  metrics.value('beacon_connected', '1 while a tunnel is up and has a leg, else 0.', () =>
    broker.connected ? 1 : 0,
  );
  metrics.value('beacon_tunnels', 'Tunnels to bridges.', () => broker.tunnels.length);
  metrics.value('beacon_streams', 'Streams that run.', () => broker.streams);
  metrics.value('beacon_clients_waiting', 'Clients that wait for a tunnel.', () => broker.waiting);
  metrics.gauge(
    {
      name: 'beacon_tunnels_by_redundancy',
      help: 'Tunnels by what they can lose: disjoint has two legs that share no host. Else why says why there are none.',
      labels: ['redundancy', 'why'],
    },
    () => redundancies(broker),
  );
  metrics.total(
    {
      name: 'beacon_streams_total',
      help: 'Streams, by outcome: accepted, or the code of what went wrong.',
      labels: ['outcome'],
    },
    () => STREAM_OUTCOMES.map((outcome) => [broker.counts.of(outcome), { outcome }]),
  );
  addTunnelMetrics(metrics, () => broker.tunnels.map(({ session }) => session), roundTrips);
}

function redundancies({ tunnels }: Broker): Iterable<Sample> {
  const counts = new Map<string, [number, { redundancy: string; why: string }]>();
  for (const { redundancy, retired } of tunnels) {
    if (retired) continue;
    const why = redundancy.kind === 'disjoint' ? '' : redundancy.why;
    const key = `${redundancy.kind} ${why}`;
    const [count] = counts.get(key) ?? [0];
    counts.set(key, [count + 1, { redundancy: redundancy.kind, why }]);
  }
  return counts.values();
}
