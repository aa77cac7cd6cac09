/** The rules of a path, each broken once; sizes, keys and dates are in proof.test.ts. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { GeneralName } from '@peculiar/asn1-x509';
import { describe, expect, test } from 'vitest';
import { judgeChain } from '../../../src/pki/proof.ts';
import {
  ANY_USAGE,
  BIT,
  CLIENT_AUTH,
  extend,
  type KeyPair,
  keyPair,
  type Minted,
  makePki,
  mint,
  SERVER_AUTH,
} from '../../support/certificates.ts';
import {
  authority,
  BRIDGE,
  BROKER,
  bridge,
  CA,
  intermediate,
  judge,
  judgeAuthority,
  judgeLeaf,
  LEAF,
  wallMs,
} from '../../support/proof.ts';

function keysOf(pem: string): KeyPair {
  const privateKey = createPrivateKey(pem);
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

describe('issuers', () => {
  test('a broker cannot issue itself a bridge, though node:crypto says that it did', () => {
    const { bridgeCa, broker, infoHash } = makePki();
    const holder = { ...mint({ subject: 'beacon broker' }), ...keysOf(broker.key) };
    const forged = bridge(holder);
    const [leaf, middle, root] = [forged.der, broker.der, bridgeCa.der].map(
      (der) => new X509Certificate(der),
    );
    expect(leaf?.checkIssued(middle as X509Certificate)).toBe(false);
    expect(leaf?.verify((middle as X509Certificate).publicKey)).toBe(true);
    expect(middle?.verify((root as X509Certificate).publicKey)).toBe(true);
    const verdict = judgeChain([forged.der, broker.der, bridgeCa.der], { infoHash, role: 'park', wallMs });
    expect(verdict).toMatchObject({ ok: false, reason: 'issuerNotCa' });
  });

  test('nor where the broker has no key usage, when node:crypto says yes to every question', () => {
    const ca = authority();
    const broker = mint({
      subject: 'broker',
      issuer: ca,
      extensions: [extend.usages(CLIENT_AUTH), extend.dns(BROKER)],
    });
    const forged = bridge(broker);
    expect(judge([broker, ca], { role: 'connect' })).toBe('ok');
    const [leaf, middle, root] = [forged, broker, ca].map(({ der }) => new X509Certificate(der));
    if (!leaf || !middle || !root) expect.unreachable();
    expect(leaf.checkIssued(middle) && leaf.verify(middle.publicKey)).toBe(true);
    expect(middle.checkIssued(root) && middle.verify(root.publicKey)).toBe(true);
    expect(judge([forged, broker, ca])).toBe('issuerNotCa');
  });

  test('must be CAs, by basic constraints and by key usage where there is one', () => {
    const ca = authority();
    expect(judgeAuthority({ extensions: [extend.ca(false)] })).toBe('issuerNotCa');
    expect(judgeAuthority({ extensions: [] })).toBe('issuerNotCa');
    expect(judgeAuthority({ extensions: [extend.keyUsage(BIT.keyCertSign)] })).toBe('issuerNotCa');
    expect(judgeAuthority({ extensions: [extend.ca(true), extend.keyUsage(BIT.crlSign)] })).toBe(
      'issuerNotCa',
    );
    expect(judgeAuthority({ extensions: [extend.ca(true)] })).toBe('ok');
    const middle = intermediate(ca, { extensions: [extend.ca(false)] });
    expect(judge([bridge(middle), middle, ca])).toBe('issuerNotCa');
  });

  test('must have issued and signed what stands before them', () => {
    const ca = authority();
    const middle = intermediate(ca);
    const leaf = bridge(middle);
    expect(judge([leaf, middle, ca])).toBe('ok');
    expect(judge([leaf, ca])).toBe('notIssued');
    expect(judge([middle, leaf, ca])).toBe('issuerNotCa');
    expect(judgeLeaf({ issuerName: 'somebody else' })).toBe('notIssued');
    const impostor = authority();
    expect(judge([bridge(impostor), ca])).toBe('badSignature');
    const strange = intermediate(impostor);
    expect(judge([bridge(strange), strange, ca])).toBe('badSignature');
  });

  test('keep their path length', () => {
    const limited = (length: number): Minted => authority({ extensions: [extend.ca(true, length)] });
    const results = [0, 1, 2].map((length) => {
      const root = limited(length);
      const upper = intermediate(root);
      const lower = intermediate(upper, { subject: 'lower' });
      return [
        judge([bridge(root), root]),
        judge([bridge(upper), upper, root]),
        judge([bridge(lower), lower, upper, root]),
      ];
    });
    expect(results).toEqual([
      ['ok', 'pathTooLong', 'pathTooLong'],
      ['ok', 'ok', 'pathTooLong'],
      ['ok', 'ok', 'ok'],
    ]);
    const root = authority();
    const upper = intermediate(root, { extensions: [extend.ca(true, 0)] });
    const lower = intermediate(upper, { subject: 'lower' });
    expect(judge([bridge(lower), lower, upper, root])).toBe('pathTooLong');
  });

  test('with extended usages have the one of the leaf', () => {
    const clientsOnly = [...CA, extend.usages(CLIENT_AUTH)];
    expect(judgeAuthority({ extensions: clientsOnly })).toBe('issuerUsage');
    const ca = authority();
    const middle = intermediate(ca, { extensions: clientsOnly });
    expect(judge([bridge(middle), middle, ca])).toBe('issuerUsage');
    const broker = bridge(middle, { extensions: [extend.usages(CLIENT_AUTH), extend.dns(BROKER)] });
    expect(judge([broker, middle, ca], { role: 'connect' })).toBe('ok');
  });
});

describe('signatures and extensions', () => {
  test.each([
    ['P-256', 'sha1'],
    ['rsa', 'sha1'],
    ['rsa', 'md5'],
  ] as const)('%s with %s is refused in a leaf and in the root itself', (kind, hash) => {
    const ca = authority({ keys: keyPair(kind) });
    expect(judge([bridge(ca, { hash }), ca])).toBe('weakSignature');
    const weak = authority({ keys: keyPair(kind), hash });
    expect(judge([bridge(weak), weak])).toBe('weakSignature');
  });

  test('critical extensions that the rules do not carry out are refused everywhere', () => {
    const unknown = extend.raw('1.2.3.4.5', true, Buffer.of(5, 0));
    const policyConstraints = extend.raw('2.5.29.36', true, Buffer.from('3003800100', 'hex'));
    for (const extension of [unknown, policyConstraints]) {
      expect(judgeLeaf({ extensions: [...LEAF, extension] })).toBe('criticalExtension');
      expect(judgeAuthority({ extensions: [...CA, extension] })).toBe('criticalExtension');
    }
  });

  test('name constraints are refused, critical or not', () => {
    const permitted = Buffer.from('300da00b3009820765782e74657374', 'hex');
    for (const critical of [true, false]) {
      const extensions = [...CA, extend.raw('2.5.29.30', critical, permitted)];
      expect(judgeAuthority({ extensions })).toBe('nameConstraints');
    }
  });

  test('an extension that stands there twice or cannot be read is refused', () => {
    const unknown = extend.raw('1.2.3.4.5', false, Buffer.of(5, 0));
    expect(judgeLeaf({ extensions: [...LEAF, unknown] })).toBe('ok');
    expect(judgeLeaf({ extensions: [...LEAF, unknown, unknown] })).toBe('malformed');
    // OpenSSL knows these itself and calls the certificate issued by nobody.
    const usages = extend.raw('2.5.29.37', false, Buffer.from('0401ff', 'hex'));
    expect(judgeLeaf({ extensions: [extend.dns(BRIDGE), usages] })).toBe('notIssued');
    expect(judgeLeaf({ extensions: [...LEAF, extend.usages(SERVER_AUTH)] })).toBe('notIssued');
  });

  test('ASN.1 past the limits is refused', () => {
    const extensions = (count: number) => [
      ...LEAF,
      ...Array.from({ length: count }, (_, index) => extend.raw(`1.2.3.${index}`, false, Buffer.of(5, 0))),
    ];
    expect(judgeLeaf({ extensions: extensions(30) })).toBe('ok');
    expect(judgeLeaf({ extensions: extensions(60) })).toBe('malformed');
  });

  test('a name that looks like two in print is one', () => {
    const name = `x, DNS:${BRIDGE}, DNS:y`;
    expect(judgeLeaf({ extensions: [extend.usages(SERVER_AUTH), extend.dns(name)] })).toBe('leafRole');
  });
});

describe('the leaf', () => {
  test('is no CA', () => {
    expect(judgeLeaf({ extensions: [...LEAF, ...CA] })).toBe('leafIsCa');
    expect(judgeLeaf({ extensions: [...LEAF, extend.ca(true)] })).toBe('leafIsCa');
    const signer = extend.keyUsage(BIT.digitalSignature | BIT.keyCertSign);
    expect(judgeLeaf({ extensions: [...LEAF, signer] })).toBe('leafIsCa');
  });

  test('may sign a handshake', () => {
    expect(judgeLeaf({ extensions: [...LEAF, extend.keyUsage(BIT.keyEncipherment)] })).toBe('leafUsage');
    expect(judgeLeaf({ extensions: [...LEAF, extend.keyUsage(BIT.digitalSignature)] })).toBe('ok');
  });

  test('names its usages, and not any usage', () => {
    expect(judgeLeaf({ extensions: [extend.dns(BRIDGE)] })).toBe('leafUsage');
    expect(judgeLeaf({ extensions: [extend.dns(BRIDGE), extend.usages(ANY_USAGE)] })).toBe('leafUsage');
    const both = extend.usages(SERVER_AUTH, ANY_USAGE);
    expect(judgeLeaf({ extensions: [extend.dns(BRIDGE), both] })).toBe('leafUsage');
  });

  test.each([
    ['no name', 'park', [extend.usages(SERVER_AUTH)]],
    ['another name', 'park', [extend.usages(SERVER_AUTH), extend.dns('x.bridge.beacon.internal')]],
    ['a wildcard', 'park', [extend.usages(SERVER_AUTH), extend.dns('*.beacon.internal')]],
    ["the broker's name", 'park', [extend.usages(SERVER_AUTH), extend.dns(BROKER)]],
    ["the client's usage", 'park', [extend.usages(CLIENT_AUTH), extend.dns(BRIDGE)]],
    ["the bridge's name", 'connect', [extend.usages(CLIENT_AUTH), extend.dns(BRIDGE)]],
    ["the server's usage", 'connect', [extend.usages(SERVER_AUTH), extend.dns(BROKER)]],
    [
      'the name as an address of another kind',
      'park',
      [extend.usages(SERVER_AUTH), extend.names(new GeneralName({ rfc822Name: BRIDGE }))],
    ],
  ] as const)('with %s may not %s', (_, role, extensions) => {
    expect(judgeLeaf({ extensions }, role)).toBe('leafRole');
  });

  test('with the right name as its common name only may not park', () => {
    expect(judgeLeaf({ subject: BRIDGE, extensions: [extend.usages(SERVER_AUTH)] })).toBe('leafRole');
  });
});
