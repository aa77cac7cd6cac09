/** What `beacon status` shows of a bridge. */
import type { Status } from '../admin/status.ts';
import { STATUS_ROWS } from '../base/limits.ts';
import { stateOf } from '../tunnel/leg-pairs.ts';
import type { Bridge } from './bridge.ts';

/** @param bridges more than one while the CA is changed. */
export function statusOf(bridges: readonly Bridge[], targets: number): Status {
  const sum = (of: (bridge: Bridge) => number): number =>
    bridges.reduce((total, bridge) => total + of(bridge), 0);
  const hosts = bridges.flatMap(({ parkedByHost }) => [...parkedByHost]);
  const sessions = bridges.flatMap(({ sessions }) => sessions);
  return {
    trouble: sum(({ parked }) => parked) > 0 ? null : 'no connection is parked at a relay',
    parked: sum(({ parked }) => parked),
    tunnels: sum(({ tunnels }) => tunnels),
    streams: sum(({ streams }) => streams),
    targets,
    parks: hosts.map(([host, parked]) => ({ host, parked })),
    legs: sessions
      .flatMap(({ legs }, session) =>
        legs.map(({ srttMs, ...leg }) => ({
          tunnel: session + 1,
          state: stateOf(leg),
          roundTripMs: srttMs ?? null,
        })),
      )
      .slice(0, STATUS_ROWS),
  };
}
