/**
 * Certificates of the forward port. The CA follows from the cluster secret down to its last byte, so every node makes the
 * same one and none is ever sent; each node issues itself a leaf at start.
 */
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { ed25519Certificate, ed25519Key, serialOf } from '../pki/ed25519.ts';
import { certificateToPem } from '../pki/pem.ts';
import type { ClusterSecret, SecretKey } from './secret.ts';

/** Wide, because nodes' clocks may differ and processes run for years; the rotation of the secret ends a CA, not a date.
 *  The end is RFC 5280's "no expiration" (section 4.1.2.5). */
const DATES = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('9999-12-31T23:59:59Z') };
const SUFFIX = 'node.beacon.internal';

export interface ForwardCredentials {
  /** This node's leaf, for both ends of a forward (server and client); SAN = {@link forwardServerName}. */
  readonly certPem: string;
  /** Its key, made for this process. PKCS #8, not encrypted. */
  readonly keyPem: string;
  /** The forward CA of each secret: whose leaves are trusted. One, or two while the secret is rotated. */
  readonly caPems: readonly string[];
}

/** Certificates of the node `nodeName`: the leaf by the current secret's CA, the CAs of all secrets. */
export function forwardCredentials(secret: ClusterSecret, nodeName: string): ForwardCredentials {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const leaf = ed25519Certificate({
    ...DATES,
    issuer: authorityName(secret.current),
    subject: 'beacon node',
    serial: serialOf(publicKey),
    publicKey,
    issuerKey: ed25519Key(authoritySeed(secret.current)),
    use: { dnsName: forwardServerName(nodeName) },
  });
  return {
    certPem: certificateToPem(leaf),
    keyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    caPems: secret.all.map((key) => certificateToPem(forwardAuthority(key))),
  };
}

/**
 * The DNS name of a node in its leaf, and the `servername` of who dials it: `NAME.node.beacon.internal`. A node name that
 * is no lower-case DNS label stands there as `x-` and 40 hex digits of its SHA-256. Different for different names.
 */
export function forwardServerName(nodeName: string): string {
  const isLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(nodeName) && !nodeName.startsWith('x-');
  const label = isLabel ? nodeName : `x-${createHash('sha256').update(nodeName).digest('hex').slice(0, 40)}`;
  return `${label}.${SUFFIX}`;
}

/** DER of the CA of one secret: byte for byte the same on every node. */
function forwardAuthority(secret: SecretKey): Buffer {
  const issuerKey = ed25519Key(authoritySeed(secret));
  const name = authorityName(secret);
  return ed25519Certificate({
    ...DATES,
    issuer: name,
    subject: name,
    serial: secret.derive('forward ca serial', '', 16),
    publicKey: createPublicKey(issuerKey),
    issuerKey,
    use: 'authority',
  });
}

function authoritySeed(secret: SecretKey): Buffer {
  return secret.derive('forward ca key', '', 32);
}

/** Differs by secret: with two CAs of one name OpenSSL may try the wrong one, and only that. */
function authorityName(secret: SecretKey): string {
  return `beacon forward ca ${secret.derive('forward ca name', '', 8).toString('hex')}`;
}
