/** Chains that are broken in one place, and the judge's answer in one word. */
import { createHash } from 'node:crypto';
import { systemClock } from '../../src/base/clock.ts';
import { type InfoHash, infoHashFromBytes } from '../../src/base/info-hash.ts';
import { type JudgeOptions, judgeChain, type ProofReason } from '../../src/pki/proof.ts';
import type { Role } from '../../src/wire/frames.ts';
import { BIT, extend, type Minted, type MintOptions, mint, SERVER_AUTH } from './certificates.ts';

export const wallMs = systemClock.wall();
export const HOUR_MS = 3_600_000;
export const BRIDGE = 'bridge.beacon.internal';
export const BROKER = 'broker.beacon.internal';

export const CA = [extend.ca(true), extend.keyUsage(BIT.keyCertSign | BIT.crlSign)];
export const LEAF = [extend.usages(SERVER_AUTH), extend.dns(BRIDGE)];

/** A CA, good unless told otherwise, as are the two below. */
export function authority(options: MintOptions = {}): Minted {
  return mint({ subject: 'ca', extensions: CA, ...options });
}

export function intermediate(issuer: Minted, options: MintOptions = {}): Minted {
  return mint({ subject: 'intermediate', issuer, extensions: CA, ...options });
}

export function bridge(issuer: Minted, options: MintOptions = {}): Minted {
  return mint({ subject: 'leaf', issuer, extensions: LEAF, ...options });
}

/** Judged against the hash of its own last certificate, as of a stranger with a CA of his own. */
export function judge(chain: readonly Minted[], options: Partial<JudgeOptions> = {}): ProofReason | 'ok' {
  const ders = chain.map(({ der }) => der);
  const infoHash = infoHashOf(ders.at(-1) ?? Buffer.alloc(0));
  const verdict = judgeChain(ders, { infoHash, role: 'park', wallMs, ...options });
  return verdict.ok ? 'ok' : verdict.reason;
}

/** Of any bytes, a certificate or not. */
export function infoHashOf(bytes: Buffer): InfoHash {
  return infoHashFromBytes(createHash('sha256').update(bytes).digest());
}

/** A leaf and a CA of which one or the other is broken. */
export function judgeLeaf(options: MintOptions, role: Role = 'park'): ProofReason | 'ok' {
  const ca = authority();
  return judge([bridge(ca, options), ca], { role });
}

export function judgeAuthority(options: MintOptions): ProofReason | 'ok' {
  const ca = authority(options);
  return judge([bridge(ca), ca]);
}
