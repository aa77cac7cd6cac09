import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { infoHashOfCertificate } from '../../../src/pki/info-hash.ts';
import { judgeChain } from '../../../src/pki/proof.ts';
import { ProofMemory } from '../../../src/pki/proof-memory.ts';
import {
  ANY_USAGE,
  BIT,
  CLIENT_AUTH,
  extend,
  keyPair,
  type Minted,
  makePki,
  mint,
  rsaPublicKey,
  SERVER_AUTH,
} from '../../support/certificates.ts';
import {
  authority,
  BRIDGE,
  bridge,
  HOUR_MS,
  infoHashOf,
  intermediate,
  judge,
  judgeAuthority,
  judgeLeaf,
  LEAF,
  wallMs,
} from '../../support/proof.ts';

describe('a good chain', () => {
  const { bridge: bridgePair, broker, bridgeCa, infoHash } = makePki();

  test('of `beacon certs` parks as a bridge, connects as a broker, and not the other way round', () => {
    const verdict = judgeChain([bridgePair.der, bridgeCa.der], { infoHash, role: 'park', wallMs });
    const fingerprint256 = new X509Certificate(bridgePair.der).fingerprint256;
    expect(verdict).toEqual({
      ok: true,
      leafFingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
      infoHash,
      notAfterMs: bridgePair.notAfterMs,
    });
    const asBroker = judgeChain([broker.der, bridgeCa.der], { infoHash, role: 'connect', wallMs });
    expect(asBroker.ok).toBe(true);
    const crossed = [
      judgeChain([bridgePair.der, bridgeCa.der], { infoHash, role: 'connect', wallMs }),
      judgeChain([broker.der, bridgeCa.der], { infoHash, role: 'park', wallMs }),
    ];
    expect(crossed).toMatchObject([{ reason: 'leafRole' }, { reason: 'leafRole' }]);
  });

  test('is found among several info_hashes, and the one that it belongs to is named', () => {
    const other = makePki({ fresh: true });
    const options = { infoHash: [other.infoHash, infoHash], role: 'park', wallMs } as const;
    expect(judgeChain([bridgePair.der, bridgeCa.der], options)).toMatchObject({ ok: true, infoHash });
    expect(judgeChain([bridgePair.der, bridgeCa.der], { ...options, infoHash: [] }).ok).toBe(false);
  });

  test.each(['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'] as const)('may have keys of type %s', (kind) => {
    const ca = authority({ keys: keyPair(kind) });
    expect(judge([bridge(ca, { keys: keyPair(kind) }), ca])).toBe('ok');
  });

  test.each(['sha256', 'sha384', 'sha512'] as const)('may be signed with %s by ECDSA and RSA', (hash) => {
    for (const kind of ['P-256', 'rsa'] as const) {
      const ca = authority({ keys: keyPair(kind), hash });
      expect(judge([bridge(ca, { hash }), ca])).toBe('ok');
    }
  });

  test('may have two intermediates, usages that nest, both usages in the leaf, and names in any case', () => {
    const nested = [extend.ca(true, 1), extend.keyUsage(BIT.keyCertSign), extend.usages(SERVER_AUTH)];
    const any = [extend.ca(true, 0), extend.usages(ANY_USAGE)];
    const root = authority();
    const upper = intermediate(root, { extensions: nested });
    const lower = intermediate(upper, { subject: 'lower', extensions: any });
    const leaf = bridge(lower, {
      extensions: [
        extend.ca(false),
        extend.keyUsage(BIT.digitalSignature | BIT.keyEncipherment),
        extend.usages(CLIENT_AUTH, SERVER_AUTH),
        extend.dns('elsewhere.example', BRIDGE.toUpperCase()),
        extend.raw('1.2.3.4.5', false, Buffer.of(5, 0)),
      ],
    });
    expect(judge([leaf, lower, upper, root])).toBe('ok');
  });

  test('may end in a bridge CA that another CA issued: it is trusted by its hash', () => {
    const ca = intermediate(authority());
    expect(judge([bridge(ca), ca])).toBe('ok');
  });
});

