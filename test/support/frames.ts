/** Generators of the frames of beacon/1, and its two directions for the checks of codec-checks.ts. */
import fc from 'fast-check';
import { REFUSAL_CODES } from '../../src/base/errors.ts';
import { clientFrames, relayFrames } from '../../src/wire/decode.ts';
import { encodeClientFrame, encodeRelayFrame } from '../../src/wire/encode.ts';
import type { ClientFrame, Hello, RelayFrame } from '../../src/wire/frames.ts';
import { type Direction, decodeStream } from './codec-checks.ts';
import { bytes, name, record, text, u32, u64 } from './field-arbitraries.ts';
import { type Decoded, naiveDecode, type Side } from './naive-decoder.ts';

const greeting = {
  type: fc.constant('hello' as const),
  version: fc.constant(1),
  infoHash: bytes(32),
  instance: bytes(16),
  software: text(64),
};
const parkHello: fc.Arbitrary<Hello> = record({
  ...greeting,
  role: fc.constant('park' as const),
  wanted: fc.constant(undefined),
  except: fc.constant([]),
  avoid: fc.constant([]),
});
const connectHello: fc.Arbitrary<Hello> = record({
  ...greeting,
  role: fc.constant('connect' as const),
  wanted: fc.option(bytes(16), { nil: undefined }),
  except: fc.array(bytes(16), { maxLength: 8 }),
  avoid: fc.array(name(1), { maxLength: 4 }),
});
const pathNode = record({ node: name(1), zone: name(0) });
const pings = {
  ping: record({ type: fc.constant('ping' as const), token: u32 }),
  pong: record({ type: fc.constant('pong' as const), token: u32 }),
};

/** One generator a type, so that a new type without one does not compile. */
const CLIENT: { readonly [T in ClientFrame['type']]: fc.Arbitrary<Extract<ClientFrame, { type: T }>> } = {
  hello: fc.oneof(parkHello, connectHello),
  accept: record({ type: fc.constant('accept' as const), pairId: bytes(16) }),
  ...pings,
};

const RELAY: { readonly [T in RelayFrame['type']]: fc.Arbitrary<Extract<RelayFrame, { type: T }>> } = {
  parked: record({
    type: fc.constant('parked' as const),
    node: name(1),
    zone: name(0),
    incarnation: u64,
    pingIntervalMs: u32,
  }),
  offer: record({ type: fc.constant('offer' as const), pairId: bytes(16) }),
  waiting: record({ type: fc.constant('waiting' as const) }),
  paired: record({
    type: fc.constant('paired' as const),
    pairId: bytes(16),
    bridge: bytes(16),
    path: fc.oneof(fc.tuple(pathNode), fc.tuple(pathNode, pathNode)),
  }),
  draining: record({ type: fc.constant('draining' as const), node: name(1) }),
  goaway: record({ type: fc.constant('goaway' as const), reconnectAfterMs: u32 }),
  refused: record({
    type: fc.constant('refused' as const),
    code: fc.constantFrom(...REFUSAL_CODES),
    retryAfterMs: u32,
    text: text(512),
  }),
  ...pings,
};

const fromClient: Direction<ClientFrame> = {
  frame: fc.oneof(...Object.values(CLIENT)),
  encode: encodeClientFrame,
  decoder: clientFrames,
  naiveDecode: (input) => naiveDecode('client', input),
};

const fromRelay: Direction<RelayFrame> = {
  frame: fc.oneof(...Object.values(RELAY)),
  encode: encodeRelayFrame,
  decoder: relayFrames,
  naiveDecode: (input) => naiveDecode('relay', input),
};

export const BEACON_DIRECTIONS: readonly Direction[] = [fromClient, fromRelay];

/** What `side` sent in `chunks`, up to the first that is wrong. */
export function streamDecode(side: Side, chunks: Iterable<Buffer>): Decoded {
  return decodeStream(side === 'client' ? fromClient : fromRelay, chunks);
}
