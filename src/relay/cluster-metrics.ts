/** The metrics of a relay that are of its cluster; without values where it runs alone. */
import { each, type Metrics, one, type Sample } from '../admin/metrics.ts';
import type { ClusterStatus } from '../cluster/cluster.ts';
import type { GossipCounters } from '../cluster/gossip-counters.ts';
import type { MemberState } from '../cluster/membership.ts';

type Look = () => ClusterStatus | undefined;

const STATES: readonly MemberState[] = ['connected', 'connecting', 'unresolved', 'absent'];

export function addClusterMetrics(metrics: Metrics, status: Look): void {
  metrics.gauge(
    {
      name: 'beacon_cluster_members',
      help: 'Other nodes that are expected, by state.',
      labels: ['state'],
    },
    () => membersByState(status()),
  );
  metrics.gauge(
    {
      name: 'beacon_directory_entries',
      help: 'Adverts that this node knows: its own, and those of all others.',
      labels: ['of'],
    },
    () => {
      const directory = status()?.directory;
      if (!directory) return [];
      const { ownEntries: own, entries } = directory;
      return each('of', { own, others: entries - own });
    },
  );
  metrics.gauge(
    { name: 'beacon_directory_incomplete', help: 'Nodes whose adverts are not all known here now.' },
    () => one(status()?.directory.members.filter(({ complete }) => !complete).length),
  );
  metrics.total(
    {
      name: 'beacon_directory_refused_total',
      help: 'What other nodes sent and the directory did not take over, by reason.',
      labels: ['reason'],
    },
    () => each('reason', status()?.directory.refusals ?? {}),
  );
  metrics.total(
    {
      name: 'beacon_directory_doubts_total',
      help: 'Times that what this node knew contradicted its origin. Each is a fault in a program.',
    },
    () => one(status()?.directory.doubts),
  );
  addGossipMetrics(metrics, () => status()?.gossip);
}

function addGossipMetrics(metrics: Metrics, gossip: () => GossipCounters | undefined): void {
  const total = (name: string, help: string, of: (counters: GossipCounters) => number): void =>
    metrics.total({ name, help }, () => look(gossip(), of));
  const by = (
    name: string,
    help: string,
    of: (counters: GossipCounters) => Readonly<Record<string, number>>,
  ): void =>
    metrics.total({ name, help, labels: ['reason'] }, () => {
      const counters = gossip();
      return counters ? each('reason', of(counters)) : [];
    });
  total('beacon_gossip_entries_sent_total', 'Gossip entries published.', (all) => all.entriesSent);
  total('beacon_gossip_entries_received_total', 'Gossip entries taken in.', (all) => all.entriesReceived);
  by(
    'beacon_gossip_entries_rejected_total',
    'Gossip entries rejected, sent ones that were too large included, by reason.',
    (all) => all.entriesRejected,
  );
  total('beacon_gossip_heartbeats_sent_total', 'Heartbeats sent.', (all) => all.heartbeatsSent);
  total('beacon_gossip_heartbeats_received_total', 'Heartbeats received.', (all) => all.heartbeatsReceived);
  total('beacon_gossip_reopened_total', 'Gossip streams that were opened again.', (all) => all.reopened);
  by(
    'beacon_gossip_connections_refused_total',
    'Connections to the gossip port that were refused, by reason.',
    (all) => all.connectionsRefused,
  );
  by(
    'beacon_gossip_connections_closed_total',
    'Gossip connections that this node has closed, by reason.',
    (all) => all.connectionsClosed,
  );
  metrics.total(
    {
      name: 'beacon_pulls_total',
      help: 'Pages of other directories: asked for, of those failed; and served to other nodes.',
      labels: ['kind'],
    },
    () => {
      const counters = gossip();
      if (!counters) return [];
      const { pullsMade: made, pullsFailed: failed, pullsServed: served } = counters;
      return each('kind', { made, failed, served });
    },
  );
}

function look(
  counters: GossipCounters | undefined,
  of: (counters: GossipCounters) => number,
): Iterable<Sample> {
  return one(counters && of(counters));
}

function membersByState(status: ClusterStatus | undefined): Iterable<Sample> {
  if (!status) return [];
  return STATES.map((state) => [status.members.filter((member) => member.state === state).length, { state }]);
}
