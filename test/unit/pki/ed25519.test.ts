import { createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type Ed25519Certificate,
  ed25519Certificate,
  ed25519Key,
  serialOf,
} from '../../../src/pki/ed25519.ts';

const KEY = ed25519Key(Buffer.alloc(32, 7));
const CONTENT: Ed25519Certificate = {
  issuer: 'root',
  subject: 'root',
  serial: Buffer.alloc(16, 0xff),
  notBefore: new Date('2020-01-01T00:00:00Z'),
  notAfter: new Date('9999-12-31T23:59:59Z'),
  publicKey: createPublicKey(KEY),
  issuerKey: KEY,
  use: 'authority',
};

test('a seed gives the key of RFC 8032, section 7.1, test 1', () => {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const { x } = createPublicKey(ed25519Key(seed)).export({ format: 'jwk' });
  expect(Buffer.from(x ?? '', 'base64url').toString('hex')).toBe(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
});

describe('a certificate', () => {
  test('is the same bytes for the same content, and other bytes for another', () => {
    expect(ed25519Certificate(CONTENT)).toEqual(ed25519Certificate(CONTENT));
    expect(ed25519Certificate({ ...CONTENT, subject: 'other' })).not.toEqual(ed25519Certificate(CONTENT));
  });

  test('of an authority signs itself and may sign leaves', () => {
    const root = new X509Certificate(ed25519Certificate(CONTENT));
    const leaf = new X509Certificate(
      ed25519Certificate({ ...CONTENT, subject: 'leaf', use: { dnsName: 'a.example' } }),
    );
    expect([root.ca, leaf.ca]).toEqual([true, false]);
    expect(root.verify(root.publicKey) && leaf.verify(root.publicKey) && leaf.checkIssued(root)).toBe(true);
    expect(leaf.subjectAltName).toBe('DNS:a.example');
  });

  test.each([0x00, 0x01, 0x7f, 0x80, 0xff])('has a positive serial number of 16 bytes (%i)', (byte) => {
    const { serialNumber } = new X509Certificate(
      ed25519Certificate({ ...CONTENT, serial: Buffer.alloc(32, byte) }),
    );
    expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});

test('serialOf differs by key', () => {
  const [one, other] = [1, 2].map((byte) => serialOf(createPublicKey(ed25519Key(Buffer.alloc(32, byte)))));
  expect(one).not.toEqual(other);
});
