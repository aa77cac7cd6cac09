/** A relay whose certificate comes from the bridge CA could pose as the bridge; bridge and broker refuse it. */
import type { X509Certificate } from 'node:crypto';
import { readCertificate } from './certificate.ts';

/**
 * Whether `peerChain` (DER, as a relay sent it) contains the bridge CA `authorityDer`, its key in another certificate,
 * or anything that key has signed. A certificate that cannot be read counts as such, as nothing can be said about it.
 * Never throws for what the peer sent; throws `malformed` where `authorityDer` is no certificate.
 */
export function chainsTo(peerChain: readonly Buffer[], authorityDer: Buffer): boolean {
  const authority = readCertificate(authorityDer);
  const authorityKey = spki(authority);
  return peerChain.some((der) => {
    try {
      const certificate = readCertificate(der);
      return spki(certificate).equals(authorityKey) || certificate.verify(authority.publicKey);
    } catch {
      return true;
    }
  });
}

function spki(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: 'spki', format: 'der' });
}
