import { describe, expect, it } from 'vitest';
import { systemCode } from '../../../../src/base/errors.ts';
import type { TunnelFrame } from '../../../../src/tunnel/frames.ts';
import {
  type AttachStep,
  attachMac,
  BridgeAttach,
  BrokerAttach,
  ROLE_LABELS,
} from '../../../../src/tunnel/session/attach.ts';
import { GOLDEN_EXCHANGE, GOLDEN_MAC } from '../../../support/golden-tunnel-frames.ts';

const SESSION = Buffer.alloc(16, 1);
const KEY = Buffer.alloc(32, 2);

interface Change {
  readonly key?: Buffer;
  readonly session?: Buffer;
}

let nonces = 0;
function nonce(): Buffer {
  nonces += 1;
  return Buffer.alloc(32, nonces);
}

function broker(change: Change = {}, standing = { received: 10, acked: 4 }): BrokerAttach {
  return new BrokerAttach({
    session: SESSION,
    key: KEY,
    nonce: nonce(),
    standing: () => standing,
    ...change,
  });
}

function bridge(asked: TunnelFrame, change: Change = {}, standing = { received: 7, acked: 9 }): BridgeAttach {
  if (asked.type !== 'attach') throw new TypeError(`${asked.type} is no ATTACH`);
  const { session, nonce: theirs } = asked;
  return new BridgeAttach({ session, key: KEY, nonce: nonce(), standing: () => standing, ...change }, theirs);
}

function sendOf(step: AttachStep): TunnelFrame {
  if (!step.send) throw new TypeError('nothing was sent');
  return step.send;
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return systemCode(error);
  }
}

function flipped(frame: TunnelFrame, bit: number): TunnelFrame {
  if (frame.type !== 'prove') return frame;
  const mac = Buffer.from(frame.mac);
  mac[bit >> 3] = (mac[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return { ...frame, mac };
}

describe('attaching a leg', () => {
  it('takes two proofs, and tells each end what the other has', () => {
    const ours = broker();
    const theirs = bridge(ours.first);
    const proof = sendOf(ours.take(theirs.first));
    const answer = theirs.take(proof);
    expect(answer).toMatchObject({ do: 'attached', offset: 10, floor: 9 });
    expect(ours.take(sendOf(answer))).toEqual({ do: 'attached', send: undefined, offset: 7, floor: 4 });
  });

  it('proves what was received when the proof is made, and asks for what was acknowledged when it began', () => {
    const standing = { received: 10, acked: 4 };
    const ours = broker({}, standing);
    standing.received = 30;
    standing.acked = 20;
    const theirs = bridge(ours.first);
    const answer = theirs.take(sendOf(ours.take(theirs.first)));
    expect(answer).toMatchObject({ offset: 30 });
    expect(ours.take(sendOf(answer))).toMatchObject({ floor: 4 });
  });

  it('has the MAC of TUNNEL.md', () => {
    expect(attachMac('broker', GOLDEN_EXCHANGE, 65_536).toString('hex')).toBe(GOLDEN_MAC);
    expect(ROLE_LABELS.broker).toHaveLength(ROLE_LABELS.bridge.length);
  });

  it('fails at a bridge that is asked with another key, or about another session', () => {
    for (const change of [{ key: Buffer.alloc(32, 9) }, { session: Buffer.alloc(16, 9) }]) {
      const ours = broker();
      const theirs = bridge(ours.first, change);
      const proof = sendOf(ours.take(theirs.first));
      expect(codeOf(() => theirs.take(proof))).toBe('proofInvalid');
    }
  });

  it('looks the same to a stranger, up to his proof, whether the bridge knows the session or not', () => {
    const asked = broker({ session: Buffer.alloc(16, 0xee) }).first;
    const known = bridge(asked);
    const unknown = bridge(asked, { key: Buffer.alloc(32, 0x55) });
    expect(known.first.type).toBe(unknown.first.type);
    const forged: TunnelFrame = { type: 'prove', offset: 0, mac: Buffer.alloc(32) };
    expect(codeOf(() => known.take(forged))).toBe('proofInvalid');
    expect(codeOf(() => unknown.take(forged))).toBe('proofInvalid');
  });

  it('fails at each flipped bit of a MAC, and at another offset', () => {
    for (let bit = 0; bit < 256; bit += 1) {
      const ours = broker();
      const theirs = bridge(ours.first);
      const proof = sendOf(ours.take(theirs.first));
      expect(codeOf(() => theirs.take(flipped(proof, bit)))).toBe('proofInvalid');
    }
    const ours = broker();
    const theirs = bridge(ours.first);
    const proof = sendOf(ours.take(theirs.first));
    if (proof.type !== 'prove') throw new TypeError('no proof');
    expect(codeOf(() => theirs.take({ ...proof, offset: 11 }))).toBe('proofInvalid');
  });

  it('fails with the broker`s own proof sent back', () => {
    const ours = broker();
    const proof = sendOf(ours.take({ type: 'challenge', nonce: nonce() }));
    expect(codeOf(() => ours.take(proof))).toBe('proofInvalid');
  });

  it('fails with the broker`s own nonce and proof sent back', () => {
    const ours = broker();
    const asked = ours.first;
    if (asked.type !== 'attach') throw new TypeError('no ATTACH');
    const proof = sendOf(ours.take({ type: 'challenge', nonce: asked.nonce }));
    expect(codeOf(() => ours.take(proof))).toBe('proofInvalid');
  });

  it('fails with the proof of an earlier attempt', () => {
    const first = broker();
    const there = bridge(first.first);
    const proof = sendOf(first.take(there.first));
    const answer = sendOf(there.take(proof));
    // Same ATTACH, replayed to the bridge; same CHALLENGE and PROVE, replayed to the broker.
    const again = bridge(first.first);
    expect(codeOf(() => again.take(proof))).toBe('proofInvalid');
    const second = broker();
    second.take(there.first);
    expect(codeOf(() => second.take(answer))).toBe('proofInvalid');
  });

  it('takes each frame in its place only, and one proof only', () => {
    const challenge: TunnelFrame = { type: 'challenge', nonce: nonce() };
    const probe: TunnelFrame = { type: 'probe', token: 1n };
    const forged: TunnelFrame = { type: 'prove', offset: 0, mac: Buffer.alloc(32) };
    expect(codeOf(() => broker().take(forged))).toBe('malformed');
    expect(codeOf(() => broker().take(probe))).toBe('malformed');
    const twice = broker();
    twice.take(challenge);
    expect(codeOf(() => twice.take(challenge))).toBe('malformed');
    const theirs = bridge(broker().first);
    expect(codeOf(() => theirs.take(challenge))).toBe('malformed');
    const tried = bridge(broker().first);
    expect(codeOf(() => tried.take(forged))).toBe('proofInvalid');
    expect(codeOf(() => tried.take(forged))).toBe('malformed');
  });
});
