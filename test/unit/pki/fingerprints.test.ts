/** Fingerprints: of a certificate and of its twin, which is as good and has other bytes. */
import { createHash, X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { describe, expect, it } from 'vitest';
import { exactBuffer } from '../../../src/pki/asn1.ts';
import { readCertificate } from '../../../src/pki/certificate.ts';
import { fingerprintsOf, parseFingerprint } from '../../../src/pki/fingerprints.ts';
import { type KeyKind, keyPair, makePki, mint } from '../../support/certificates.ts';
import { authority, bridge, judge } from '../../support/proof.ts';

const HEX = 'ab'.repeat(32);
const sha256 = (der: Buffer): string => createHash('sha256').update(der).digest('hex');

describe('parseFingerprint', () => {
  it.each([
    ['as it is', HEX],
    ['capitals and colons', (HEX.toUpperCase().match(/../g) ?? []).join(':')],
    ['as openssl prints it', `sha256 Fingerprint=${(HEX.toUpperCase().match(/../g) ?? []).join(':')}`],
  ])('reads %s', (_name, text) => {
    expect(parseFingerprint(text)).toBe(HEX);
  });

  it.each([HEX.slice(1), `${HEX}0`, 'g'.repeat(64), ''])('refuses %j', (text) => {
    expect(() => parseFingerprint(text)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringMatching(/^not a fingerprint: /) }),
    );
  });
});

/** The certificate with the signature (r, n - s), by another writer of ASN.1. P-256 only: every length fits in a byte. */
function twinByHand(der: Buffer): Buffer {
  const certificate = AsnConvert.parse(der, Certificate);
  const signature = Buffer.from(certificate.signatureValue);
  const sAt = 4 + signature.readUInt8(3) + 2;
  const s = (P256_ORDER - BigInt(`0x${signature.toString('hex', sAt)}`)).toString(16).padStart(64, '0');
  const bytes = Buffer.from(Number.parseInt(s.slice(0, 2), 16) > 0x7f ? `00${s}` : s, 'hex');
  const values = Buffer.concat([signature.subarray(2, sAt - 1), Buffer.of(bytes.length), bytes]);
  certificate.signatureValue = exactBuffer(Buffer.concat([Buffer.of(0x30, values.length), values]));
  return Buffer.from(AsnConvert.serialize(certificate));
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

describe('fingerprintsOf', () => {
  it('begins with SHA-256 of the leaf', () => {
    const { broker, bridgeCa } = makePki();
    const [own, twin, ...rest] = fingerprintsOf([broker.der, bridgeCa.der]);
    expect(own).toBe(sha256(broker.der));
    expect(twin).toMatch(/^[0-9a-f]{64}$/);
    expect(twin).not.toBe(own);
    expect(rest).toEqual([]);
  });

  it('has the same two for a certificate and its twin, which is judged good', () => {
    const ca = authority();
    for (let count = 0; count < 8; count += 1) {
      const leaf = bridge(ca);
      const twin = twinByHand(leaf.der);
      expect(twin.equals(leaf.der)).toBe(false);
      expect(judge([{ ...leaf, der: twin }, ca])).toBe('ok');
      const ofLeaf = fingerprintsOf([leaf.der, ca.der]);
      expect(ofLeaf).toEqual([sha256(leaf.der), sha256(twin)]);
      expect(fingerprintsOf([twin, ca.der])).toEqual(ofLeaf.toReversed());
    }
  });

  it.each(['P-256', 'P-384', 'P-521'] as const)('has two under an issuer with a key on %s', (kind) => {
    const ca = authority({ keys: keyPair(kind) });
    // Signatures have several lengths; each must be taken apart and put together rightly.
    for (let count = 0; count < 16; count += 1) {
      const leaf = mint({ issuer: ca });
      expect(readCertificate(leaf.der).verify(new X509Certificate(ca.der).publicKey)).toBe(true);
      const prints = fingerprintsOf([leaf.der, ca.der]);
      expect(new Set(prints).size).toBe(2);
      expect(prints[0]).toBe(sha256(leaf.der));
    }
  });

  it.each(['rsa', 'ed25519'] as const satisfies KeyKind[])(
    'has one under an issuer with a key of %s',
    (kind) => {
      const ca = authority({ keys: keyPair(kind) });
      const leaf = mint({ issuer: ca });
      expect(fingerprintsOf([leaf.der, ca.der])).toEqual([sha256(leaf.der)]);
    },
  );

  it('has one for a leaf alone, and none for nobody', () => {
    const { broker } = makePki();
    expect(fingerprintsOf([broker.der])).toEqual([sha256(broker.der)]);
    expect(fingerprintsOf([])).toEqual([]);
  });
});
