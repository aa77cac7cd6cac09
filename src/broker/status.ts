/** What `beacon status` shows of a broker: its tunnels, and whether a dead relay would be noticed. */
import type { Row, Status } from '../admin/status.ts';
import { stateOf } from '../tunnel/leg-pairs.ts';
import type { Broker, TunnelStatus } from './broker.ts';

export function statusOf(broker: Broker): Status {
  const { tunnels } = broker;
  return {
    trouble: broker.connected ? null : 'there is no tunnel to a bridge',
    connected: broker.connected,
    streams: broker.streams,
    tunnels: tunnels.map(rowOf),
    legs: tunnels.flatMap(legsOf),
  };
}

function rowOf({ bridge, streams, paths, redundancy, retired, session }: TunnelStatus, index: number): Row {
  return {
    tunnel: index + 1,
    bridge: bridge.slice(0, 8),
    streams,
    legs: paths.length,
    redundancy: redundancy.kind,
    why: redundancy.kind === 'disjoint' ? null : redundancy.why,
    failovers: session.failovers,
    longestStallMs: Math.round(session.longestStallMs),
    retired,
  };
}

function legsOf({ paths, session }: TunnelStatus, index: number): readonly Row[] {
  return session.legs.map(({ srttMs, ...leg }, at) => ({
    tunnel: index + 1,
    path: paths[at]?.join(' > ') ?? null,
    state: stateOf(leg),
    roundTripMs: srttMs ?? null,
  }));
}
