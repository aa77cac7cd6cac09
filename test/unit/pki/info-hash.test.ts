import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseInfoHash } from '../../../src/base/info-hash.ts';
import { firstCertificate, infoHashOfCertificate } from '../../../src/pki/info-hash.ts';
import { makePki } from '../../support/certificates.ts';

const { bridgeCa, bridge } = makePki();

test('is what openssl calls the SHA-256 fingerprint', () => {
  const openssl = new X509Certificate(bridgeCa.certificate).fingerprint256;
  expect(infoHashOfCertificate(bridgeCa.certificate)).toBe(parseInfoHash(openssl));
});

test('is the same from DER and from PEM as text or bytes, with anything around it', () => {
  const expected = infoHashOfCertificate(bridgeCa.der);
  for (const form of [
    bridgeCa.certificate,
    Buffer.from(bridgeCa.certificate),
    bridgeCa.certificate.replaceAll('\n', '\r\n'),
    `subject=CN = beacon\n${bridgeCa.certificate}${bridge.certificate}${bridgeCa.key}`,
  ]) {
    expect(infoHashOfCertificate(form)).toBe(expected);
  }
});

test('is that of the first certificate', () => {
  expect(firstCertificate(bridge.certificate + bridgeCa.certificate).equals(bridge.der)).toBe(true);
});

test.each(['', 'garbage', bridgeCa.key, bridgeCa.certificate.slice(0, 200)])(
  'of no certificate is an error',
  (text) => {
    expect(() => infoHashOfCertificate(text)).toThrow(expect.objectContaining({ code: 'config' }));
  },
);
