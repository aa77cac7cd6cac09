import { AsnConvert } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Certificate, GeneralName } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import {
  isAllowedKey,
  KEY_USAGE,
  readAlternativeNames,
  readCertificate,
  readExtensions,
} from '../../../src/pki/certificate.ts';
import {
  BIT,
  extend,
  keyPair,
  makePki,
  mint,
  rsaPublicKey,
  SERVER_AUTH,
} from '../../support/certificates.ts';

const malformed = expect.objectContaining({ code: 'malformed' });

describe('readCertificate', () => {
  const { der, certificate } = makePki().bridge;

  test('takes DER, the whole of it and nothing else', () => {
    expect(readCertificate(der).raw.equals(der)).toBe(true);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from(certificate),
      Buffer.concat([der, Buffer.of(0)]),
      Buffer.concat([der, der]),
      der.subarray(0, 40),
    ]) {
      expect(() => readCertificate(bytes)).toThrow(malformed);
    }
  });
});

describe('readExtensions', () => {
  test('reads what our own certificates say', () => {
    const { bridge, bridgeCa } = makePki();
    expect(readExtensions(bridge.der)).toEqual({
      present: ['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', '2.5.29.14', '2.5.29.35'],
      critical: ['2.5.29.19', '2.5.29.15'],
      ca: false,
      pathLength: undefined,
      keyUsage: KEY_USAGE.digitalSignature,
      signatureAlgorithm: '1.2.840.10045.4.3.2',
    });
    expect(readExtensions(bridgeCa.der)).toMatchObject({
      ca: true,
      pathLength: 0,
      keyUsage: KEY_USAGE.keyCertSign | KEY_USAGE.crlSign,
    });
  });

  test('reads a certificate without any', () => {
    expect(readExtensions(mint().der)).toMatchObject({ present: [], ca: false, keyUsage: undefined });
  });

  test.each([
    ['twice', [extend.usages(SERVER_AUTH), extend.usages(SERVER_AUTH)]],
    ['of another shape', [extend.raw('2.5.29.15', true, Buffer.from('0401ff', 'hex'))]],
    ['cut off', [extend.raw('2.5.29.19', true, Buffer.from('3018', 'hex'))]],
    [
      'with a path length past 32 bits',
      [extend.raw('2.5.29.19', true, Buffer.from('300b0101ff020600ffffffffff', 'hex'))],
    ],
    ['with a path length below 0', [extend.raw('2.5.29.19', true, Buffer.from('30060101ff0201ff', 'hex'))]],
  ])('throws for an extension %s', (_, extensions) => {
    const { der } = mint({ extensions });
    expect(() => readExtensions(der)).toThrow(malformed);
  });

  test('throws past the limit on elements', () => {
    const extended = (count: number) =>
      mint({
        extensions: Array.from({ length: count }, (_, index) =>
          extend.raw(`1.2.3.${index}`, false, Buffer.of(5, 0)),
        ),
      }).der;
    expect(readExtensions(extended(40)).present).toHaveLength(40);
    expect(() => readExtensions(extended(50))).toThrow(malformed);
  });

  test('throws past the limit on depth, which is counted from the top of each value', () => {
    const nested = (depth: number): Buffer => {
      let value = Buffer.of(5, 0);
      for (let level = 0; level < depth; level += 1)
        value = Buffer.concat([Buffer.of(0x30, value.length), value]);
      return mint({ extensions: [extend.raw('2.5.29.19', true, value)] }).der;
    };
    expect(() => readExtensions(nested(40))).toThrow(malformed);
  });

  test('throws where the signed and the outer signature algorithm differ', () => {
    const certificate = AsnConvert.parse(
      mint({ extensions: [extend.keyUsage(BIT.crlSign)] }).der,
      Certificate,
    );
    certificate.signatureAlgorithm = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.3' });
    expect(() => readExtensions(Buffer.from(AsnConvert.serialize(certificate)))).toThrow(malformed);
  });
});

describe('readAlternativeNames', () => {
  test('tells DNS names from addresses, and whether there are others', () => {
    const { relay, bridgeCa } = makePki();
    expect(readAlternativeNames(relay.der)).toEqual({
      dns: ['localhost'],
      ip: ['127.0.0.1', '::1'],
      others: false,
    });
    expect(readAlternativeNames(bridgeCa.der)).toEqual({ dns: [], ip: [], others: false });
    const mail = extend.names(
      new GeneralName({ rfc822Name: 'a@b.example' }),
      new GeneralName({ dNSName: 'B.Example' }),
    );
    expect(readAlternativeNames(mint({ extensions: [mail] }).der)).toEqual({
      dns: ['b.example'],
      ip: [],
      others: true,
    });
  });

  test('throws for names that cannot be read, and past the limit on elements', () => {
    const cut = extend.raw('2.5.29.17', false, Buffer.from('3018', 'hex'));
    expect(() => readAlternativeNames(mint({ extensions: [cut] }).der)).toThrow(malformed);
    const named = (count: number) =>
      mint({ extensions: [extend.dns(...Array.from({ length: count }, (_, index) => `h${index}`))] }).der;
    expect(readAlternativeNames(named(150)).dns).toHaveLength(150);
    expect(() => readAlternativeNames(named(170))).toThrow(malformed);
  });
});

describe('isAllowedKey', () => {
  test.each(['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'] as const)('takes %s', (kind) => {
    expect(isAllowedKey(keyPair(kind).publicKey)).toBe(true);
  });

  test.each(['secp256k1', 'ed448', 'rsa1024'] as const)('refuses %s', (kind) => {
    expect(isAllowedKey(keyPair(kind).publicKey)).toBe(false);
  });

  test('refuses RSA over 4,096 bits', () => {
    expect(isAllowedKey(rsaPublicKey(4_096))).toBe(true);
    expect(isAllowedKey(rsaPublicKey(4_104))).toBe(false);
  });
});
