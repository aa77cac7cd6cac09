/** Certificates of runs: made once and kept, so that a seed means the same bytes in every process. */
import { readFileSync } from 'node:fs';
import { type InfoHash, infoHashBytes } from '../../src/base/info-hash.ts';
import { infoHashOfCertificate } from '../../src/pki/info-hash.ts';

/** A CA and what it has issued: two leaves of each role, as a renewal has it. Chains are DER, leaf first. */
export interface Authority {
  readonly infoHash: InfoHash;
  readonly infoHashBytes: Buffer;
  readonly bridge: readonly [readonly Buffer[], readonly Buffer[]];
  readonly broker: readonly [readonly Buffer[], readonly Buffer[]];
}

interface Kept {
  readonly ca: string;
  readonly bridge: readonly [string, string];
  readonly broker: readonly [string, string];
}

const kept: readonly Kept[] = JSON.parse(
  readFileSync(new URL('./authorities.json', import.meta.url), 'utf8'),
);

/** As many as a scenario may have CAs. */
export const AUTHORITIES: readonly Authority[] = kept.map(({ ca, bridge, broker }) => {
  const root = Buffer.from(ca, 'base64');
  const chain = (leaf: string): readonly Buffer[] => [Buffer.from(leaf, 'base64'), root];
  const infoHash = infoHashOfCertificate(root);
  return {
    infoHash,
    infoHashBytes: infoHashBytes(infoHash),
    bridge: [chain(bridge[0]), chain(bridge[1])],
    broker: [chain(broker[0]), chain(broker[1])],
  };
});
