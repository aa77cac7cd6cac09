/**
 * What the two sides of a stream write. Each word of four bytes is a hash of its number, and no two words of a side are
 * equal: a byte that is lost, doubled, moved, altered, or comes from another stream or side shows at once, in any run and
 * without the other end's help.
 */
import type { Side, StreamId } from './history.ts';

const WORD = 4;
const KEYS: Readonly<Record<Side, number>> = { client: 0x51ed270b, store: 0x2545f491 };

/** The bytes from `from` on that `side` of `stream` writes. */
export function patternBytes(stream: StreamId, side: Side, from: number, count: number): Buffer {
  const first = Math.floor(from / WORD);
  const last = Math.ceil((from + count) / WORD);
  const bytes = Buffer.allocUnsafe((last - first) * WORD);
  const key = keyOf(stream, side);
  for (let word = first, at = 0; word < last; word += 1, at += WORD) {
    const value = wordOf(key, word);
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }
  const skipped = from - first * WORD;
  return bytes.subarray(skipped, skipped + count);
}

/** Where in the pattern of `side` the first of `bytes`, read from `from` on, is not the one that was written. */
export function firstWrong(
  stream: StreamId,
  side: Side,
  from: number,
  bytes: Uint8Array,
): number | undefined {
  const right = patternBytes(stream, side, from, bytes.length);
  if (right.equals(bytes)) return undefined;
  return from + right.findIndex((byte, at) => byte !== bytes[at]);
}

function keyOf(stream: StreamId, side: Side): number {
  return mixed(Math.imul(stream + 1, 0x9e3779b1) ^ KEYS[side]);
}

/** Different for each `word` of a key below 2^32: addition and {@link mixed} map no two numbers of 32 bits to one. */
function wordOf(key: number, word: number): number {
  return mixed((word + key) | 0);
}

/** The finish of murmur3, which is a bijection. */
function mixed(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
