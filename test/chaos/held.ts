/** What processes still hold when all clients have ended: slots, sessions, streams, and descriptors. */
import type { Happening, Held } from '../scenario/history.ts';
import { sum } from '../support/compose/metrics-text.ts';
import type { Cluster } from './cluster.ts';
import { type Look, look } from './observer.ts';
import { RELAY_PORT } from './places.ts';

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
/** Descriptors that a relay opens when it needs them and keeps: spare forwards to other nodes, of name service, of files. */
const GRAIN = 16;

interface Weight {
  readonly of: Held;
  readonly value: number;
  readonly base: number;
}
type Weigh = (seen: Look) => Promise<readonly Weight[]>;

/** First of bridges and brokers, whose streams have ended; then these end, and of relays. */
export async function weighHeld(
  cluster: Cluster,
  { relays, clients, base, tell }: HeldOptions,
): Promise<void> {
  await settle(
    cluster,
    clients,
    async ({ metrics }) => [{ of: 'streams', value: sum(metrics, 'beacon_streams'), base: 0 }],
    tell,
  );
  await Promise.all(clients.map((name) => cluster.stop(name, 30)));
  const descriptors = ({ metrics }: Pick<Look, 'metrics'>): number => sum(metrics, 'beacon_process_open_fds');
  const weigh: Weigh = async (seen) => {
    const { name, metrics } = seen;
    const before = base.find((each) => each.name === name) ?? { metrics: [] };
    return [
      { of: 'slots', value: sum(metrics, 'beacon_slots_used'), base: 0 },
      { of: 'sessions', value: sum(metrics, 'beacon_splices'), base: 0 },
      { of: 'sockets', value: await cluster.connections(name, RELAY_PORT), base: 0 },
      { of: 'sockets', value: descriptors(seen), base: descriptors(before) + GRAIN },
    ];
  };
  await settle(cluster, relays, weigh, tell);
}

/** Looks until each is back at its base, or time is up. */
async function settle(
  cluster: Cluster,
  names: readonly string[],
  weigh: Weigh,
  tell: HeldOptions['tell'],
): Promise<void> {
  const end = Date.now() + SETTLES_MS;
  const one = async (name: string): Promise<void> => {
    for (;;) {
      const seen = await look(cluster, name);
      const held = seen ? await weigh(seen) : undefined;
      if (held?.every(({ value, base }) => value <= base) || Date.now() > end) {
        // Nothing is told of who never answers: then the history is not complete, which a checker says.
        for (const weight of held ?? []) tell({ what: 'held', at: name, ...weight });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  await Promise.all(names.map(one));
}
