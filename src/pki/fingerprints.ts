/**
 * Fingerprints by which a certificate can be banned. An ECDSA signature (r, s) has a twin, (r, n - s), which anybody can
 * compute and which is as good (SEC 1, section 4.1.4): so the holder of a certificate has two of them, with different
 * bytes, and both count. RSA (PKCS #1 v1.5) and Ed25519 signatures have one form only, and OpenSSL refuses ASN.1 that
 * is not DER.
 */
import { createHash } from 'node:crypto';
import { BeaconError } from '../base/errors.ts';
import { bareDigits } from '../base/info-hash.ts';
import { readCertificate } from './certificate.ts';

/** SHA-256 as 64 hex digits, in either case, with or without openssl's colons and words in front. Throws `config`. */
export function parseFingerprint(text: string): string {
  const digits = bareDigits(text);
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  throw new BeaconError(
    'config',
    `not a fingerprint: expected 64 hex digits (SHA-256), got ${digits.length} characters; 'openssl x509 -noout -fingerprint -sha256 -in broker.crt' prints it`,
  );
}

/** SHA-256 over the DER of a certificate, 64 lower-case hex digits: what `openssl x509 -fingerprint -sha256` prints. */
export function fingerprintOf(der: Buffer): string {
  return createHash('sha256').update(der).digest('hex');
}

/**
 * SHA-256 over the DER of the first certificate of `chain`, which was judged good, and over that of its twin: 64
 * lower-case hex digits each.
 */
export function fingerprintsOf(chain: readonly Buffer[]): readonly string[] {
  const [leaf, issuer] = chain;
  if (!leaf) return [];
  const other = issuer && twinOf(leaf, issuer);
  return (other ? [leaf, other] : [leaf]).map(fingerprintOf);
}

/** Orders of the groups (SP 800-186, section 3.2.1), by the names that OpenSSL has for the curves. */
const ORDERS: ReadonlyMap<string, bigint> = new Map([
  ['prime256v1', 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  [
    'secp384r1',
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ],
  [
    'secp521r1',
    0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  ],
]);

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;

/** The same certificate with the other signature; undefined where there is none. OpenSSL has read and verified it. */
function twinOf(leaf: Buffer, issuer: Buffer): Buffer | undefined {
  const order = ORDERS.get(readCertificate(issuer).publicKey.asymmetricKeyDetails?.namedCurve ?? '');
  if (order === undefined) return undefined;
  // RFC 5280, section 4.1: what is signed, the algorithm, and a bit string without unused bits.
  const start = contentOf(leaf, 0).at;
  const algorithmAt = contentOf(leaf, start).end;
  const signatureAt = contentOf(leaf, algorithmAt).end;
  const bits = contentOf(leaf, signatureAt);
  // RFC 3279, section 2.2.3: a sequence of two integers.
  const values = contentOf(leaf, bits.at + 1);
  const r = contentOf(leaf, values.at);
  const s = contentOf(leaf, r.end);
  const other = element(SEQUENCE, leaf.subarray(values.at, r.end), integer(order - numberIn(leaf, s)));
  return element(SEQUENCE, leaf.subarray(start, signatureAt), element(BIT_STRING, Buffer.of(0), other));
}

interface Content {
  readonly at: number;
  readonly end: number;
}

/** Where the content of the DER element at `at` is. */
function contentOf(der: Buffer, at: number): Content {
  const first = der.readUInt8(at + 1);
  if (first < 0x80) return { at: at + 2, end: at + 2 + first };
  const bytes = first - 0x80;
  const start = at + 2 + bytes;
  return { at: start, end: start + der.readUIntBE(at + 2, bytes) };
}

function numberIn(der: Buffer, { at, end }: Content): bigint {
  return BigInt(`0x${der.toString('hex', at, end)}`);
}

/** Big-endian, with a zero in front where the highest bit is set: positive. */
function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return bytes.readUInt8(0) < 0x80 ? element(INTEGER, bytes) : element(INTEGER, Buffer.of(0), bytes);
}

function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const bytes = length < 0x100 ? 1 : 2;
  const header = Buffer.alloc(2 + bytes);
  header.writeUInt8(tag, 0);
  header.writeUInt8(0x80 + bytes, 1);
  header.writeUIntBE(length, 2, bytes);
  return Buffer.concat([header, content]);
}