describe('what may not be judged at all', () => {
  // Ed25519, as its signatures have one length.
  const ca = authority({ keys: keyPair('ed25519') });
  const leaf = bridge(ca);

  test('no certificate, and five of them', () => {
    const { infoHash } = makePki();
    expect(judgeChain([], { infoHash, role: 'park', wallMs })).toMatchObject({ reason: 'noCertificate' });
    expect(judge([leaf, ca, ca, ca, ca])).toBe('tooManyCertificates');
    expect(judge([leaf, intermediate(ca), intermediate(ca), ca])).not.toBe('tooManyCertificates');
  });

  test('more than 16 KiB of them, and not one byte less', () => {
    const filled = (bytes: number): Minted =>
      bridge(ca, { extensions: [...LEAF, extend.raw('1.2.3.4.5', false, Buffer.alloc(bytes))] });
    const overhead = filled(15_000).der.length - 15_000;
    const full = filled(16 * 1_024 - ca.der.length - overhead);
    const over = filled(16 * 1_024 - ca.der.length - overhead + 1);
    expect([full, over].map(({ der }) => der.length + ca.der.length)).toEqual([16_384, 16_385]);
    expect([judge([full, ca]), judge([over, ca])]).toEqual(['ok', 'tooLarge']);
  });

  test('another root, even one of the same name and key, before anything is parsed', () => {
    const { infoHash } = makePki();
    expect(judge([leaf, ca], { infoHash })).toBe('wrongRoot');
    const twin = authority({ keys: ca });
    expect(judge([leaf, twin])).toBe('ok');
    expect(judge([leaf, twin], { infoHash: infoHashOfCertificate(ca.der) })).toBe('wrongRoot');
    const garbage = [Buffer.from('garbage'), Buffer.from('more garbage')];
    expect(judgeChain(garbage, { infoHash, role: 'park', wallMs })).toMatchObject({ reason: 'wrongRoot' });
  });

  test('the CA alone, also where it calls itself a bridge', () => {
    expect(judge([ca])).toBe('rootAlone');
    const selfMade = mint({ subject: 'leaf', extensions: LEAF });
    expect(judge([selfMade])).toBe('rootAlone');
  });

  test('a certificate twice', () => {
    expect(judge([leaf, ca, ca])).toBe('repeated');
    expect(judge([leaf, leaf, ca])).toBe('repeated');
    const one = intermediate(ca);
    expect(judge([leaf, one, ca, one])).toBe('repeated');
  });

  test('PEM, trailing bytes, and a truncated certificate', () => {
    const options = { infoHash: infoHashOfCertificate(ca.der), role: 'park', wallMs } as const;
    for (const bytes of [
      Buffer.from(leaf.certificate),
      Buffer.concat([leaf.der, Buffer.of(0)]),
      leaf.der.subarray(0, -1),
      Buffer.alloc(0),
    ]) {
      expect(judgeChain([bytes, ca.der], options)).toMatchObject({ reason: 'malformed' });
    }
  });
});

describe('keys', () => {
  test.each(['secp256k1', 'ed448', 'rsa1024'] as const)('%s is refused in a leaf and in a CA', (kind) => {
    expect(judgeLeaf({ keys: keyPair(kind) })).toBe('keyNotAllowed');
    expect(judgeAuthority({ keys: keyPair(kind) })).toBe('keyNotAllowed');
  });

  test('RSA is taken from 2,048 to 4,096 bits with exponents from 3 to 2^32', () => {
    const withRsa = (bits: number, exponent?: Buffer) =>
      judgeLeaf({ publicKey: rsaPublicKey(bits, exponent) });
    expect([2_048, 3_072, 4_096].map((bits) => withRsa(bits))).toEqual(['ok', 'ok', 'ok']);
    expect([2_040, 4_104, 8_192].map((bits) => withRsa(bits))).toEqual(Array(3).fill('keyNotAllowed'));
    expect(withRsa(2_048, Buffer.of(3))).toBe('ok');
    expect(withRsa(2_048, Buffer.of(1))).toBe('keyNotAllowed');
    expect(withRsa(2_048, Buffer.from('0100000001', 'hex'))).toBe('keyNotAllowed');
    expect(judgeAuthority({ publicKey: rsaPublicKey(8_192) })).toBe('keyNotAllowed');
  });
});

