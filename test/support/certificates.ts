/**
 * Certificates for tests: good ones as `beacon certs` makes them (made once per process), and {@link mint} for those
 * that no well-meaning tool would issue.
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyUsage,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { systemClock } from '../../src/base/clock.ts';
import type { InfoHash } from '../../src/base/info-hash.ts';
import { systemRandom as random } from '../../src/base/random.ts';
import { infoHashOfCertificate } from '../../src/pki/info-hash.ts';
import { type Authority, createAuthority, type Issued, issueLeaf } from '../../src/pki/issue.ts';
import { certificateToPem } from '../../src/pki/pem.ts';

export interface Pki {
  readonly bridgeCa: Authority;
  readonly bridge: Issued;
  readonly broker: Issued;
  readonly relayCa: Authority;
  /** For localhost, 127.0.0.1 and ::1. */
  readonly relay: Issued;
  readonly infoHash: InfoHash;
}

let cached: Pki | undefined;

/** The same set for the whole process, valid now. `fresh` makes another one, with an info_hash of its own. */
export function makePki({ fresh = false } = {}): Pki {
  if (cached && !fresh) return cached;
  const nowMs = systemClock.wall();
  const bridgeCa = createAuthority({ role: 'bridgeAuthority', nowMs, random });
  const relayCa = createAuthority({ role: 'relayAuthority', nowMs, random });
  const hosts = [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: '::1' },
  ] as const;
  const pki: Pki = {
    bridgeCa,
    bridge: issueLeaf(bridgeCa, { role: 'bridge', nowMs, random }),
    broker: issueLeaf(bridgeCa, { role: 'broker', nowMs, random }),
    relayCa,
    relay: issueLeaf(relayCa, { role: 'relay', nowMs, random, hosts }),
    infoHash: infoHashOfCertificate(bridgeCa.der),
  };
  if (!fresh) cached = pki;
  return pki;
}

/** Writes the ten files under the names that `beacon certs` gives them and returns the directory. */
export function writePki(directory: string, pki: Pki = makePki()): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const files = {
    'bridge-ca': pki.bridgeCa,
    bridge: pki.bridge,
    broker: pki.broker,
    'relay-ca': pki.relayCa,
    relay: pki.relay,
  };
  for (const [name, { certificate, key }] of Object.entries(files)) {
    writeFileSync(join(directory, `${name}.crt`), certificate);
    writeFileSync(join(directory, `${name}.key`), key);
    chmodSync(join(directory, `${name}.key`), 0o600);
  }
  return directory;
}

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface Minted extends KeyPair {
  readonly der: Buffer;
  readonly certificate: string;
  /** PKCS #8 in PEM. */
  readonly key: string;
  readonly subject: string;
}

export interface MintOptions {
  readonly subject?: string;
  /** Default: the certificate signs itself. */
  readonly issuer?: Minted;
  /** Default: the subject of `issuer`. */
  readonly issuerName?: string;
  /** Default: a new P-256 key. */
  readonly keys?: KeyPair;
  /** Instead of the public key of `keys`. */
  readonly publicKey?: KeyObject;
  readonly extensions?: readonly Extension[];
  /** Milliseconds since 1970. Default: an hour ago, and in a day. */
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly hash?: 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
}

const HOUR_MS = 3_600_000;

/** A certificate with exactly the extensions named, right or wrong. */
export function mint(options: MintOptions = {}): Minted {
  const { subject = 'test', issuer, keys = keyPair('P-256'), hash = 'sha256' } = options;
  const now = systemClock.wall();
  const publicKey = options.publicKey ?? keys.publicKey;
  const signingKey = issuer?.privateKey ?? keys.privateKey;
  const signature = algorithmOf(signingKey, hash);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: exact(Buffer.concat([Buffer.of(1), random.bytes(8)])),
    signature,
    issuer: name(options.issuerName ?? issuer?.subject ?? subject),
    validity: new Validity({
      notBefore: new Date(options.notBeforeMs ?? now - HOUR_MS),
      notAfter: new Date(options.notAfterMs ?? now + 24 * HOUR_MS),
    }),
    subject: name(subject),
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    ...(options.extensions && { extensions: new Extensions([...options.extensions]) }),
  });
  const bytes = Buffer.from(AsnConvert.serialize(tbsCertificate));
  const digest = signingKey.asymmetricKeyType?.startsWith('ed') ? null : hash;
  const signatureValue = exact(sign(digest, bytes, signingKey));
  const der = Buffer.from(
    AsnConvert.serialize(new Certificate({ tbsCertificate, signatureAlgorithm: signature, signatureValue })),
  );
  return {
    der,
    certificate: certificateToPem(der),
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    subject,
    publicKey,
    privateKey: keys.privateKey,
  };
}

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
export const ANY_USAGE = '2.5.29.37.0';
export const BIT = { digitalSignature: 1, keyEncipherment: 4, keyCertSign: 32, crlSign: 64 } as const;

