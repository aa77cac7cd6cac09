import { generateKeyPairSync } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { BasicConstraints, Name } from '@peculiar/asn1-x509';
import { expect, it } from 'vitest';
import { commonName, exactBuffer, extension, publicKeyInfo } from '../../../src/pki/asn1.ts';

const hex = (value: object): string => Buffer.from(AsnConvert.serialize(value)).toString('hex');

it('writes a name as RFC 5280 has it: one RDN with one UTF8String', () => {
  expect(hex(commonName('a'))).toBe('300c310a300806035504030c0161');
  expect(AsnConvert.parse(AsnConvert.serialize(commonName('beacon')), Name)).toHaveLength(1);
});

it('wraps the DER of a value in an extension', () => {
  const value = new BasicConstraints({ cA: true });
  const made = extension('2.5.29.19', true, value);
  expect([made.extnID, made.critical]).toEqual(['2.5.29.19', true]);
  expect(Buffer.from(made.extnValue.buffer).toString('hex')).toBe(hex(value));
});

it('takes a public key over byte for byte', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  expect(hex(publicKeyInfo(publicKey))).toBe(
    publicKey.export({ type: 'spki', format: 'der' }).toString('hex'),
  );
});

it('copies a view out of its pool', () => {
  const pool = Buffer.from('0123456789');
  const copy = exactBuffer(pool.subarray(2, 4));
  pool.fill(0);
  expect(Buffer.from(copy).toString()).toBe('23');
});
