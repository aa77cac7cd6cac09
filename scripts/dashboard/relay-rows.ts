/** The panels of relays and their cluster. */
import type { RowFacts } from './panel.ts';
import { of, quantile, quantiles, rate, series } from './queries.ts';

export const RELAYS: RowFacts = {
  title: 'Relays',
  panels: [
    {
      title: 'Pairings',
      text: 'Brokers paired with a bridge, a second: with one of the same node, or by a forward to another node.',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (way) (${rate('beacon_pairings_total', 'way!="incoming"')})`,
          legend: '{{way}}',
        },
      ],
    },
    {
      title: 'Failures by code',
      text: 'Clients refused at their HELLO, or later, a second. Cause and remedy of each code: docs/operations.md, Refusal codes.',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (role, outcome) (${rate('beacon_connections_total', 'outcome!="admitted"')})`,
          legend: '{{role}} {{outcome}}',
        },
        {
          expr: `sum by (role, code) (${rate('beacon_refused_later_total')})`,
          legend: '{{role}} {{code}} (later)',
        },
      ],
    },
    {
      title: 'Pairing time',
      text: 'From the admission of a broker to its pairing. One that comes before its bridge waits up to 10 s.',
      unit: 's',
      queries: [
        { expr: quantile(0.5, 'beacon_pairing_duration_seconds', 'way'), legend: '{{way}}, median' },
        { expr: quantile(0.99, 'beacon_pairing_duration_seconds', 'way'), legend: '{{way}}, 99 %' },
      ],
    },
    {
      title: 'Splices against the limit',
      text: 'Slots in use by node, and how many a node has. Past them clients wait; none is refused.',
      queries: [
        { expr: `sum by (instance) (${series('beacon_slots_used')})`, legend: '{{instance}}' },
        { expr: `max(${series('beacon_slots_max')})`, legend: 'limit' },
      ],
    },
    {
      title: 'Waiting for a slot',
      text: 'Brokers and forwards, by node. Above 0 for minutes: add nodes.',
      queries: [{ expr: `sum by (instance) (${series('beacon_slots_waiting')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Parked by node',
      text: 'Bridge connections that wait at each node. Bridges spread them over all nodes.',
      queries: [{ expr: `sum by (instance) (${of('relay', 'beacon_parked')})`, legend: '{{instance}}' }],
    },
    {
      title: 'Bytes relayed',
      text: 'By direction; a forward counts at both nodes that it crosses.',
      unit: 'Bps',
      queries: [
        {
          expr: `sum by (direction) (${rate('beacon_spliced_bytes_total')})`,
          legend: '{{direction}}',
        },
      ],
    },
    {
      title: 'Splices that ended',
      text: 'A second, by how: ended at both ends, aborted, or stalled.',
      unit: 'ops',
      queries: [{ expr: `sum by (outcome) (${rate('beacon_splices_total')})`, legend: '{{outcome}}' }],
    },
    {
      title: 'Handshake time',
      text: 'From accept to the end of a TLS handshake that succeeded, waiting for CPU time included.',
      unit: 's',
      queries: quantiles('beacon_handshake_duration_seconds'),
    },
    {
      title: 'Strangers',
      text: 'Connections that never were clients, by reason, and those over the rate limit of their source, a second. Noise, unless it is "internal".',
      unit: 'ops',
      queries: [
        { expr: `sum by (reason) (${rate('beacon_turned_away_total')})`, legend: '{{reason}}' },
        { expr: `sum by (how) (${rate('beacon_rate_limited_total')})`, legend: 'over the rate, {{how}}' },
      ],
    },
    {
      title: 'Short of',
      text: 'What a node is short of, so that it serves nobody new.',
      queries: [{ expr: `sum by (what) (${series('beacon_short_of')})`, legend: '{{what}}' }],
    },
    {
      title: 'Parks given up',
      text: 'Parked connections that nodes have dropped, a second, by reason.',
      unit: 'ops',
      queries: [{ expr: `sum by (reason) (${rate('beacon_parks_dropped_total')})`, legend: '{{reason}}' }],
    },
  ],
};

export const CLUSTER: RowFacts = {
  title: 'Cluster',
  panels: [
    {
      title: 'Members',
      text: 'Other nodes that each node expects, by state, summed up: with n nodes n x (n - 1) are connected.',
      queries: [{ expr: `sum by (state) (${series('beacon_cluster_members')})`, legend: '{{state}}' }],
    },
    {
      title: 'Drain',
      text: 'Nodes by the state of their drain. During a rolling restart one at a time leaves "serving".',
      queries: [{ expr: `sum by (state) (${series('beacon_drain_state')})`, legend: '{{state}}' }],
    },
    {
      title: 'Forwards',
      text: 'Pairings that crossed to another node, a second, by outcome. notHere: the advert was stale, and the broker was sent on.',
      unit: 'ops',
      queries: [{ expr: `sum by (outcome) (${rate('beacon_forwards_total')})`, legend: '{{outcome}}' }],
    },
    {
      title: 'Directory',
      text: 'Adverts that each node knows, its own and those of others, and how many nodes it does not know wholly yet.',
      queries: [
        {
          expr: `sum by (instance, of) (${series('beacon_directory_entries')})`,
          legend: '{{instance}} {{of}}',
        },
        { expr: `sum(${series('beacon_directory_incomplete')})`, legend: 'incomplete' },
      ],
    },
    {
      title: 'Heartbeats',
      text: 'A second, of all nodes: each one that is sent is received by all others.',
      unit: 'ops',
      queries: [
        { expr: `sum(${rate('beacon_gossip_heartbeats_sent_total')})`, legend: 'sent' },
        { expr: `sum(${rate('beacon_gossip_heartbeats_received_total')})`, legend: 'received' },
      ],
    },
    {
      title: 'Gossip trouble',
      text: 'A second: connections to the gossip port refused, pulls that failed, streams opened again.',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (reason) (${rate('beacon_gossip_connections_refused_total')})`,
          legend: 'refused, {{reason}}',
        },
        { expr: `sum(${rate('beacon_pulls_total', 'kind="failed"')})`, legend: 'pulls failed' },
        { expr: `sum(${rate('beacon_gossip_reopened_total')})`, legend: 'opened again' },
      ],
    },
  ],
};
