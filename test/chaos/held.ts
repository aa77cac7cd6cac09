/** What processes still hold when all clients have ended: slots, sessions, streams, and descriptors. */
import type { Held, Happening } from '../scenario/history.ts';
import { sum } from '../support/compose/metrics-text.ts';
import type { Cluster } from './cluster.ts';
import { type Look, look } from './observer.ts';

export interface HeldOptions {
  readonly relays: readonly string[];
  /** Those that run. */
  readonly clients: readonly string[];
  /** Of the relays, before any client came. */
  readonly base: readonly Look[];
  readonly tell: (happening: Happening) => void;
}

/** Connections end in their own time: a relay gives one that says nothing 10 s, and lingers after a refusal. */
const SETTLES_MS = 30_000;
/** Spare descriptors that a relay opens as it needs them and keeps: name service, files that are read again. */
const GRAIN = 3;

type Of = readonly [of: Held, metric: string];
const OF_CLIENTS: readonly Of[] = [['streams', 'beacon_streams']];
const OF_RELAYS: readonly Of[] = [
  ['slots', 'beacon_slots_used'],
  ['sessions', 'beacon_splices'],
  ['sockets', 'beacon_process_open_fds'],
];

/** First of bridges and brokers, whose streams have ended; then these end, and of relays. */
export async function withHeld(cluster: Cluster, { relays, clients, base, tell }: HeldOptions): Promise<void> {
  const zero = (): number => 0;
  await settle(cluster, clients, OF_CLIENTS, zero, tell);
  await Promise.all(clients.map((name) => cluster.stop(name, 30)));
  const baseOf = (name: string, metric: string): number => {
    const seen = base.find((each) => each.name === name);
    return metric === 'beacon_process_open_fds' ? sum(seen?.metrics ?? [], metric) + GRAIN : 0;
  };
  await settle(cluster, relays, OF_RELAYS, baseOf, tell);
}

async function settle(
  cluster: Cluster,
  names: readonly string[],
  what: readonly Of[],
  baseOf: (name: string, metric: string) => number,
  tell: (happening: Happening) => void,
): Promise<void> {
  const end = Date.now() + SETTLES_MS;
  const one = async (name: string): Promise<void> => {
    for (;;) {
      const seen = await look(cluster, name);
      const held = what.map(([of, metric]): Extract<Happening, { what: 'held' }> => {
        const value = seen ? sum(seen.metrics, metric) : Number.NaN;
        return { what: 'held', of, at: name, value, base: baseOf(name, metric) };
      });
      if (seen && (held.every(({ value, base }) => value <= base) || Date.now() > end)) {
        for (const happening of held) tell(happening);
        return;
      }
      // Nothing is told of who never answers: then the history is not complete, which a checker says.
      if (Date.now() > end) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  await Promise.all(names.map(one));
}
