/** Generators of the frames of beacon-forward/1, its two directions for codec-checks.ts, and their naive twin. */
import fc from 'fast-check';
import { REFUSAL_CODES } from '../../src/base/errors.ts';
import {
  encodeHolderFrame,
  encodeOriginFrame,
  holderFrames,
  originFrames,
} from '../../src/wire/forward-codec.ts';
import type { ForwardFrame, HolderFrame, OriginFrame } from '../../src/wire/forward-frames.ts';
import type { Direction } from './codec-checks.ts';
import { bytes, name, record, u8, u32, u64 } from './field-arbitraries.ts';
import {
  bad,
  big,
  exactly,
  naiveFrames,
  name as nameOf,
  type Payload,
  refusalOf,
  take,
} from './naive-decoder.ts';

/** One generator a type, so that a new type without one does not compile. */
const ORIGIN: { readonly [T in OriginFrame['type']]: fc.Arbitrary<Extract<OriginFrame, { type: T }>> } = {
  forward: record({
    type: fc.constant('forward' as const),
    version: fc.constant(1),
    infoHash: bytes(32),
    pairId: bytes(16),
    hops: u8,
    origin: name(1),
    wanted: fc.option(bytes(16), { nil: undefined }),
    except: fc.array(bytes(16), { maxLength: 8 }),
    timeLeftMs: u32,
  }),
  take: record({ type: fc.constant('take' as const) }),
  decline: record({ type: fc.constant('decline' as const) }),
};

const HOLDER: { readonly [T in HolderFrame['type']]: fc.Arbitrary<Extract<HolderFrame, { type: T }>> } = {
  queued: record({ type: fc.constant('queued' as const) }),
  ready: record({ type: fc.constant('ready' as const) }),
  joined: record({ type: fc.constant('joined' as const), bridge: bytes(16) }),
  notHere: record({ type: fc.constant('notHere' as const), incarnation: u64, sequence: u64 }),
  refused: record({ type: fc.constant('refused' as const), code: fc.constantFrom(...REFUSAL_CODES) }),
};

const fromOrigin: Direction<OriginFrame> = {
  frame: fc.oneof(...Object.values(ORIGIN)),
  encode: encodeOriginFrame,
  decoder: originFrames,
  naiveDecode: (input) => naiveFrames([0x01, 0x02, 0x03], naiveFrame, input),
};

const fromHolder: Direction<HolderFrame> = {
  frame: fc.oneof(...Object.values(HOLDER)),
  encode: encodeHolderFrame,
  decoder: holderFrames,
  naiveDecode: (input) => naiveFrames([0x11, 0x12, 0x13, 0x14, 0x15], naiveFrame, input),
};

export const FORWARD_DIRECTIONS: readonly Direction[] = [fromOrigin, fromHolder];

/** Written from FORWARD.md, as naive-decoder.ts is from PROTOCOL.md. */
function naiveFrame(type: number, b: Payload): ForwardFrame {
  if (type === 0x01) return forward(b);
  if (type === 0x02) return { type: 'take' };
  if (type === 0x03) return { type: 'decline' };
  if (type === 0x11) return { type: 'queued' };
  if (type === 0x12) return { type: 'ready' };
  if (type === 0x13) return { type: 'joined', bridge: exactly(16, b) };
  if (type === 0x15) return { type: 'refused', code: refusalOf(b) };
  const incarnation = big(b, 8);
  if (incarnation >= 2 ** 53) throw bad('malformed');
  const sequence = big(b, 8);
  if (sequence >= 2 ** 53) throw bad('malformed');
  return { type: 'notHere', incarnation, sequence };
}

function forward(b: Payload): ForwardFrame {
  if (big(b, 1) !== 1) throw bad('unsupportedVersion');
  const head = { type: 'forward' as const, version: 1, infoHash: exactly(32, b), pairId: exactly(16, b) };
  const from = { hops: big(b, 1), origin: nameOf(b, 1) };
  const wanted = b.bytes[b.at] === 0 ? void take(b, 1) : exactly(16, b);
  const count = big(b, 1);
  if (count > 8) throw bad('malformed');
  const except: Buffer[] = [];
  while (except.length < count) except.push(exactly(16, b));
  return { ...head, ...from, wanted, except, timeLeftMs: big(b, 4) };
}
