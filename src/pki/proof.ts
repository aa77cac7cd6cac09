/**
 * Proof: judges the certificate chain of a client, for the outer handshake with a relay and for the inner one between
 * broker and bridge. That the peer holds the leaf's key is shown by TLS 1.3 and not looked at here.
 *
 * node:crypto's `verify` and `checkIssued` look at signatures and names only: a broker's key could issue itself a
 * bridge's certificate and both would say yes. The path rules below (RFC 5280, section 6.1, without policies and name
 * constraints, which are refused) say no. The peer chooses every byte of a chain, so the order is by cost: sizes, one
 * hash, OpenSSL's parser, signatures, and the slow ASN.1 parser last. Measured on one core, for leaf and root: 5 us
 * where they are remembered, 0.2 ms up to the signature, 1 ms in all. The dearest chain that the limits allow: 11 ms.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import { anyExtendedKeyUsage, id_kp_clientAuth, id_kp_serverAuth } from '@peculiar/asn1-x509';
import { type InfoHash, infoHashFromBytes } from '../base/info-hash.ts';
import { CHAIN_BYTES, CHAIN_CERTIFICATES } from '../base/limits.ts';
import type { Role } from '../wire/frames.ts';
import { type Extensions, isAllowedKey, KEY_USAGE, readCertificate, readExtensions } from './certificate.ts';
import { memoryKey, type ProofMemory, type ProvenChain } from './proof-memory.ts';

/** What makes a leaf a bridge (it parks) or a broker (it connects): both, never one alone. */
export const ROLE_RULES = {
  park: { dnsName: 'bridge.beacon.internal', usage: id_kp_serverAuth, usageName: 'serverAuth' },
  connect: { dnsName: 'broker.beacon.internal', usage: id_kp_clientAuth, usageName: 'clientAuth' },
} as const satisfies Record<Role, { dnsName: string; usage: string; usageName: string }>;

/** Why a chain is refused, in the order in which the rules are applied. */
export type ProofReason =
  | 'noCertificate'
  | 'tooManyCertificates'
  | 'tooLarge'
  | 'wrongRoot'
  | 'rootAlone'
  | 'repeated'
  | 'malformed'
  | 'keyNotAllowed'
  | 'notYetValid'
  | 'expired'
  | 'issuerNotCa'
  | 'notIssued'
  | 'leafIsCa'
  | 'leafUsage'
  | 'leafRole'
  | 'issuerUsage'
  | 'badSignature'
  | 'weakSignature'
  | 'nameConstraints'
  | 'criticalExtension'
  | 'pathTooLong';

export interface ProofRefusal {
  readonly ok: false;
  readonly reason: ProofReason;
  /** For the peer and its operator; quotes nothing that the peer sent. Below 300 bytes of ASCII. */
  readonly text: string;
}

export interface Proven {
  readonly ok: true;
  /** SHA-256 of the leaf's DER, 64 lower-case hex digits. Its holder can make others (ECDSA signatures are malleable):
   *  good to count and to compare; to ban, see fingerprints.ts. */
  readonly leafFingerprint: string;
  readonly infoHash: InfoHash;
  /** When the first certificate of the chain expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
}

export type Verdict = Proven | ProofRefusal;

export interface JudgeOptions {
  /** The root must be one of these. */
  readonly infoHash: InfoHash | readonly InfoHash[];
  /** What the leaf must be entitled to. */
  readonly role: Role;
  /** Milliseconds since 1970; every certificate must be valid at this time, to the second, without allowance. */
  readonly wallMs: number;
  /** Where given, good chains are kept there and found again. */
  readonly memory?: ProofMemory;
}

/**
 * `chain` is what the peer sent, DER, leaf first, each certificate issued by the next, the bridge CA last. Never
 * throws, whatever the bytes.
 */
export function judgeChain(chain: readonly Buffer[], options: JudgeOptions): Verdict {
  const { role, wallMs, memory } = options;
  const anchor = findAnchor(chain, options.infoHash);
  if (!anchor.ok) return anchor;
  const key = memory && memoryKey(chain, role);
  const remembered = key === undefined ? undefined : memory?.find(key);
  const judged = remembered ?? examine(chain, role, wallMs);
  if ('reason' in judged) return judged;
  if (remembered) {
    const refusal = judgeDates(judged.notBeforeMs, judged.notAfterMs, wallMs);
    if (refusal) return refusal;
  } else if (key !== undefined) memory?.keep(key, judged);
  const { leafFingerprint, notAfterMs } = judged;
  return { ok: true, leafFingerprint, infoHash: anchor.infoHash, notAfterMs };
}

type Anchor = { readonly ok: true; readonly infoHash: InfoHash } | ProofRefusal;

