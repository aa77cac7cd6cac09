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

const { attach: ATTACH, challenge: CHALLENGE, prove: PROVE } = TUNNEL_LAYOUTS;
const ABORT = encodeTunnelFrame({ type: 'abort' });

/** What a relay has seen of attachments of others: the frames of one leg. */
export interface Overheard {
  attach?: Buffer;
  challenge?: Buffer;
  brokerProof?: Buffer;
  bridgeProof?: Buffer;
}

/** An intruder's end of a leg, which ends whatever session it gets into. */
export interface Intruder {
  readonly near: MemoryLink;
  /** The other end of the leg, for who is intruded upon. */
  readonly far: Link;
}

/**
 * Attaches to `session` at its bridge: by what was overheard, word for word, or by a proof that is made up.
 * @param onAttached the bridge has taken it for the broker.
 */
export function intruderAtBridge(
  random: Random,
  session: Buffer,
  { attach, brokerProof }: Overheard,
  onAttached: () => void,
): Intruder {
  const nonce = random.bytes(NONCE_BYTES);
  const first = attach ?? encodeTunnelFrame({ type: 'attach', session, nonce });
  const proof = brokerProof ?? madeUp(random);
  const [near, far] = intruder((frame) => {
    if (frame[0] === CHALLENGE.number) near.stream.write(Buffer.concat([proof, ABORT]));
    if (frame[0] === PROVE.number) onAttached();
  });
  near.stream.write(first);
  return { near, far };
}

/** Answers a broker that attaches: by what was overheard, with its own proof sent back, or with one that is made up. */
export function intruderAtBroker(random: Random, { challenge, bridgeProof }: Overheard): Intruder {
  const isReflecting = integerBelow(random, 2) === 0;
  const nonce = random.bytes(NONCE_BYTES);
  const asked = challenge ?? encodeTunnelFrame({ type: 'challenge', nonce });
  const [near, far] = intruder((frame) => {
    if (frame[0] === ATTACH.number) near.stream.write(asked);
    const proof = bridgeProof ?? (isReflecting ? frame : madeUp(random));
    if (frame[0] === PROVE.number) near.stream.write(Buffer.concat([proof, ABORT]));
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
