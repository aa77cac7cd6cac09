/**
 * Decides whom this node serves: a pure function of the HELLO, the certificates of the outer handshake and what the
 * operator allows. It needs no configuration to check a proof: the info_hash names the root.
 */
import type { RefusalCode } from '../base/errors.ts';
import { type InfoHash, infoHashFromBytes } from '../base/info-hash.ts';
import { judgeChain } from '../pki/proof.ts';
import type { ProofMemory } from '../pki/proof-memory.ts';
import type { Hello } from '../wire/frames.ts';

export interface AdmissionPolicy {
  /** Admit brokers without a proof that know the info_hash. Bridges always prove. */
  readonly allowUnproven: boolean;
  /** The info_hashes this node serves, or undefined for all. */
  readonly allowed: ReadonlySet<InfoHash> | undefined;
  /** Chains that were judged lately: a client that comes again costs 5 us instead of a millisecond. */
  readonly memory: ProofMemory;
}

export type Admission =
  | { readonly admitted: true; readonly infoHash: InfoHash; readonly proven: boolean }
  | { readonly admitted: false; readonly code: RefusalCode; readonly text: string };

/**
 * @param chain DER certificates as the client sent them, leaf first; empty: no proof.
 * @param wallMs time by which certificates are judged, milliseconds since 1970.
 */
export function admit(
  hello: Hello,
  chain: readonly Buffer[],
  policy: AdmissionPolicy,
  wallMs: number,
): Admission {
  const infoHash = infoHashFromBytes(hello.infoHash);
  if (chain.length === 0) {
    if (hello.role === 'park' || !policy.allowUnproven) {
      return refuse(
        'proofRequired',
        'this relay asks for a proof: present the client certificate, followed by the CA behind the info_hash',
      );
    }
  } else {
    const verdict = judgeChain(chain, { infoHash, role: hello.role, wallMs, memory: policy.memory });
    if (!verdict.ok) return refuse('proofInvalid', `the certificate chain is no proof: ${verdict.text}`);
  }
  // After the proof, so that a stranger cannot ask which info_hashes are listed.
  if (policy.allowed && !policy.allowed.has(infoHash)) {
    return refuse('notAllowed', 'this relay does not serve this info_hash; ask its operator to list it');
  }
  return { admitted: true, infoHash, proven: chain.length > 0 };
}

function refuse(code: RefusalCode, text: string): Admission {
  return { admitted: false, code, text };
}
