/** The certificate and key files of a daemon, checked so that each mistake is one line which says what to do. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { BeaconError, systemCode } from '../base/errors.ts';
import { BRIDGE_CAS, PEM_FILE_BYTES } from '../base/limits.ts';
import { readAtMost, readProblem } from '../base/read-file.ts';
import { OWN_EXTENSIONS, readAlternativeNames, readCertificate, readExtensions } from './certificate.ts';
import { NEUTRAL_NAMES } from './issue.ts';
import { certificatesInPem, certificateToPem, holdsEncryptedKey } from './pem.ts';

export interface CredentialsOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Bridge and broker: the bridge CA. */
  readonly caFile?: string;
  /** Names of the settings, for errors: `--tls-cert`. */
  readonly flags: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Milliseconds since 1970, for the dates of the certificates. */
  readonly wallMs: number;
}

export interface Credentials {
  /** DER to send, leaf first: what `certFile` holds, then the CA, as the proof needs the root on the wire. */
  readonly chain: readonly Buffer[];
  /** The same chain in PEM, for TLS. */
  readonly certificate: string;
  /** PEM. Keep it out of logs and errors. */
  readonly key: string;
  /** DER of the CA in `caFile` that issued this chain; the first one there, if none did. */
  readonly authority: Buffer | undefined;
  /** DER of all CAs in `caFile`: one, or two while the CA is changed. */
  readonly authorities: readonly Buffer[];
  /** When the first certificate of the chain expires, in milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** Throws `config`, naming the flag and the file. */
export async function loadCredentials(options: CredentialsOptions): Promise<Credentials> {
  const { certFile, keyFile, caFile, flags, wallMs } = options;
  const own = await readCertificates(certFile, flags.cert, wallMs);
  const key = await readPem(keyFile, flags.key);
  const [leaf] = own;
  if (leaf) checkKey(leaf, readKey(key, keyFile, flags.key), options);
  const authorities = caFile === undefined ? [] : await readAuthorities(caFile, flags.ca ?? '', wallMs);
  const authority = authorities.find((one) => own.some((each) => isIssuedBy(each, one))) ?? authorities[0];
  const certificates = own.filter(({ raw }) => !authority?.raw.equals(raw));
  if (authority) certificates.push(authority);
  const chain = certificates.map(({ raw }) => raw);
  return {
    chain,
    certificate: chain.map(certificateToPem).join(''),
    key,
    authority: authority?.raw,
    authorities: authorities.map(({ raw }) => raw),
    notAfterMs: Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())),
  };
}

/**
 * Whether a chain tells the relay nothing about its owner: subjects are empty or one of {@link NEUTRAL_NAMES}, DNS names
 * end in .beacon.internal, there are no other names, and no extension (such as a CRL address) that this product does
 * not write itself. Throws `malformed`.
 */
export function namesAreNeutral(chain: readonly Buffer[]): boolean {
  return chain.every((der) => {
    const { subject, issuer } = readCertificate(der);
    const { present } = readExtensions(der);
    const { dns, ip, others } = readAlternativeNames(der);
    return (
      isNeutralName(subject) &&
      isNeutralName(issuer) &&
      present.every((type) => OWN_EXTENSIONS.has(type)) &&
      dns.every((name) => name.endsWith('.beacon.internal')) &&
      ip.length === 0 &&
      !others
    );
  });
}

const NEUTRAL_SUBJECTS: ReadonlySet<string> = new Set(
  Object.values(NEUTRAL_NAMES).map((name) => `CN=${name}`),
);

/** An empty name is undefined in Node, whatever its types say. */
function isNeutralName(name: string | undefined): boolean {
  return !name || NEUTRAL_SUBJECTS.has(name);
}

/** Reads a file of text of at most 256 KiB. Throws `config`, naming the flag and the file. */
export async function readPem(file: string, flag: string): Promise<string> {
  try {
    const bytes = await readAtMost(file, PEM_FILE_BYTES);
    if (!bytes) throw problem(flag, file, 'is far too large for a PEM file');
    return bytes.toString('latin1');
  } catch (cause) {
    if (cause instanceof BeaconError) throw cause;
    throw problem(flag, file, readProblem(systemCode(cause)), cause);
  }
}

/** One, or two of different hashes. */
async function readAuthorities(file: string, flag: string, wallMs: number): Promise<X509Certificate[]> {
  const authorities = await readCertificates(file, flag, wallMs);
  if (authorities.length > BRIDGE_CAS) {
    const text = `holds ${authorities.length} certificates; give the bridge CA, or the old and the new one while it is changed`;
    throw problem(flag, file, text);
  }
  if (authorities.every(({ ca }) => ca)) return authorities;
  throw problem(flag, file, 'is not a CA certificate; give the bridge CA, bridge-ca.crt');
}

/** By name, key identifier and signature. */
function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return (
    !certificate.raw.equals(authority.raw) &&
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey)
  );
}

/** At least one. */
async function readCertificates(file: string, flag: string, wallMs: number): Promise<X509Certificate[]> {
  const ders = certificatesInPem(await readPem(file, flag));
  if (ders.length === 0)
    throw problem(flag, file, "holds no certificate in PEM (no 'BEGIN CERTIFICATE' line)");
  return ders.map((der) => {
    const certificate = parse(der, file, flag);
    const { validFromDate, validToDate } = certificate;
    if (validToDate.getTime() < wallMs) {
      throw problem(
        flag,
        file,
        `expired on ${day(validToDate)}; 'beacon certs renew' makes a new certificate`,
      );
    }
    if (validFromDate.getTime() > wallMs) {
      throw problem(flag, file, `is not valid before ${day(validFromDate)}; check this machine's clock`);
    }
    return certificate;
  });
}

function parse(der: Buffer, file: string, flag: string): X509Certificate {
  try {
    return readCertificate(der);
  } catch (cause) {
    throw problem(flag, file, 'holds a certificate that cannot be read; it may be cut off', cause);
  }
}

/** The private key of a PEM that was read from `file`. Throws `config`, naming the flag and the file. */
export function readKey(pem: string, file: string, flag: string): KeyObject {
  if (holdsEncryptedKey(pem)) {
    throw problem(
      flag,
      file,
      'is protected by a password; give a key without one, in a file that only beacon can read',
    );
  }
  if (!pem.includes('PRIVATE KEY-----')) {
    throw problem(flag, file, "holds no private key in PEM (no 'BEGIN PRIVATE KEY' line)");
  }
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw problem(flag, file, 'holds a private key that cannot be read; it may be cut off', cause);
  }
}

function checkKey(
  leaf: X509Certificate,
  key: KeyObject,
  { certFile, keyFile, flags }: CredentialsOptions,
): void {
  if (leaf.checkPrivateKey(key)) return;
  throw problem(flags.key, keyFile, `does not belong to the first certificate of ${flags.cert} ${certFile}`);
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function problem(flag: string, file: string, what: string, cause?: unknown): BeaconError {
  return new BeaconError('config', `${flag} ${file} ${what}`, { cause });
}
