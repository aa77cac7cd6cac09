/** The certificates that a TLS peer sent. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { CHAIN_CERTIFICATES } from '../base/limits.ts';

/**
 * DER certificates as the peer sent them, leaf first, neither sorted nor verified: `issuerCertificate` is merely the
 * next one in the message. At most one more than a legal chain has, so that whoever judges it sees that it is too
 * long. Empty once the socket is closed.
 */
export function peerChain(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = [];
  let next: X509Certificate | undefined = socket.getPeerX509Certificate();
  while (next && chain.length <= CHAIN_CERTIFICATES) {
    chain.push(next.raw);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    next = issuer === next ? undefined : issuer;
  }
  return chain;
}
