/** Counts what is rare at bridges and brokers of a run. */
import { type Log, silentLog } from '../../src/base/log.ts';
import type { BrokerEvents } from '../../src/broker/events.ts';
import { NO_TUNNEL_EVENTS } from '../../src/tunnel/events.ts';
import type { World } from './world.ts';

export function rareBrokerEvents(world: World): BrokerEvents {
  return {
    ...NO_TUNNEL_EVENTS,
    tunnelUp: () => {},
    tunnelLeft: (reason) => world.reached(`broker: a tunnel has left, ${reason}`),
    legOpened: (purpose) => world.reached(`broker: a leg, ${purpose}`),
    streamOpened: () => {},
  };
}

/** For what brokers tell of in their log only. */
export function rareBrokerLog(world: World): Log {
  const info = (message: string): void => {
    if (message.startsWith('a tunnel was replaced')) world.reached('broker: a tunnel was replaced');
  };
  const log: Log = { ...silentLog, info, child: () => log };
  return log;
}

/** Branches that many seeds together should reach. */
export const CLIENT_POINTS = [
  'a leg is dropped: crowded',
  'a leg is dropped: lingering',
  'a leg is dropped: silent',
  'a leg is suspected',
  'a session has no leg',
  'a session is held up by its window',
  'a session moves, lost',
  'a session moves, stalled',
  'bridge: a broker is told to leave a node',
  'broker: a client waits for a tunnel',
  'broker: a client is turned away',
  'broker: a leg, drain',
  'broker: a leg, first',
  'broker: a leg, repair',
  'broker: a stream is placed again',
  'broker: a tunnel has left, goaway',
  'broker: a tunnel has left, gone',
  'broker: a tunnel was replaced',
  'impostor: a bridge',
  'impostor: a broker',
] as const;
