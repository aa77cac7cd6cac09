/** A Connection of the relay on memory links, in any of its states, for tests. */
import { expect } from 'vitest';
import { BeaconError } from '../../src/base/errors.ts';
import { infoHashFromBytes } from '../../src/base/info-hash.ts';
import { openEntry } from '../../src/net/door/door.ts';
import { Connection, type ConnectionHandler } from '../../src/relay/connection.ts';
import { relayFrames } from '../../src/wire/decode.ts';
import { encodeClientFrame } from '../../src/wire/encode.ts';
import type { ClientFrame, Hello, RelayFrame, Role } from '../../src/wire/frames.ts';
import { refusal } from '../../src/wire/refusal.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { memoryLinks } from './memory-link.ts';
import type { Watched } from './streams.ts';

export const PAIR_ID = Buffer.alloc(16, 3);
export const TEXT = Buffer.from('opaque bytes that are no frame at all');

export function helloOf(role: Role): Hello {
  const choice = { wanted: undefined, except: [], avoid: [] };
  const names = { infoHash: Buffer.alloc(32, 1), instance: Buffer.alloc(16, 2), software: 'test' };
  return { type: 'hello', version: 1, role, ...names, ...choice };
}

/** Under which everybody is admitted. */
const INFO_HASH = infoHashFromBytes(Buffer.alloc(32, 1));

/** One of each that a client may send. */
export const FRAMES: readonly ClientFrame[] = [
  helloOf('park'),
  { type: 'ping', token: 7 },
  { type: 'pong', token: 8 },
  { type: 'accept', pairId: PAIR_ID },
];

/** A connection that admits everybody, the client's end of it, and what the relay would have been told. */
export function setUp(handler: Partial<ConnectionHandler> = {}) {
  const clock = new ManualClock();
  const [client, link] = memoryLinks();
  const told: string[] = [];
  const connection = new Connection(1, link, openEntry(link.source), clock, {
    onHello(each, frame) {
      told.push(`hello ${frame.role}`);
      if (frame.role === 'park') each.park(INFO_HASH);
      else each.wait(INFO_HASH);
    },
    onPong: (_connection, token) => told.push(`pong ${token}`),
    onAccept: (_connection, pairId) => told.push(`accept ${pairId.toString('hex')}`),
    onViolation: (_connection, error) =>
      told.push(`violation ${error instanceof BeaconError ? error.code : error}`),
    onRefused: () => {},
    onGone: () => told.push('gone'),
    ...handler,
  });
  connection.start();
  return { clock, client: client.stream, reset: () => client.reset(), connection, told };
}

export type SetUp = ReturnType<typeof setUp>;
export const STATES = ['hello', 'parked', 'offered', 'waiting', 'refused', 'spliced'] as const;
export type State = (typeof STATES)[number];

/** As {@link setUp}, brought to `state`; what was told on the way is forgotten. */
export async function inState(state: State, handler?: Partial<ConnectionHandler>): Promise<SetUp> {
  const all = setUp(handler);
  const { client, connection, told } = all;
  if (state !== 'hello') {
    client.write(encodeClientFrame(helloOf(state === 'waiting' || state === 'spliced' ? 'connect' : 'park')));
    await settle();
  }
  if (state === 'offered') connection.offer(PAIR_ID);
  if (state === 'refused') connection.refuse(refusal('notAllowed'));
  if (state === 'spliced') connection.release();
  expect(connection.state).toBe(state);
  told.length = 0;
  return all;
}

/** The frames that the client got, and nothing else. */
export function framesIn({ bytes }: Watched): RelayFrame[] {
  const decoder = relayFrames();
  decoder.push(bytes);
  const frames: RelayFrame[] = [];
  for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
  expect(decoder.takeRest()).toHaveLength(0);
  return frames;
}

export const typesIn = (seen: Watched): string[] => framesIn(seen).map(({ type }) => type);