describe('dates', () => {
  test('of every certificate are kept, to the second', () => {
    const notBeforeMs = Math.floor(wallMs / 1_000) * 1_000;
    const notAfterMs = notBeforeMs + HOUR_MS;
    const narrow = { notBeforeMs, notAfterMs };
    const wideCa = authority();
    const narrowCa = authority(narrow);
    for (const chain of [
      [bridge(wideCa, narrow), wideCa],
      [bridge(narrowCa), narrowCa],
    ]) {
      expect(judge(chain, { wallMs: notBeforeMs - 1 })).toBe('notYetValid');
      expect(judge(chain, { wallMs: notBeforeMs })).toBe('ok');
      expect(judge(chain, { wallMs: notAfterMs + 999 })).toBe('ok');
      expect(judge(chain, { wallMs: notAfterMs + 1_000 })).toBe('expired');
      expect(judge(chain, { wallMs: Number.NaN })).toBe('notYetValid');
    }
  });

  test('past 2049, which have another form in a certificate, are read', () => {
    const notAfterMs = Date.UTC(2_080, 0, 1);
    const ca = authority({ notAfterMs });
    const options = {
      infoHash: infoHashOfCertificate(ca.der),
      role: 'park',
      wallMs: Date.UTC(2_070, 0, 1),
    } as const;
    const verdict = judgeChain([bridge(ca, { notAfterMs }).der, ca.der], options);
    expect(verdict).toMatchObject({ ok: true, notAfterMs });
  });

  test('are compared again for a chain that is remembered', () => {
    const ca = authority();
    const chain = [bridge(ca), ca];
    const memory = new ProofMemory();
    const results = [0, 48, 0, -2].map((hours) => judge(chain, { wallMs: wallMs + hours * HOUR_MS, memory }));
    expect(results).toEqual(['ok', 'expired', 'ok', 'notYetValid']);
  });
});

describe('hostile bytes', () => {
  const { bridge: good, bridgeCa, infoHash } = makePki();
  const options = { infoHash, role: 'park', wallMs } as const;

  test('no flip of one bit in a leaf is taken', () => {
    for (let bit = 0; bit < good.der.length * 8; bit += 1) {
      const flipped = Buffer.from(good.der);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const verdict = judgeChain([flipped, bridgeCa.der], options);
      if (verdict.ok) expect.fail(`bit ${bit} of the leaf does not matter`);
    }
  });

  test('no random bytes and no damaged chain are taken, and nothing is thrown', () => {
    const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
    const cut = fc
      .tuple(fc.nat(good.der.length - 1), fc.nat(good.der.length - 1), bytes)
      .map(([from, to, middle]) => Buffer.concat([good.der.subarray(0, from), middle, good.der.subarray(to)]))
      .filter((der) => !der.equals(good.der));
    const chain = fc.array(fc.oneof(bytes, cut, fc.constant(bridgeCa.der)), { maxLength: 6 });
    fc.assert(
      fc.property(chain, fc.boolean(), (ders, withRoot) => {
        const whole = withRoot ? [...ders, bridgeCa.der] : ders;
        const root = whole.at(-1);
        // Half of them by a stranger whose hash it is, so that the judge gets past the first comparison.
        const hash = root && !withRoot ? infoHashOf(root) : infoHash;
        const verdict = judgeChain(whole, { ...options, infoHash: hash });
        expect(verdict.ok).toBe(false);
        if (!verdict.ok) expect(Buffer.byteLength(verdict.text)).toBeLessThan(300);
      }),
      { seed: 20_261_120, numRuns: 4_000 },
    );
  });

  test('a chain that was refused is not remembered, and a remembered one is no other chain', () => {
    const memory = new ProofMemory();
    const forged = Buffer.from(good.der);
    forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
    expect(judgeChain([forged, bridgeCa.der], { ...options, memory }).ok).toBe(false);
    expect(memory.size).toBe(0);
    const first = judgeChain([good.der, bridgeCa.der], { ...options, memory });
    expect(judgeChain([good.der, bridgeCa.der], { ...options, memory })).toEqual(first);
    expect(memory.size).toBe(1);
    expect(judgeChain([forged, bridgeCa.der], { ...options, memory }).ok).toBe(false);
    expect(judgeChain([good.der, bridgeCa.der], { ...options, role: 'connect', memory }).ok).toBe(false);
    const other = makePki({ fresh: true }).infoHash;
    const elsewhere = judgeChain([good.der, bridgeCa.der], { ...options, infoHash: other, memory });
    expect(elsewhere).toMatchObject({ reason: 'wrongRoot' });
  });
});
