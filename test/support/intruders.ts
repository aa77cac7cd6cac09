/** Who tries to get into a session without its key: at the bridge in the broker's name, and at the broker in the bridge's. For tests. */
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { Link } from '../../src/net/link.ts';
import {
  encodeTunnelFrame,
  MAC_BYTES,
  NONCE_BYTES,
  TUNNEL_LAYOUTS,
  TUNNEL_VERSION,
} from '../../src/tunnel/frames.ts';
import { FrameSplitter } from './frame-relay.ts';
import { type MemoryLink, memoryLinks } from './memory-link.ts';

const { attach, challenge, prove } = TUNNEL_LAYOUTS;
const ABORT = encodeTunnelFrame({ type: 'abort' });

/** What a relay has seen of an attachment that succeeded, as whole frames. */
export interface Overheard {
  readonly attach: Buffer;
  readonly prove: Buffer;
}

/** An intruder's end of a leg, which ends whatever session it gets into. */
export interface Intruder {
  readonly near: MemoryLink;
  /** The other end of the leg, for who is intruded upon. */
  readonly far: Link;
}

/**
 * Attaches to `session` at its bridge: by what was `overheard`, word for word, or by a proof that is made up.
 * @param onAttached the bridge has taken it for the broker.
 */
export function intruderAtBridge(
  random: Random,
  session: Buffer,
  overheard: Overheard | undefined,
  onAttached: () => void,
): Intruder {
  const nonce = random.bytes(NONCE_BYTES);
  const first = overheard?.attach ?? encodeTunnelFrame({ type: 'attach', session, nonce });
  const proof = overheard?.prove ?? madeUp(random);
  const [near, far] = intruder((frame) => {
    if (frame[0] === challenge.number) near.stream.write(Buffer.concat([proof, ABORT]));
    if (frame[0] === prove.number) onAttached();
  });
  near.stream.write(first);
  return { near, far };
}

/** Answers a broker that attaches: with its own proof, sent back, or with one that is made up. */
export function intruderAtBroker(random: Random): Intruder {
  const isReflecting = integerBelow(random, 2) === 0;
  const [near, far] = intruder((frame) => {
    const nonce = random.bytes(NONCE_BYTES);
    if (frame[0] === attach.number) near.stream.write(encodeTunnelFrame({ type: 'challenge', nonce }));
    if (frame[0] === prove.number)
      near.stream.write(Buffer.concat([isReflecting ? frame : madeUp(random), ABORT]));
  });
  return { near, far };
}

function intruder(onFrame: (frame: Buffer) => void): [MemoryLink, MemoryLink] {
  const [near, far] = memoryLinks();
  const splitter = new FrameSplitter();
  near.stream.on('data', (chunk: Buffer) => {
    for (const frame of splitter.push(chunk)) onFrame(frame);
  });
  near.stream.write(Buffer.of(TUNNEL_VERSION));
  return [near, far];
}

function madeUp(random: Random): Buffer {
  return encodeTunnelFrame({ type: 'prove', offset: 0, mac: random.bytes(MAC_BYTES) });
}