/** Extensions for {@link mint}. */
export const extend = {
  ca: (ca: boolean, pathLength?: number): Extension =>
    extension(
      '2.5.29.19',
      true,
      new BasicConstraints({ cA: ca, ...(pathLength !== undefined && { pathLenConstraint: pathLength }) }),
    ),
  keyUsage: (bits: number): Extension => extension('2.5.29.15', true, new KeyUsage(bits)),
  usages: (...usages: string[]): Extension => extension('2.5.29.37', false, new ExtendedKeyUsage(usages)),
  dns: (...names: string[]): Extension =>
    extension(
      '2.5.29.17',
      false,
      new SubjectAlternativeName(names.map((dNSName) => new GeneralName({ dNSName }))),
    ),
  names: (...names: GeneralName[]): Extension =>
    extension('2.5.29.17', false, new SubjectAlternativeName(names)),
  raw: (type: string, critical: boolean, der: Uint8Array): Extension =>
    new Extension({ extnID: type, critical, extnValue: new OctetString(exact(der)) }),
};

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'secp256k1' | 'ed25519' | 'ed448' | 'rsa' | 'rsa1024';

/** A new key, except for RSA, whose keys are slow to make: one of each size for the whole process. */
export function keyPair(kind: KeyKind): KeyPair {
  switch (kind) {
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ed448':
      return generateKeyPairSync('ed448');
    case 'rsa':
      return cachedRsa(2_048);
    case 'rsa1024':
      return cachedRsa(1_024);
    default:
      return generateKeyPairSync('ec', { namedCurve: kind });
  }
}

/** An RSA public key of any size, whose private key nobody knows. `exponent` is big-endian. */
export function rsaPublicKey(bits: number, exponent: Buffer = Buffer.of(1, 0, 1)): KeyObject {
  const modulus = random.bytes(bits / 8);
  modulus.writeUInt8(modulus.readUInt8(0) | 0x80, 0);
  modulus.writeUInt8(modulus.readUInt8(modulus.length - 1) | 1, modulus.length - 1);
  const jwk = { kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

const rsaKeys = new Map<number, KeyPair>();

function cachedRsa(bits: number): KeyPair {
  const known = rsaKeys.get(bits);
  if (known) return known;
  const made = generateKeyPairSync('rsa', { modulusLength: bits });
  rsaKeys.set(bits, made);
  return made;
}

const ALGORITHMS: Readonly<Record<string, string>> = {
  'ec md5': '1.2.840.10045.4.1',
  'ec sha1': '1.2.840.10045.4.1',
  'ec sha256': '1.2.840.10045.4.3.2',
  'ec sha384': '1.2.840.10045.4.3.3',
  'ec sha512': '1.2.840.10045.4.3.4',
  'rsa md5': '1.2.840.113549.1.1.4',
  'rsa sha1': '1.2.840.113549.1.1.5',
  'rsa sha256': '1.2.840.113549.1.1.11',
  'rsa sha384': '1.2.840.113549.1.1.12',
  'rsa sha512': '1.2.840.113549.1.1.13',
};

function algorithmOf(key: KeyObject, hash: string): AlgorithmIdentifier {
  const type = key.asymmetricKeyType ?? '';
  if (type === 'ed25519') return new AlgorithmIdentifier({ algorithm: '1.3.101.112' });
  if (type === 'ed448') return new AlgorithmIdentifier({ algorithm: '1.3.101.113' });
  const algorithm = ALGORITHMS[`${type} ${hash}`] ?? '';
  return new AlgorithmIdentifier({ algorithm, ...(type === 'rsa' && { parameters: null }) });
}

function name(text: string): Name {
  const value = new AttributeValue({ utf8String: text });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: '2.5.4.3', value })])]);
}

function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function exact(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
