/** What `beacon status` shows of a relay: counts, and the nodes that it knows; nothing of who its clients are. */
import type { Row, Status } from '../admin/status.ts';
import type { ClusterStatus } from '../cluster/cluster.ts';
import type { Scarce } from '../net/door/capacity.ts';
import type { Relay } from './relay.ts';

export interface RelayFacts {
  readonly nodeName: string;
  readonly zone: string;
}

export function statusOf({ nodeName, zone }: RelayFacts, relay: Relay): Status {
  const { slots, door } = relay;
  const { reason } = door.capacity;
  const cluster = relay.clusterStatus();
  return {
    trouble: reason === undefined ? null : SHORT[reason],
    node: nodeName,
    zone: shown(zone),
    parked: relay.parked,
    splices: relay.splices,
    slotsUsed: slots.used,
    slotsWaiting: slots.waiting,
    ...(cluster
      ? {
          incarnation: cluster.directory.incarnation ?? null,
          directoryEntries: cluster.directory.entries,
          members: membersOf(cluster),
        }
      : { members: [] }),
  };
}

/** A zone that nobody has set is said to be unknown, and not left out: legs may all stand in one. */
function shown(zone: string): string {
  return zone || 'unknown';
}

const SHORT: Readonly<Record<Scarce, string>> = {
  descriptors: 'it has few descriptors left: nobody new is served',
  eventLoop: 'it is short of CPU time: nobody new is served',
  memory: 'it has little memory left: nobody new is served',
};

/** Everybody that is expected, whether heard or not. */
function membersOf({ members, directory }: ClusterStatus): readonly Row[] {
  const heard = new Map(directory.members.map((member) => [member.node, member]));
  return members.map(({ name, state }) => {
    const known = heard.get(name);
    return {
      node: name,
      state,
      zone: known ? shown(known.zone) : null,
      draining: known?.draining ?? null,
      complete: known?.complete ?? null,
      entries: known?.entries ?? null,
      splices: known?.load ?? null,
      incarnation: known?.incarnation ?? null,
      heardMs: known ? Math.round(known.heardMs) : null,
      software: known?.software ?? null,
    };
  });
}
