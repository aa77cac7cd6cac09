import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { systemRandom as random } from '../../../src/base/random.ts';
import { infoHashOfCertificate } from '../../../src/pki/info-hash.ts';
import {
  AUTHORITY_DAYS,
  BACKDATE_MS,
  CLIENT_DAYS,
  createAuthority,
  issueLeaf,
  loadAuthority,
  parseHost,
  RELAY_DAYS,
} from '../../../src/pki/issue.ts';
import { judgeChain } from '../../../src/pki/proof.ts';
import { extend, keyPair, makePki, mint } from '../../support/certificates.ts';

const DAY_MS = 86_400_000;
const nowMs = Math.floor(systemClock.wall() / 1_000) * 1_000;
const config = expect.objectContaining({ code: 'config' });

describe('an authority', () => {
  const authority = createAuthority({ role: 'bridgeAuthority', nowMs, random });
  const certificate = new X509Certificate(authority.certificate);

  test('signs itself, is a CA, and belongs to its key', () => {
    expect(certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  });

  test('lives for ten years and says so', () => {
    expect(certificate.validFromDate.getTime()).toBe(nowMs - BACKDATE_MS);
    expect(certificate.validToDate.getTime()).toBe(nowMs + AUTHORITY_DAYS * DAY_MS);
    expect([authority.notBeforeMs, authority.notAfterMs]).toEqual([
      certificate.validFromDate.getTime(),
      certificate.validToDate.getTime(),
    ]);
  });

  test('is read back from its files', () => {
    const loaded = loadAuthority(authority.der, createPrivateKey(authority.key));
    expect(loaded).toMatchObject({ certificate: authority.certificate, notAfterMs: authority.notAfterMs });
    const leaf = issueLeaf(loaded, { role: 'bridge', nowMs, random });
    const infoHash = infoHashOfCertificate(authority.der);
    expect(judgeChain([leaf.der, loaded.der], { infoHash, role: 'park', wallMs: nowMs }).ok).toBe(true);
  });

  test('is refused with the key of another one, and with a key of another kind', () => {
    expect(() => loadAuthority(authority.der, makePki().bridgeCa.privateKey)).toThrow(config);
    const keys = keyPair('ed25519');
    const other = mint({ keys, extensions: [extend.ca(true)] });
    expect(() => loadAuthority(other.der, keys.privateKey)).toThrow(config);
  });
});

describe('a leaf', () => {
  const { bridgeCa, relayCa } = makePki();

  test.each([
    ['bridge', 'park', CLIENT_DAYS],
    ['broker', 'connect', CLIENT_DAYS],
  ] as const)('for a %s is a proof to %s, for a year', (role, proves, days) => {
    const leaf = issueLeaf(bridgeCa, { role, nowMs, random });
    const infoHash = infoHashOfCertificate(bridgeCa.der);
    const verdict = judgeChain([leaf.der, bridgeCa.der], { infoHash, role: proves, wallMs: nowMs });
    expect(verdict).toMatchObject({ ok: true, notAfterMs: nowMs + days * DAY_MS });
    expect(new X509Certificate(leaf.certificate).checkPrivateKey(createPrivateKey(leaf.key))).toBe(true);
  });

  test('for a relay names its hosts and is signed by its CA', () => {
    const hosts = ['relay.example', '192.0.2.7', '2001:db8::1'].map(parseHost);
    const leaf = issueLeaf(relayCa, { role: 'relay', nowMs, random, hosts });
    const certificate = new X509Certificate(leaf.der);
    expect(certificate.checkHost('relay.example')).toBe('relay.example');
    expect(certificate.checkIP('192.0.2.7')).toBe('192.0.2.7');
    expect(certificate.checkIP('2001:db8::1')).toBe('2001:db8::1');
    expect(certificate.checkHost('other.example')).toBeUndefined();
    expect(
      certificate.verify(
        relayCa.privateKey.asymmetricKeyType
          ? new X509Certificate(relayCa.der).publicKey
          : relayCa.privateKey,
      ),
    ).toBe(true);
    expect(leaf.notAfterMs).toBe(nowMs + RELAY_DAYS * DAY_MS);
  });

  test('for a relay without a host is refused', () => {
    expect(() => issueLeaf(relayCa, { role: 'relay', nowMs, random })).toThrow(config);
  });

  test('does not outlive its CA, and an expired CA issues none', () => {
    const short = createAuthority({ role: 'bridgeAuthority', nowMs, random, days: 10 });
    expect(issueLeaf(short, { role: 'bridge', nowMs, random }).notAfterMs).toBe(nowMs + 10 * DAY_MS);
    const later = { role: 'bridge', nowMs: nowMs + 11 * DAY_MS, random } as const;
    expect(() => issueLeaf(short, later)).toThrow(config);
  });

  test('tells nothing of its owner: the same names for everybody, and 128 random bits', () => {
    const leaves = [bridgeCa, makePki({ fresh: true }).bridgeCa].flatMap((authority) =>
      Array.from(
        { length: 50 },
        () => new X509Certificate(issueLeaf(authority, { role: 'bridge', nowMs, random }).der),
      ),
    );
    expect(new Set(leaves.map(({ subject, issuer }) => `${subject} by ${issuer}`))).toEqual(
      new Set(['CN=beacon bridge by CN=beacon bridge ca']),
    );
    expect(new Set(leaves.map(({ serialNumber }) => serialNumber)).size).toBe(100);
    expect(leaves.every(({ serialNumber }) => /^[89A-F][0-9A-F]{31}$/.test(serialNumber))).toBe(true);
  });
});

describe('parseHost', () => {
  test.each([
    ['Relay.Example', 'dns', 'relay.example'],
    ['*.relay.example', 'dns', '*.relay.example'],
    ['bücher.example', 'dns', 'xn--bcher-kva.example'],
    ['localhost', 'dns', 'localhost'],
    ['192.0.2.7', 'ip', '192.0.2.7'],
    ['2001:DB8:0:0::1', 'ip', '2001:db8::1'],
    ['[::1]', 'ip', '::1'],
    ['::ffff:192.0.2.7', 'ip', '::ffff:c000:207'],
  ])('reads %s', (text, type, value) => {
    expect(parseHost(text)).toEqual({ type, value });
  });

  test.each([
    '',
    'a b',
    'relay.example:443',
    'https://relay.example',
    'user@relay.example',
    'relay.example/path',
    '-relay.example',
    'a..b',
    '*',
    'a.*.b',
    '1.2.3',
    '999.1.1.1',
    '0x7f.1',
    '1:2:3',
    `${'a'.repeat(64)}.example`,
  ])('refuses %j', (text) => {
    expect(() => parseHost(text)).toThrow(config);
  });
});