/** All that can be said before anything is parsed. */
function findAnchor(chain: readonly Buffer[], wanted: JudgeOptions['infoHash']): Anchor {
  const root = chain.at(-1);
  if (!root)
    return refuse('noCertificate', 'no client certificate was sent; give --tls-cert, --tls-key and --tls-ca');
  if (chain.length > CHAIN_CERTIFICATES) {
    return refuse('tooManyCertificates', `more than ${CHAIN_CERTIFICATES} certificates were sent`);
  }
  if (chain.reduce((sum, der) => sum + der.length, 0) > CHAIN_BYTES) {
    return refuse('tooLarge', `the certificates are larger than ${CHAIN_BYTES} bytes together`);
  }
  const infoHash = infoHashFromBytes(createHash('sha256').update(root).digest());
  const accepted = typeof wanted === 'string' ? infoHash === wanted : wanted.includes(infoHash);
  if (!accepted) {
    return refuse(
      'wrongRoot',
      "the last certificate sent is not the bridge CA behind the info_hash; compare 'beacon info-hash' on both sides",
    );
  }
  if (chain.length === 1) {
    return refuse(
      'rootAlone',
      'only the bridge CA was sent; a bridge or broker certificate issued by it is needed',
    );
  }
  if (chain.some((der, index) => chain.findIndex((other) => other.equals(der)) !== index)) {
    return refuse('repeated', 'the chain holds a certificate twice');
  }
  return { ok: true, infoHash };
}

function examine(chain: readonly Buffer[], role: Role, wallMs: number): ProvenChain | ProofRefusal {
  try {
    const certificates = chain.map(readCertificate);
    return (
      judgeKeys(certificates) ??
      judgeAllDates(certificates, wallMs) ??
      judgeIssuers(certificates) ??
      judgeUsages(certificates, role) ??
      judgeSignatures(certificates) ??
      judgeExtensions(chain.map(readExtensions)) ??
      proven(certificates)
    );
  } catch {
    // Parsers of two libraries meet bytes that a stranger chose: whatever they throw means that it is no certificate.
    return refuse('malformed', 'a certificate of the chain cannot be read');
  }
}

function judgeKeys(certificates: readonly X509Certificate[]): ProofRefusal | undefined {
  const index = certificates.findIndex((certificate) => !isAllowedKey(certificate.publicKey));
  if (index === -1) return undefined;
  return refuse(
    'keyNotAllowed',
    `${nth(index, certificates)} has a key that is not accepted: use P-256, P-384, P-521, Ed25519 or RSA of 2048 to 4096 bits`,
  );
}

function judgeAllDates(certificates: readonly X509Certificate[], wallMs: number): ProofRefusal | undefined {
  for (const [index, { validFromDate, validToDate }] of certificates.entries()) {
    const which = nth(index, certificates);
    const refusal = judgeDates(validFromDate.getTime(), validToDate.getTime(), wallMs, which);
    if (refusal) return refusal;
  }
  return undefined;
}

/** Written so that a date which is not a number is refused. */
function judgeDates(
  from: number,
  to: number,
  wallMs: number,
  which = 'a certificate',
): ProofRefusal | undefined {
  if (!(wallMs >= from)) {
    return refuse('notYetValid', `${which} is not valid yet; check the clocks of both machines`);
  }
  // The last second counts: dates in certificates are whole seconds, both ends included (RFC 5280, section 4.1.2.5).
  if (!(wallMs < to + 1_000)) {
    return refuse('expired', `${which} has expired; 'beacon certs renew' makes a new one`);
  }
  return undefined;
}

/** By OpenSSL: each certificate names the next as its issuer, and that is a CA which may sign certificates. */
function judgeIssuers(certificates: readonly X509Certificate[]): ProofRefusal | undefined {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer && !issuer.ca) return notCa(index + 1, certificates);
    if (issuer && !certificate.checkIssued(issuer)) {
      return refuse('notIssued', `${nth(index, certificates)} was not issued by the one after it`);
    }
  }
  return undefined;
}

function judgeUsages(certificates: readonly X509Certificate[], role: Role): ProofRefusal | undefined {
  const { usage, usageName } = ROLE_RULES[role];
  for (const [index, certificate] of certificates.entries()) {
    if (index === 0) {
      const refusal = judgeLeaf(certificate, role);
      if (refusal) return refusal;
      continue;
    }
    const usages = usagesOf(certificate);
    if (usages && !usages.includes(usage) && !usages.includes(anyExtendedKeyUsage)) {
      const which = nth(index, certificates);
      return refuse('issuerUsage', `${which} may not issue certificates for ${usageName}`);
    }
  }
  return undefined;
}

