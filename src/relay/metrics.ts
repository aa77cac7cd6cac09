/** The metrics of a relay. docs/metrics.md has the same list. */
import { each, type Metrics, one, type Sample, state } from '../admin/metrics.ts';
import { groupsCounter } from '../admin/tunnel-metrics.ts';
import type { DrainState } from '../base/drain.ts';
import { SPLICE_SLOTS } from '../base/limits.ts';
import type { Role } from '../wire/frames.ts';
import { addClusterMetrics } from './cluster-metrics.ts';
import type { RelayEvents } from './events.ts';
import type { Relay } from './relay.ts';

/** Seconds. A local pairing takes a millisecond or two, a broker that waits for its bridge up to 10 s. */
const PAIRING_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds. Of a handshake the client's round trip is most, up to its limit of 10 s. */
const HANDSHAKE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds. Round trips within a building, a continent, around the world, and of a bad line. */
const ROUND_TRIP_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** What counts events for `metrics`. */
export function relayEvents(metrics: Metrics): RelayEvents {
  const entered = metrics.counter({
    name: 'beacon_connections_total',
    help: 'Connections whose HELLO was judged, by role and outcome: admitted, or the code of the refusal.',
    labels: ['role', 'outcome'],
  });
  const refused = metrics.counter({
    name: 'beacon_refused_later_total',
    help: 'Clients that had been admitted and were refused later, by role and code.',
    labels: ['role', 'code'],
  });
  const turnedAway = metrics.counter({
    name: 'beacon_turned_away_total',
    help: 'Connections that ended before they were TLS connections of ours, by reason.',
    labels: ['reason'],
  });
  const dropped = metrics.counter({
    name: 'beacon_parks_dropped_total',
    help: 'Parked connections that this node has given up, by reason.',
    labels: ['reason'],
  });
  const pairings = metrics.counter({
    name: 'beacon_pairings_total',
    help: 'Brokers paired with a bridge: local; forward, with a bridge of another node; incoming, with a broker of another node.',
    labels: ['way'],
  });
  const forwards = metrics.counter({
    name: 'beacon_forwards_total',
    help: 'Forwards that left this node, by outcome. notHere: the advert was stale, the bridge was gone.',
    labels: ['outcome'],
  });
  const negotiated = groupsCounter(metrics);
  const { handshake, pairing, roundTrip } = durations(metrics);
  return {
    handshake: (ms) => handshake(ms / 1_000),
    turnedAway: (reason) => turnedAway({ reason }),
    entered: (role, outcome) => entered({ role: nameOf(role), outcome }),
    refused: (role, code) => refused({ role: nameOf(role), code }),
    dropped: (reason) => dropped({ reason }),
    paired: (way, ms) => {
      pairings({ way });
      if (ms !== undefined) pairing(ms / 1_000, { way });
    },
    ponged: (ms) => roundTrip(ms / 1_000),
    forwarded: (outcome) => forwards({ outcome }),
    negotiated: (group) => negotiated('forward', group),
  };
}

function durations(metrics: Metrics) {
  return {
    handshake: metrics.histogram(
      {
        name: 'beacon_handshake_duration_seconds',
        help: 'From accept to the end of a TLS handshake that succeeded, waiting for a place included.',
      },
      HANDSHAKE_BUCKETS,
    ),
    pairing: metrics.histogram(
      {
        name: 'beacon_pairing_duration_seconds',
        help: 'From the admission of a broker to its pairing, at the node of the broker.',
        labels: ['way'],
      },
      PAIRING_BUCKETS,
    ),
    roundTrip: metrics.histogram(
      { name: 'beacon_ping_round_trip_seconds', help: 'From PING to PONG of a parked bridge.' },
      ROUND_TRIP_BUCKETS,
    ),
  };
}

/** The words of this product for who is at the other end. */
function nameOf(role: Role | undefined): string {
  if (role === undefined) return 'unknown';
  return role === 'park' ? 'bridge' : 'broker';
}

const DRAIN_STATES: readonly DrainState[] = ['serving', 'draining', 'drained'];

/** What is looked up at each scrape. */
export function addRelayMetrics(metrics: Metrics, relay: Relay, drainState: () => DrainState): void {
  metrics.value('beacon_parked', 'Bridge connections that are parked here.', () => relay.parked);
  metrics.value('beacon_splices', 'Splices that run.', () => relay.splices);
  metrics.value(
    'beacon_slots_used',
    'Splice slots in use, those of pairings under way included.',
    () => relay.slots.used,
  );
  metrics.value('beacon_slots_max', 'Splice slots of this node.', () => SPLICE_SLOTS);
  metrics.value(
    'beacon_slots_waiting',
    'Brokers and forwards that wait for a slot.',
    () => relay.slots.waiting,
  );
  metrics.gauge(
    {
      name: 'beacon_drain_state',
      help: '1 for the state that the drain is in, 0 for others.',
      labels: ['state'],
    },
    () => state('state', DRAIN_STATES, drainState()),
  );
  addSpliceMetrics(metrics, relay);
  addDoorMetrics(metrics, relay);
  addClusterMetrics(
    metrics,
    metrics.oncePerScrape(() => relay.clusterStatus()),
  );
}

function addSpliceMetrics(metrics: Metrics, relay: Relay): void {
  metrics.total(
    { name: 'beacon_splices_total', help: 'Splices that ended, by how.', labels: ['outcome'] },
    () => each('outcome', relay.totals.ended),
  );
  metrics.total(
    {
      name: 'beacon_spliced_bytes_total',
      help: 'Bytes passed on, by direction; those of running splices included.',
      labels: ['direction'],
    },
    (): Iterable<Sample> => {
      const { bytesToBridge, bytesToBroker } = relay.totals;
      return each('direction', { to_bridge: bytesToBridge, to_broker: bytesToBroker });
    },
  );
}

function addDoorMetrics(metrics: Metrics, relay: Relay): void {
  metrics.total(
    {
      name: 'beacon_rate_limited_total',
      help: 'Connections over the rate limit of their source: told so, or closed before TLS.',
      labels: ['how'],
    },
    () => {
      const { told, closed } = relay.door.rate;
      return each('how', { told, closed });
    },
  );
  metrics.value(
    'beacon_rate_limit_entries',
    'Sources and wider networks that are remembered.',
    () => relay.door.rate.size,
  );
  metrics.total(
    { name: 'beacon_rate_limit_evicted_total', help: 'Sources that were forgotten to make room.' },
    () => one(relay.door.rate.evicted),
  );
  metrics.value(
    'beacon_handshakes_unfinished',
    'Connections between accept and the end of their handshake.',
    () => relay.door.handshakes.unfinished,
  );
  metrics.value(
    'beacon_handshakes_waiting',
    'Of those, how many wait for CPU time.',
    () => relay.door.handshakes.waiting,
  );
  metrics.gauge(
    {
      name: 'beacon_short_of',
      help: '1 for what this node is short of, so that nobody new is served: descriptors, eventLoop or memory.',
      labels: ['what'],
    },
    () => state('what', ['descriptors', 'eventLoop', 'memory'], relay.door.capacity.reason ?? ''),
  );
}
