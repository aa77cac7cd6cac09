/**
 * The twin of src/wire/decode.ts: the whole input at once, one plain function a frame, nothing shared with the
 * streaming decoder but the frame types. Written from PROTOCOL.md; where the two disagree, one of them is wrong.
 */
import { BeaconError, type RefusalCode } from '../../src/base/errors.ts';
import type { Frame } from '../../src/wire/frames.ts';
import type { AnyFrame } from '../../src/wire/table.ts';

export type Side = 'client' | 'relay';
export type Verdict = 'more' | 'malformed' | 'unsupportedVersion';

export interface Decoded {
  readonly frames: readonly AnyFrame[];
  /** `more`: all fine so far. */
  readonly verdict: Verdict;
  /** What follows the last whole frame; empty after an error. */
  readonly rest: Buffer;
}

const CODES =
  'internal rateLimit malformed unsupportedVersion proofRequired proofInvalid notAllowed noBridge avoided holderUnreachable draining timeout internal tooMany'.split(
    ' ',
  );
const CLIENT_TYPES = [0x01, 0x02, 0x21, 0x22];
const RELAY_TYPES = [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x21, 0x22];

/** What is left of a frame's payload. */
export interface Payload {
  readonly bytes: Buffer;
  at: number;
}

export function naiveDecode(side: Side, input: Buffer): Decoded {
  return naiveFrames(side === 'client' ? CLIENT_TYPES : RELAY_TYPES, naiveFrame, input);
}

/** All frames of `input`, where `types` are the known ones and `decode` reads one of them. */
export function naiveFrames(
  types: readonly number[],
  decode: (type: number, b: Payload) => AnyFrame,
  input: Buffer,
): Decoded {
  const frames: AnyFrame[] = [];
  let rest = input;
  try {
    while (rest.length >= 2) {
      const length = (rest[0] as number) * 256 + (rest[1] as number);
      if (length === 0 || length > 1022) throw bad('malformed');
      if (rest.length < 2 + length) break;
      const type = rest[2] as number;
      if (!(type >= 0x80)) {
        if (!types.includes(type)) throw bad('malformed');
        frames.push(decode(type, { bytes: rest.subarray(3, 2 + length), at: 0 }));
      }
      rest = rest.subarray(2 + length);
    }
    return { frames, verdict: 'more', rest };
  } catch (error) {
    if (!(error instanceof BeaconError)) throw error;
    return { frames, verdict: error.code as Verdict, rest: Buffer.alloc(0) };
  }
}

export function bad(verdict: 'malformed' | 'unsupportedVersion'): BeaconError {
  return new BeaconError(verdict, 'the naive decoder says so');
}

function naiveFrame(type: number, b: Payload): Frame {
  if (type === 0x01) return hello(b);
  if (type === 0x02) return { type: 'accept', pairId: exactly(16, b) };
  if (type === 0x11) return parked(b);
  if (type === 0x12) return { type: 'offer', pairId: exactly(16, b) };
  if (type === 0x13) return { type: 'waiting' };
  if (type === 0x14) return paired(b);
  if (type === 0x15) return { type: 'draining', node: name(b, 1) };
  if (type === 0x16) return { type: 'goaway', reconnectAfterMs: big(b, 4) };
  if (type === 0x17) return refused(b);
  return { type: type === 0x21 ? 'ping' : 'pong', token: big(b, 4) };
}

function hello(b: Payload): Frame {
  if (big(b, 1) !== 1) throw bad('unsupportedVersion');
  const roleNumber = big(b, 1);
  if (roleNumber !== 1 && roleNumber !== 2) throw bad('unsupportedVersion');
  const role = roleNumber === 1 ? ('park' as const) : ('connect' as const);
  const common = {
    type: 'hello' as const,
    version: 1,
    role,
    infoHash: exactly(32, b),
    instance: exactly(16, b),
  };
  const software = text(b, big(b, 1), 64);
  if (role === 'park') return { ...common, software, wanted: undefined, except: [], avoid: [] };
  const wanted = b.bytes[b.at] === 0 ? void take(b, 1) : exactly(16, b);
  const except: Buffer[] = [];
  const exceptCount = big(b, 1);
  if (exceptCount > 8) throw bad('malformed');
  while (except.length < exceptCount) except.push(exactly(16, b));
  const avoid: string[] = [];
  const avoidCount = big(b, 1);
  if (avoidCount > 4) throw bad('malformed');
  while (avoid.length < avoidCount) avoid.push(name(b, 1));
  return { ...common, software, wanted, except, avoid };
}

function parked(b: Payload): Frame {
  const node = name(b, 1);
  const zone = name(b, 0);
  const incarnation = big(b, 8);
  if (incarnation >= 2 ** 53) throw bad('malformed');
  return { type: 'parked', node, zone, incarnation, pingIntervalMs: big(b, 4) };
}

function paired(b: Payload): Frame {
  const pairId = exactly(16, b);
  const bridge = exactly(16, b);
  const count = big(b, 1);
  if (count !== 1 && count !== 2) throw bad('malformed');
  const first = { node: name(b, 1), zone: name(b, 0) };
  if (count === 1) return { type: 'paired', pairId, bridge, path: [first] };
  return { type: 'paired', pairId, bridge, path: [first, { node: name(b, 1), zone: name(b, 0) }] };
}

function refused(b: Payload): Frame {
  const code = refusalOf(b);
  return { type: 'refused', code, retryAfterMs: big(b, 4), text: text(b, big(b, 2), 512) };
}

export function refusalOf(b: Payload): RefusalCode {
  return (CODES[big(b, 1)] ?? 'internal') as RefusalCode;
}

export function take(b: Payload, count: number): Buffer {
  if (b.at + count > b.bytes.length) throw bad('malformed');
  b.at += count;
  return b.bytes.subarray(b.at - count, b.at);
}

/** 2^53 and more come out rounded, but never below 2^53. */
export function big(b: Payload, width: number): number {
  let value = 0;
  for (const byte of take(b, width)) value = value * 256 + byte;
  return value;
}

export function exactly(size: number, b: Payload): Buffer {
  if (big(b, 1) !== size) throw bad('malformed');
  return Buffer.from(take(b, size));
}

function text(b: Payload, length: number, max: number): string {
  if (length > max) throw bad('malformed');
  const bytes = take(b, length);
  const decoded = bytes.toString('utf8');
  // Node puts U+FFFD in the place of what is invalid, which then encodes to other bytes.
  if (!Buffer.from(decoded, 'utf8').equals(bytes)) throw bad('malformed');
  return decoded;
}

export function name(b: Payload, min: number): string {
  const length = big(b, 1);
  if (length < min || length > 63) throw bad('malformed');
  const bytes = take(b, length);
  if (bytes.some((byte) => byte < 0x21 || byte > 0x7e)) throw bad('malformed');
  return bytes.toString('latin1');
}
