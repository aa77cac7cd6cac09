/**
 * Makes certificates: an authority and the leaves below it. ECDSA on P-256 with SHA-256 throughout, as every TLS
 * library of this decade takes it and it is the cheapest to verify.
 *
 * The relay sees the bridge CA and the client's leaf. Subjects are therefore the same for everybody, serial numbers are
 * random, and no extension points anywhere.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  type Name,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  type SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { BeaconError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { commonName, exactBuffer, extension, publicKeyInfo } from './asn1.ts';
import { KEY_USAGE } from './certificate.ts';
import { certificateToPem } from './pem.ts';
import { ROLE_RULES } from './proof.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** A CA outlives several generations of leaves: its hash is configured in many places and changes with it. */
export const AUTHORITY_DAYS = 3_650;
/** Bridge and broker: there is no revocation, so a year bounds how long a stolen key is of use. */
export const CLIENT_DAYS = 365;
/** Relay: a year as well, within the 398 days that browsers take from public CAs. */
export const RELAY_DAYS = 365;
/** Certificates are valid from an hour ago, as the clock of the machine that judges them may be behind. */
export const BACKDATE_MS = 60 * 60 * 1_000;

export type LeafRole = 'bridge' | 'broker' | 'relay';
export type AuthorityRole = 'bridgeAuthority' | 'relayAuthority';

/** Common names, all of the subject: what kind of certificate it is, and nothing about whose. */
export const NEUTRAL_NAMES: Readonly<Record<LeafRole | AuthorityRole, string>> = {
  bridgeAuthority: 'beacon bridge ca',
  bridge: 'beacon bridge',
  broker: 'beacon broker',
  relayAuthority: 'beacon relay ca',
  relay: 'beacon relay',
};

/** A certificate and its private key, in PEM. The caller keeps the key out of logs and files that others can read. */
export interface Issued {
  readonly der: Buffer;
  readonly certificate: string;
  /** PKCS #8, not encrypted. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface Authority extends Issued {
  readonly privateKey: KeyObject;
}

export interface AuthorityOptions {
  readonly role: AuthorityRole;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Makes the serial number; keys come from OpenSSL. */
  readonly random: Random;
  /** Default: {@link AUTHORITY_DAYS}. */
  readonly days?: number;
}

export interface LeafOptions {
  readonly role: LeafRole;
  readonly nowMs: number;
  readonly random: Random;
  /** Default: {@link CLIENT_DAYS} or {@link RELAY_DAYS}. Cut to the life of the authority. */
  readonly days?: number;
  /** Relay: the DNS names and IP addresses at which it is dialled, at least one, as {@link parseHost} returns them. */
  readonly hosts?: readonly Host[];
}

export interface Host {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

/** A new CA that signs leaves only (path length 0). */
export function createAuthority({ role, nowMs, random, days = AUTHORITY_DAYS }: AuthorityOptions): Authority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKeyInfo(publicKey);
  const name = commonName(NEUTRAL_NAMES[role]);
  const dates = { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + days * DAY_MS };
  const extensions = [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(id_ce_keyUsage, true, new KeyUsage(KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyIdentifier(spki))),
  ];
  const der = signed({ subject: name, issuer: name, spki, extensions, random, ...dates }, privateKey);
  return { ...issued(der, privateKey, dates), privateKey };
}

/** The authority of two PEM texts. Throws `config` where the key is not P-256 or not the certificate's own. */
export function loadAuthority(der: Buffer, privateKey: KeyObject): Authority {
  const { tbsCertificate } = AsnConvert.parse(der, Certificate);
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new BeaconError('config', 'the key of this CA is not P-256; issue with the tool that made it');
  }
  const ours = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  if (!ours.equals(Buffer.from(AsnConvert.serialize(tbsCertificate.subjectPublicKeyInfo)))) {
    throw new BeaconError('config', 'the key of this CA does not belong to its certificate');
  }
  const { notBefore, notAfter } = tbsCertificate.validity;
  const dates = { notBeforeMs: notBefore.getTime().getTime(), notAfterMs: notAfter.getTime().getTime() };
  return { ...issued(der, privateKey, dates), privateKey };
}

