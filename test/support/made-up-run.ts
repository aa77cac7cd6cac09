/** A run that never happened, in which all is well, for the tests of checkers to spoil. */
import type { Event, Happening, History } from '../scenario/history.ts';
import type { Scenario } from '../scenario/scenario.ts';

export const UNTIL_MS = 80_000;
export const CALM_MS = 40_000;
export const INFO_HASHES = ['aa', 'bb'] as const;

/** Three relays, a bridge and a broker of CA 0, a bridge of CA 1, one fault early on: relay-2 is killed. */
export const MADE_UP: Scenario = {
  seed: 0,
  relays: 3,
  slots: 4,
  cas: 2,
  bridges: [
    { ca: 0, spans: [{ fromMs: 0, untilMs: UNTIL_MS }] },
    { ca: 1, spans: [{ fromMs: 0, untilMs: UNTIL_MS }] },
  ],
  brokers: [{ ca: 0, spans: [{ fromMs: 0, untilMs: UNTIL_MS }] }],
  streams: [0, 1].map((stream) => ({
    stream,
    atMs: 1_000 * (stream + 1),
    broker: 0,
    kind: 'read',
    clientBytes: 10,
    storeBytes: 300,
    overMs: 0,
  })),
  faults: [{ kind: 'kill', place: { relay: 2 }, atMs: 5_000, forMs: 5_000 }],
  faultsUntilMs: CALM_MS,
  untilMs: UNTIL_MS,
};

const at = (ms: number, happening: Happening): Event => ({ ...happening, ms });

/** A view of all three nodes; `last`: which incarnation of relay-2 is known; 0: none. */
export function viewAt(ms: number, node: string, last = 3): Event {
  const before = { aa: ['relay-1'], bb: ['relay-0'] };
  const after = { aa: ['relay-1', 'relay-2'], bb: ['relay-0', 'relay-2'] };
  const members = { 'relay-0': 1, 'relay-1': 1, ...(last === 0 ? {} : { 'relay-2': last }) };
  return at(ms, { what: 'directory', node, members, holders: ms < 20_000 ? before : after });
}

/** A read over 300 bytes, from `ms` on. */
function readAt(ms: number, stream: number): Event[] {
  const [client, store] = ['client', 'store'] as const;
  return [
    at(ms, { what: 'opened', stream, broker: 'broker-0', infoHash: 'aa' }),
    at(ms, { what: 'wrote', stream, side: client, from: 0, bytes: 10 }),
    at(ms + 10, { what: 'served', stream, bridge: 'bridge-0', infoHash: 'aa' }),
    at(ms + 10, { what: 'read', stream, side: store, from: 0, bytes: 10 }),
    at(ms + 20, { what: 'wrote', stream, side: store, from: 0, bytes: 300 }),
    at(ms + 20, { what: 'finished', stream, side: store, total: 300 }),
    at(ms + 30, { what: 'read', stream, side: client, from: 0, bytes: 200 }),
    at(ms + 40, { what: 'read', stream, side: client, from: 200, bytes: 100 }),
    at(ms + 40, { what: 'end', stream, side: client }),
    at(ms + 50, { what: 'finished', stream, side: client, total: 10 }),
    at(ms + 60, { what: 'end', stream, side: store }),
  ];
}

/** All is well. */
export function goodRun(): History {
  const relays = ['relay-0', 'relay-1', 'relay-2'];
  return [
    ...relays.map((node) => at(0, { what: 'up', node, incarnation: 1 })),
    at(500, { what: 'parked', park: 1, bridge: 'bridge-0', instance: 'i0', infoHash: 'aa', node: 'relay-1' }),
    at(500, { what: 'parked', park: 2, bridge: 'bridge-1', instance: 'i1', infoHash: 'bb', node: 'relay-0' }),
    at(600, { what: 'asked', attempt: 1, broker: 'broker-0', infoHash: 'aa', node: 'relay-0' }),
    at(700, { what: 'parked', park: 3, bridge: 'bridge-0', instance: 'i0', infoHash: 'aa', node: 'relay-1' }),
    at(710, { what: 'unparked', park: 1 }),
    at(720, paired(1, ['relay-0', 'relay-1'])),
    at(720, { what: 'level', of: 'slots', at: 'relay-0', value: 1, most: 4 }),
    ...readAt(1_000, 0),
    ...readAt(2_000, 1),
    at(5_000, { what: 'fault', fault: 0, on: true }),
    at(5_000, { what: 'down', node: 'relay-2', incarnation: 1 }),
    viewAt(7_000, 'relay-0', 0),
    at(10_000, { what: 'up', node: 'relay-2', incarnation: 3 }),
    at(10_000, { what: 'fault', fault: 0, on: false }),
    at(20_000, {
      what: 'parked',
      park: 4,
      bridge: 'bridge-0',
      instance: 'i0',
      infoHash: 'aa',
      node: 'relay-2',
    }),
    at(20_000, {
      what: 'parked',
      park: 5,
      bridge: 'bridge-1',
      instance: 'i1',
      infoHash: 'bb',
      node: 'relay-2',
    }),
    at(CALM_MS, { what: 'calm' }),
    ...[60_000, 60_500].flatMap((ms) => relays.map((node) => viewAt(ms, node))),
    ...relays.map((name) => at(UNTIL_MS + 1, { what: 'held', of: 'slots', at: name, value: 0, base: 0 })),
  ];
}

export function paired(
  attempt: number,
  path: readonly string[],
  bridge = 'bridge-0',
  infoHash = 'aa',
): Happening {
  return { what: 'paired', attempt, bridge, instance: bridge.replace('bridge-', 'i'), infoHash, path };
}

/** The good run with `events` added, each at its time. */
export function withMore(...events: readonly (Happening & { readonly ms: number })[]): History {
  return [...goodRun(), ...events].sort((one, other) => one.ms - other.ms);
}

/** The good run with each event replaced by what `change` makes of it: nothing, one or more. */
export function changed(change: (event: Event) => Event | readonly Event[]): History {
  return goodRun().flatMap(change);
}
