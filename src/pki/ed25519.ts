/**
 * Certificates over Ed25519 (RFC 8410) whose key, name, serial number and dates are all given. Ed25519 signs
 * deterministically, so the same content is the same bytes wherever it is signed.
 */
import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  Extensions,
  GeneralName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyUsage,
  SubjectAlternativeName,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { commonName, exactBuffer, extension, publicKeyInfo } from './asn1.ts';
import { KEY_USAGE } from './certificate.ts';

/** Section 3: no parameters. */
const ED25519 = new AlgorithmIdentifier({ algorithm: '1.3.101.112' });
/** PKCS #8 up to the seed (section 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const SERIAL_BYTES = 16;

export interface Ed25519Certificate {
  /** Common names, all of issuer and subject. */
  readonly issuer: string;
  readonly subject: string;
  /** 16 bytes or more, of which the first 16 serve, made positive. */
  readonly serial: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  /** Ed25519. The key of the subject itself makes it self-signed. */
  readonly issuerKey: KeyObject;
  /** An authority for leaves only, or a leaf with this DNS name for both ends of TLS. */
  readonly use: 'authority' | { readonly dnsName: string };
}

/** The private key of a seed of 32 bytes (RFC 8032, section 5.1.5). */
export function ed25519Key(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
}

/** A serial number that is unique to the key. */
export function serialOf(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest();
}

/** DER of the certificate. */
export function ed25519Certificate(content: Ed25519Certificate): Buffer {
  const { publicKey, issuerKey, use } = content;
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: positive(content.serial),
    signature: ED25519,
    issuer: commonName(content.issuer),
    subject: commonName(content.subject),
    validity: new Validity({ notBefore: content.notBefore, notAfter: content.notAfter }),
    subjectPublicKeyInfo: publicKeyInfo(publicKey),
    extensions: new Extensions(use === 'authority' ? authorityExtensions() : leafExtensions(use.dnsName)),
  });
  const signatureValue = exactBuffer(
    sign(null, Buffer.from(AsnConvert.serialize(tbsCertificate)), issuerKey),
  );
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: ED25519, signatureValue });
  return Buffer.from(AsnConvert.serialize(certificate));
}

function authorityExtensions(): Extension[] {
  return [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(id_ce_keyUsage, true, new KeyUsage(KEY_USAGE.keyCertSign)),
  ];
}

function leafExtensions(dnsName: string): Extension[] {
  return [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
    extension(id_ce_keyUsage, true, new KeyUsage(KEY_USAGE.digitalSignature)),
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([id_kp_serverAuth, id_kp_clientAuth])),
    extension(
      id_ce_subjectAltName,
      false,
      new SubjectAlternativeName([new GeneralName({ dNSName: dnsName })]),
    ),
  ];
}

/** A serial number is a positive INTEGER (RFC 5280, section 4.1.2.2) without a leading zero byte. */
function positive(serial: Uint8Array): ArrayBuffer {
  const bytes = Buffer.from(serial.subarray(0, SERIAL_BYTES));
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return exactBuffer(bytes);
}