/** A new key and a certificate for it. Throws `config` where the authority has expired. */
export function issueLeaf(authority: Authority, options: LeafOptions): Issued {
  const { role, nowMs, random, days = role === 'relay' ? RELAY_DAYS : CLIENT_DAYS } = options;
  const dates = {
    notBeforeMs: Math.max(nowMs - BACKDATE_MS, authority.notBeforeMs),
    notAfterMs: Math.min(nowMs + days * DAY_MS, authority.notAfterMs),
  };
  if (dates.notAfterMs <= nowMs) {
    throw new BeaconError('config', 'the CA has expired; make a new one with a new info_hash');
  }
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { subject: issuer, subjectPublicKeyInfo } = AsnConvert.parse(
    authority.der,
    Certificate,
  ).tbsCertificate;
  const spki = publicKeyInfo(publicKey);
  const parent = new AuthorityKeyIdentifier({
    keyIdentifier: new KeyIdentifier(keyIdentifier(subjectPublicKeyInfo)),
  });
  const extensions = [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
    extension(id_ce_keyUsage, true, new KeyUsage(KEY_USAGE.digitalSignature)),
    ...roleExtensions(role, options.hosts ?? []),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyIdentifier(spki))),
    extension(id_ce_authorityKeyIdentifier, false, parent),
  ];
  const subject = commonName(NEUTRAL_NAMES[role]);
  const der = signed({ subject, issuer, spki, extensions, random, ...dates }, authority.privateKey);
  return issued(der, privateKey, dates);
}

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const DNS_NAME = /^(\*\.)?([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A host as people type it, made canonical as a URL's host is: lower case, IDN as A-labels, IPv6 shortened. Throws
 * `config` for anything that a certificate cannot name.
 */
export function parseHost(text: string): Host {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  const isIpv6 = /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(bare);
  const host = URL.parse(`https://${isIpv6 ? `[${bare}]` : text}/`)?.hostname ?? '';
  if (isIpv6 && host !== '') return { type: 'ip', value: host.slice(1, -1) };
  // A URL reads 1.2.3 as 1.2.0.3, and drops a port, a path and a user: such text is taken for a mistake.
  if (IPV4.test(host) && host === text) return { type: 'ip', value: host };
  if (DNS_NAME.test(host) && !IPV4.test(host) && !/[:/?#@\s]/.test(text)) return { type: 'dns', value: host };
  throw new BeaconError(
    'config',
    `'${text}' is neither a DNS name nor an IP address; give the host without a port`,
  );
}

function roleExtensions(role: LeafRole, hosts: readonly Host[]): Extension[] {
  const rule = role === 'bridge' ? ROLE_RULES.park : ROLE_RULES.connect;
  const usage = role === 'relay' ? id_kp_serverAuth : rule.usage;
  const names: readonly Host[] = role === 'relay' ? hosts : [{ type: 'dns', value: rule.dnsName }];
  if (names.length === 0) {
    throw new BeaconError(
      'config',
      'a relay certificate needs the name or address at which the relay is dialled',
    );
  }
  const general = names.map(
    ({ type, value }) => new GeneralName(type === 'dns' ? { dNSName: value } : { iPAddress: value }),
  );
  return [
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([usage])),
    extension(id_ce_subjectAltName, false, new SubjectAlternativeName(general)),
  ];
}

interface Content {
  readonly subject: Name;
  readonly issuer: Name;
  readonly spki: SubjectPublicKeyInfo;
  readonly extensions: readonly Extension[];
  readonly random: Random;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** ecdsa-with-SHA256 (RFC 5758, section 3.2): no parameters. */
const ECDSA_SHA256 = '1.2.840.10045.4.3.2';

function signed(content: Content, key: KeyObject): Buffer {
  const signature = new AlgorithmIdentifier({ algorithm: ECDSA_SHA256 });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(content.random),
    signature,
    issuer: content.issuer,
    validity: new Validity({
      notBefore: new Date(content.notBeforeMs),
      notAfter: new Date(content.notAfterMs),
    }),
    subject: content.subject,
    subjectPublicKeyInfo: content.spki,
    extensions: new Extensions([...content.extensions]),
  });
  const bytes = Buffer.from(AsnConvert.serialize(tbsCertificate));
  const signatureValue = exactBuffer(sign('sha256', bytes, key));
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: signature, signatureValue });
  return Buffer.from(AsnConvert.serialize(certificate));
}

/** 128 bits, of which 127 are random. The first is set, so that the number always has the same length: a zero byte goes
 *  before it, as an INTEGER that begins with a set bit is negative. */
function serialNumber(random: Random): ArrayBuffer {
  const bytes = Buffer.concat([Buffer.of(0), random.bytes(16)]);
  bytes.writeUInt8(bytes.readUInt8(1) | 0x80, 1);
  return exactBuffer(bytes);
}

/** The first 160 bits of a SHA-256 over the key (RFC 7093, section 2, method 1). */
function keyIdentifier(spki: SubjectPublicKeyInfo): ArrayBuffer {
  return exactBuffer(
    createHash('sha256').update(Buffer.from(spki.subjectPublicKey)).digest().subarray(0, 20),
  );
}

/** Certificates hold whole seconds. */
function issued(
  der: Buffer,
  privateKey: KeyObject,
  dates: { notBeforeMs: number; notAfterMs: number },
): Issued {
  const second = (ms: number): number => Math.floor(ms / 1_000) * 1_000;
  return {
    der,
    certificate: certificateToPem(der),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    notBeforeMs: second(dates.notBeforeMs),
    notAfterMs: second(dates.notAfterMs),
  };
}