function judgeLeaf(leaf: X509Certificate, role: Role): ProofRefusal | undefined {
  if (leaf.ca) return leafIsCa();
  const usages = usagesOf(leaf);
  if (!usages || usages.includes(anyExtendedKeyUsage)) {
    const text = 'the first certificate must name its extended key usages, and not anyExtendedKeyUsage';
    return refuse('leafUsage', text);
  }
  const { dnsName, usage, usageName } = ROLE_RULES[role];
  // 'never': the common name does not count. OpenSSL compares without regard to case.
  const named = leaf.checkHost(dnsName, { subject: 'never', wildcards: false }) !== undefined;
  if (!named || !usages.includes(usage)) {
    const needs = `the DNS name ${dnsName} and the extended key usage ${usageName}`;
    return refuse('leafRole', `to ${role}, the first certificate needs ${needs}`);
  }
  return undefined;
}

/** Object identifiers of the extended usages; undefined without that extension, whatever the types of Node say. */
function usagesOf(certificate: X509Certificate): readonly string[] | undefined {
  return certificate.keyUsage;
}

/** The root's own is not looked at: the root is trusted by its hash. */
function judgeSignatures(certificates: readonly X509Certificate[]): ProofRefusal | undefined {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer && !certificate.verify(issuer.publicKey)) {
      return refuse('badSignature', `${nth(index, certificates)} is not signed by the one after it`);
    }
  }
  return undefined;
}

/** Signatures by RSA (PKCS #1 v1.5) or ECDSA with SHA-256, SHA-384 or SHA-512, and Ed25519. */
const SIGNATURE_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);

/** The extensions that the rules here carry out: basic constraints, key usage, extended usage, alternative names. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17']);
const NAME_CONSTRAINTS = '2.5.29.30';

/** What OpenSSL was asked above about CAs is asked again here: both parsers must say the same. */
function judgeExtensions(chain: readonly Extensions[]): ProofRefusal | undefined {
  for (const [index, extensions] of chain.entries()) {
    const refusal =
      judgeAny(index, chain, extensions) ??
      (index === 0 ? judgeLeafExtensions(extensions) : judgeIssuerExtensions(index, chain, extensions));
    if (refusal) return refusal;
  }
  return undefined;
}

function judgeAny(
  index: number,
  chain: readonly unknown[],
  extensions: Extensions,
): ProofRefusal | undefined {
  const which = nth(index, chain);
  if (!SIGNATURE_ALGORITHMS.has(extensions.signatureAlgorithm)) {
    return refuse('weakSignature', `${which} is not signed with SHA-256, SHA-384, SHA-512 or Ed25519`);
  }
  // Before the critical ones, as it is refused without the mark as well: an issuer that is bound must not pass as free.
  if (extensions.present.includes(NAME_CONSTRAINTS)) {
    return refuse('nameConstraints', `${which} has name constraints, which are not supported`);
  }
  if (extensions.critical.some((type) => !UNDERSTOOD.has(type))) {
    return refuse('criticalExtension', `${which} has a critical extension that is not supported`);
  }
  return undefined;
}

function judgeIssuerExtensions(
  index: number,
  chain: readonly unknown[],
  { ca, keyUsage, pathLength }: Extensions,
): ProofRefusal | undefined {
  if (!ca || lacks(keyUsage, KEY_USAGE.keyCertSign)) return notCa(index, chain);
  // Self-issued certificates count too: stricter than RFC 5280, and nobody needs them here.
  if (pathLength !== undefined && index - 1 > pathLength) {
    return refuse('pathTooLong', `${nth(index, chain)} allows fewer CAs below it`);
  }
  return undefined;
}

function judgeLeafExtensions({ ca, keyUsage }: Extensions): ProofRefusal | undefined {
  if (ca || (keyUsage !== undefined && !lacks(keyUsage, KEY_USAGE.keyCertSign))) return leafIsCa();
  if (!lacks(keyUsage, KEY_USAGE.digitalSignature)) return undefined;
  const text = 'the key usage of the first certificate lacks digitalSignature, which TLS 1.3 needs';
  return refuse('leafUsage', text);
}

/** Without the extension a key may be used for anything (RFC 5280, section 4.2.1.3). */
function lacks(keyUsage: number | undefined, bit: number): boolean {
  return keyUsage !== undefined && (keyUsage & bit) === 0;
}

function proven(certificates: readonly X509Certificate[]): ProvenChain {
  const [leaf] = certificates;
  return {
    leafFingerprint: createHash('sha256')
      .update(leaf?.raw ?? '')
      .digest('hex'),
    notBeforeMs: Math.max(...certificates.map(({ validFromDate }) => validFromDate.getTime())),
    notAfterMs: Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())),
  };
}

function notCa(index: number, chain: readonly unknown[]): ProofRefusal {
  return refuse('issuerNotCa', `${nth(index, chain)} is not a CA and may not issue certificates`);
}

function leafIsCa(): ProofRefusal {
  return refuse('leafIsCa', 'the first certificate is a CA; a bridge or broker certificate is needed');
}

function nth(index: number, chain: readonly unknown[]): string {
  return `certificate ${index + 1} of ${chain.length}`;
}

function refuse(reason: ProofReason, text: string): ProofRefusal {
  return { ok: false, reason, text };
}
