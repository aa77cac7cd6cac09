/** Certificates of bridge and broker that expire when a test wants them to. */
import { createPublicKey } from 'node:crypto';
import type { TunnelIdentity } from '../../src/tunnel/http2.ts';
import {
  BIT,
  CLIENT_AUTH,
  extend,
  type Minted,
  makePki,
  mint,
  type Pki,
  SERVER_AUTH,
} from './certificates.ts';
import { identityOf } from './tunnels.ts';

/** A good leaf of `role`, but for the last second of its life. */
export function leafUntil(role: 'bridge' | 'broker', notAfterMs: number, pki: Pki = makePki()): Minted {
  const { bridgeCa } = pki;
  return mint({
    subject: `beacon ${role}`,
    issuer: { ...bridgeCa, publicKey: createPublicKey(bridgeCa.certificate), subject: 'beacon bridge ca' },
    notAfterMs,
    extensions: [
      extend.ca(false),
      extend.keyUsage(BIT.digitalSignature),
      extend.usages(role === 'bridge' ? SERVER_AUTH : CLIENT_AUTH),
      extend.dns(`${role}.beacon.internal`),
    ],
  });
}

/** The identity of `role` whose leaf lives until `notAfterMs`. */
export function identityUntil(role: 'bridge' | 'broker', notAfterMs: number): TunnelIdentity {
  const { certificate, key } = leafUntil(role, notAfterMs);
  const certPem = certificate + makePki().bridgeCa.certificate;
  return { ...identityOf(role), certPem, keyPem: key, notAfterMs };
}
