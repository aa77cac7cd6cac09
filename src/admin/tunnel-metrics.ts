/** The metrics that bridge and broker share. docs/metrics.md has the same list. */
import type { Metrics, Sample } from './metrics.ts';

/** As the session of a tunnel states itself. */
export interface SessionFacts {
  readonly unacknowledgedBytes: number;
  readonly unreadBytes: number;
  readonly replayedBytes: number;
  readonly legs: readonly {
    readonly active: boolean;
    readonly suspected: boolean;
    readonly srttMs: number | undefined;
  }[];
}

/** Seconds. A failover with a warm leg takes less than one, without any leg up to 60. */
const FAILOVER_BUCKETS = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 2, 5, 10, 30, 60];
/** Weight of a new round trip (RFC 6298, section 2.3: alpha). */
const ALPHA = 1 / 8;

/** What counts events for `metrics`. */
export function tunnelEvents(metrics: Metrics) {
  const dials = metrics.counter({
    name: 'beacon_relay_dials_total',
    help: 'Dials of relays, by outcome: connected, or the code of the error.',
    labels: ['outcome'],
  });
  const reconnects = metrics.counter({
    name: 'beacon_reconnects_total',
    help: 'Parks or legs that were lost, for each of which another connection is made, by the code of the error.',
    labels: ['code'],
  });
  const failovers = metrics.counter({
    name: 'beacon_failovers_total',
    help: 'Times that a tunnel went on over another leg, by why: the leg was lost, or stalled.',
    labels: ['why'],
  });
  const resumed = metrics.histogram(
    {
      name: 'beacon_failover_duration_seconds',
      help: 'How long bytes waited that were under way when a tunnel moved to another leg.',
    },
    FAILOVER_BUCKETS,
  );
  const roundTrips = new Map<string, number>();
  return {
    dialled: (outcome: string) => dials({ outcome }),
    roundTrip: (hop: string, ms: number) => {
      const known = roundTrips.get(hop) ?? ms;
      roundTrips.set(hop, known + ALPHA * (ms - known));
    },
    negotiated: groupsCounter(metrics),
    lost: (code: string) => reconnects({ code }),
    moved: (why: string) => failovers({ why }),
    resumed: (ms: number) => resumed(ms / 1_000),
    /** Smoothed milliseconds, by hop. */
    roundTrips: roundTrips as ReadonlyMap<string, number>,
  };
}

/** Counts the TLS connections that a process has dialled. */
export function groupsCounter(metrics: Metrics): (hop: string, group: string) => void {
  const groups = metrics.counter({
    name: 'beacon_tls_groups_total',
    help: 'TLS connections that this process has dialled, by the group of their key exchange.',
    labels: ['hop', 'group'],
  });
  return (hop, group) => groups({ hop, group });
}

/** What is looked up at each scrape. @param roundTrips as of {@link tunnelEvents}. */
export function addTunnelMetrics(
  metrics: Metrics,
  look: () => readonly SessionFacts[],
  roundTrips: ReadonlyMap<string, number>,
): void {
  const sessions = metrics.oncePerScrape(look);
  metrics.gauge({ name: 'beacon_legs', help: 'Legs of all tunnels, by state.', labels: ['state'] }, () =>
    legsByState(sessions()),
  );
  metrics.gauge(
    {
      name: 'beacon_window_used_bytes',
      help: 'Bytes of all tunnels that are kept: sent and not acknowledged, or received and not read.',
      labels: ['direction'],
    },
    () => {
      const sum = (of: (session: SessionFacts) => number): number =>
        sessions().reduce((total, session) => total + of(session), 0);
      return [
        [sum(({ unacknowledgedBytes }) => unacknowledgedBytes), { direction: 'out' }],
        [sum(({ unreadBytes }) => unreadBytes), { direction: 'in' }],
      ];
    },
  );
  metrics.gauge(
    {
      name: 'beacon_round_trip_seconds',
      help: 'Smoothed round trip by hop: relay and target as TCP connects, tunnel from end to end, the slowest one.',
      labels: ['hop'],
    },
    () => [
      ...[...roundTrips].map(([hop, ms]): Sample => [ms / 1_000, { hop }]),
      ...slowest(sessions()).map((ms): Sample => [ms / 1_000, { hop: 'tunnel' }]),
    ],
  );
}

function legsByState(sessions: readonly SessionFacts[]): Iterable<Sample> {
  const counts = { active: 0, warm: 0, suspected: 0 };
  for (const { legs } of sessions)
    for (const { active, suspected } of legs)
      counts[suspected ? 'suspected' : active ? 'active' : 'warm'] += 1;
  return Object.entries(counts).map(([state, count]) => [count, { state }]);
}

/** The longest round trip among the legs that carry a tunnel, milliseconds; none: empty. */
function slowest(sessions: readonly SessionFacts[]): readonly number[] {
  const times = sessions.flatMap(({ legs }) =>
    legs.flatMap(({ active, srttMs }) => (active && srttMs !== undefined ? [srttMs] : [])),
  );
  // Not by spreading: a bridge has thousands.
  return times.length === 0 ? [] : [times.reduce((most, ms) => Math.max(most, ms))];
}
