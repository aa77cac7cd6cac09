/**
 * One certificate as the rules of proof.ts need it. Names, dates, keys, extended usages and signatures are read by
 * OpenSSL (node:crypto), which is quick; what node:crypto does not show (critical marks, path length, key usage,
 * signature algorithm) by @peculiar/asn1-x509, which costs 0.4 ms a certificate and so comes last.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { AsnConvert, type IAsnParseOptions } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  type Extension,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyUsage,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509';
import { BeaconError } from '../base/errors.ts';
import { DER_DEPTH, DER_ELEMENTS, RSA_MAX_BITS, RSA_MAX_EXPONENT, RSA_MIN_BITS } from '../base/limits.ts';

/** What the extensions of a certificate say (RFC 5280, section 4.2), and how it was signed. */
export interface Extensions {
  /** Object identifiers of all extensions, in their order; none twice. */
  readonly present: readonly string[];
  /** Those among them that are marked critical. */
  readonly critical: readonly string[];
  readonly ca: boolean;
  /** Certificates that may stand between this issuer and the leaf; undefined: no limit. */
  readonly pathLength: number | undefined;
  /** Bits as in {@link KEY_USAGE}; undefined: no key usage extension. */
  readonly keyUsage: number | undefined;
  /** Object identifier of the algorithm that signed this certificate. */
  readonly signatureAlgorithm: string;
}

/** The subject alternative name of a certificate (RFC 5280, section 4.2.1.6). */
export interface AlternativeNames {
  /** In lower case. */
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  /** There are names that are neither. */
  readonly others: boolean;
}

/** Bits of the key usage extension that the product cares about (RFC 5280, section 4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 1, keyCertSign: 32, crlSign: 64 } as const;

/** Extensions that this product writes; a certificate with others may tell more than its holder wants. */
export const OWN_EXTENSIONS: ReadonlySet<string> = new Set([
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_ce_authorityKeyIdentifier,
]);

/** The peer chooses what we parse: bounded, and octet strings are not searched for more ASN.1. */
const BOUNDS: IAsnParseOptions = {
  berOptions: { maxDepth: DER_DEPTH, maxNodes: DER_ELEMENTS, parseEmbedded: false },
};

/**
 * Parses DER by OpenSSL. Throws `malformed` for anything else: PEM, bytes before or after the certificate, a second
 * encoding of the same certificate.
 */
export function readCertificate(der: Buffer): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (cause) {
    throw new BeaconError('malformed', 'not a certificate in DER', { cause });
  }
  if (!certificate.raw.equals(der)) {
    throw new BeaconError('malformed', 'the certificate is not plain DER');
  }
  return certificate;
}

/** Throws `malformed` where an extension cannot be decoded or stands there twice, and past the limits on ASN.1. */
export function readExtensions(der: Buffer): Extensions {
  return decode(der, (certificate, value) => {
    const { extensions = [], signature } = certificate.tbsCertificate;
    if (signature.algorithm !== certificate.signatureAlgorithm.algorithm) {
      throw new BeaconError('malformed', 'the certificate names two signature algorithms');
    }
    const constraints = value(id_ce_basicConstraints, BasicConstraints);
    return {
      present: extensions.map(({ extnID }) => extnID),
      critical: extensions.filter(({ critical }) => critical).map(({ extnID }) => extnID),
      ca: constraints?.cA === true,
      pathLength: pathLengthOf(constraints),
      keyUsage: value(id_ce_keyUsage, KeyUsage)?.toNumber(),
      signatureAlgorithm: signature.algorithm,
    };
  });
}

/** Throws `malformed` as {@link readExtensions} does. */
export function readAlternativeNames(der: Buffer): AlternativeNames {
  return decode(der, (_, value) => {
    const names = value(id_ce_subjectAltName, SubjectAlternativeName) ?? [];
    return {
      dns: names.flatMap(({ dNSName }) => (dNSName === undefined ? [] : [dNSName.toLowerCase()])),
      ip: names.flatMap(({ iPAddress }) => (iPAddress === undefined ? [] : [iPAddress])),
      others: names.some(({ dNSName, iPAddress }) => dNSName === undefined && iPAddress === undefined),
    };
  });
}

type ReadValue = <T>(type: string, target: new () => T) => T | undefined;

function decode<R>(der: Buffer, read: (certificate: Certificate, value: ReadValue) => R): R {
  try {
    const certificate = AsnConvert.parse(der, Certificate, BOUNDS);
    const extensions = certificate.tbsCertificate.extensions ?? [];
    const byType = new Map<string, Extension>(extensions.map((extension) => [extension.extnID, extension]));
    if (byType.size !== extensions.length) {
      throw new BeaconError('malformed', 'the certificate has an extension twice');
    }
    return read(certificate, (type, target) => {
      const extension = byType.get(type);
      return extension && AsnConvert.parse(extension.extnValue.buffer, target, BOUNDS);
    });
  } catch (cause) {
    if (cause instanceof BeaconError) throw cause;
    throw new BeaconError('malformed', 'an extension of the certificate cannot be read', { cause });
  }
}

/** The library hands out a string for a number past 32 bits, whatever its types say. */
function pathLengthOf(constraints: BasicConstraints | undefined): number | undefined {
  const length: unknown = constraints?.pathLenConstraint;
  if (length === undefined) return undefined;
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) {
    throw new BeaconError('malformed', 'the path length is not a whole number');
  }
  return length;
}

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** RSA of 2,048 to 4,096 bits, ECDSA on P-256, P-384 or P-521, or Ed25519. */
export function isAllowedKey(key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const { modulusLength: bits = 0, publicExponent: exponent = 0n } = details;
      return bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS && exponent >= 3n && exponent <= RSA_MAX_EXPONENT;
    }
    case 'ec':
      return CURVES.has(details.namedCurve ?? '');
    case 'ed25519':
      return true;
    default:
      return false;
  }
}
