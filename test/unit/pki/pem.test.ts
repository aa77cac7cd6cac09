import fc from 'fast-check';
import { expect, test } from 'vitest';
import { certificatesInPem, certificateToPem, holdsEncryptedKey } from '../../../src/pki/pem.ts';
import { makePki } from '../../support/certificates.ts';

test('any bytes come back as they were, several from one text, in order', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (ders) => {
      const text = ders.map(certificateToPem).join('some text between\n');
      expect(certificatesInPem(text)).toEqual(ders.map((der) => Buffer.from(der)));
      expect(text.split('\n').every((line) => line.length <= 64)).toBe(true);
    }),
    { seed: 20_261_120 },
  );
});

test('what is no certificate is passed over', () => {
  const { bridge } = makePki();
  expect(certificatesInPem(`${bridge.key}${bridge.certificate}`)).toEqual([bridge.der]);
  expect(certificatesInPem(bridge.key)).toEqual([]);
  expect(certificatesInPem(bridge.certificate.slice(0, -30))).toEqual([]);
});

test('a key under a password is told from one without, in both forms', () => {
  expect(holdsEncryptedKey(makePki().bridge.key)).toBe(false);
  expect(holdsEncryptedKey('-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n')).toBe(true);
  expect(holdsEncryptedKey('-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n')).toBe(true);
});
