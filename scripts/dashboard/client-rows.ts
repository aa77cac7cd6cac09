/** The panels of bridges and brokers. */
import type { RowFacts } from './panel.ts';
import { of, quantiles, rate, rateOf, series } from './queries.ts';

export const CLIENTS: RowFacts = {
  title: 'Bridges and brokers',
  panels: [
    {
      title: 'Connected',
      text: 'By broker, 1 while a tunnel is up and has a leg.',
      max: 1,
      queries: [{ expr: `sum by (instance) (${series('beacon_connected')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Legs',
      text: 'Of all tunnels, as brokers see them. An ordinary tunnel has one active and one warm leg.',
      queries: [{ expr: `sum by (state) (${of('broker', 'beacon_legs')})`, legend: '{{state}}' }],
    },
    {
      title: 'Tunnels by redundancy',
      text: 'disjoint: two legs that share no host. Else the reason why there are none.',
      queries: [
        {
          expr: `sum by (redundancy, why) (${series('beacon_tunnels_by_redundancy')})`,
          legend: '{{redundancy}} {{why}}',
        },
      ],
    },
    {
      title: 'Failovers',
      text: 'Times that tunnels went on over another leg in the last five minutes, by why.',
      queries: [
        {
          expr: `sum by (why) (increase(${series('beacon_failovers_total')}[5m]))`,
          legend: '{{why}}',
        },
      ],
    },
    {
      title: 'Failover time',
      text: 'How long bytes waited that were under way.',
      unit: 's',
      queries: quantiles('beacon_failover_duration_seconds'),
    },
    {
      title: 'Streams',
      text: 'That run: connections of clients at brokers.',
      queries: [{ expr: `sum by (instance) (${of('broker', 'beacon_streams')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Streams by outcome',
      text: 'At brokers, a second. Cause and remedy: docs/operations.md, Stream codes.',
      unit: 'ops',
      queries: [
        { expr: `sum by (outcome) (${rateOf('broker', 'beacon_streams_total')})`, legend: '{{outcome}}' },
      ],
    },
    {
      title: 'Time to open a stream',
      text: 'Through the tunnel and on to the target.',
      unit: 's',
      queries: quantiles('beacon_stream_open_duration_seconds'),
    },
    {
      title: 'Round trips',
      text: 'The slowest, by hop.',
      unit: 's',
      queries: [{ expr: `max by (hop) (${series('beacon_round_trip_seconds')})`, legend: '{{hop}}' }],
    },
    {
      title: 'Hosts at which a bridge is parked',
      text: 'Two or more are wanted.',
      queries: [{ expr: `sum by (instance) (${series('beacon_park_hosts')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Dials of relays',
      text: 'By bridges and brokers, a second, by outcome.',
      unit: 'ops',
      queries: [{ expr: `sum by (outcome) (${rate('beacon_relay_dials_total')})`, legend: '{{outcome}}' }],
    },
    {
      title: 'Connections lost',
      text: 'Parks and legs, a second, by the code of the error. Each is made anew.',
      unit: 'ops',
      queries: [{ expr: `sum by (code) (${rate('beacon_reconnects_total')})`, legend: '{{code}}' }],
    },
  ],
};
