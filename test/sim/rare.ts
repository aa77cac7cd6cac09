/** Counts what is rare at a relay, from what it says in its log and to those who count. */
import { type Log, type LogFields, silentLog } from '../../src/base/log.ts';
import { NO_EVENTS, type RelayEvents } from '../../src/relay/events.ts';
import type { World } from './world.ts';

/** @param onChosen the incarnation of the node is chosen, perhaps not for the first time. */
export function rareLog(world: World, onChosen: (incarnation: number) => void): Log {
  const debug = (message: string, fields: LogFields = {}): void => {
    if (message === 'the incarnation of this node is chosen') onChosen(Number(fields['incarnation']));
    else if (message.startsWith('something that a node sent was refused'))
      world.reached(`directory: refused ${fields['reason']}`);
    else if (message === 'a splice ended') world.reached(`relay: a splice ${fields['outcome']}`);
  };
  const info = (message: string, fields: LogFields = {}): void => {
    if (message === 'a node is gone') world.reached(`directory: a node is gone, ${fields['reason']}`);
  };
  // A fault of the product's own is never to be missed: whoever runs seeds sees it as a point that must not be reached.
  const error = (message: string): void => world.reached(`error: ${message}`);
  const warn = (message: string): void => world.reached(`warning: ${message}`);
  const log: Log = { ...silentLog, debug, info, warn, error, child: () => log };
  return log;
}

export function rareEvents(world: World): RelayEvents {
  return {
    ...NO_EVENTS,
    dropped: (reason) => world.reached(`relay: dropped a park, ${reason}`),
    paired: (way) => world.reached(`relay: paired, ${way}`),
    forwarded: (outcome) => world.reached(`relay: a forward was ${outcome}`),
  };
}

/** Branches that many seeds together should reach. Those of clients are listed beside them. */
export const RELAY_POINTS = [
  'directory: a node is gone, disconnected',
  'directory: a node is gone, restarted',
  'directory: a node is gone, silent',
  'directory: refused oldIncarnation',
  'directory: refused oldSequence',
  'directory: refused unaskedPage',
  'directory: another incarnation was chosen',
  'gossip: a page was pulled',
  'gossip: a pull came to nothing',
  'gossip: both dialled',
  'gossip: closed as silent',
  'gossip: closed as spare',
  'gossip: refused by tie',
  'relay: a bridge was told of a drain',
  'relay: a broker was refused avoided',
  'relay: a broker was refused draining',
  'relay: a broker was refused holderUnreachable',
  'relay: a broker was refused noBridge',
  'relay: a broker waits',
  'relay: a bridge was refused draining',
  'relay: a drain cut splices',
  'relay: a forward was joined',
  'relay: a forward was notHere',
  'relay: a forward was refused',
  'relay: a forward was unreachable',
  'relay: a splice aborted',
  'relay: a splice ended',
  'relay: a splice stalled',
  'relay: dropped a park, brokerLeft',
  'relay: dropped a park, noAccept',
  'relay: dropped a park, noPong',
  'relay: goaway',
  'relay: paired, forward',
  'relay: paired, incoming',
  'relay: paired, local',
  'relay: waits for a slot',
  'weather: doubled',
  'weather: lost',
] as const;
