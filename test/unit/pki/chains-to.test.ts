import { describe, expect, test } from 'vitest';
import { chainsTo } from '../../../src/pki/chains-to.ts';
import { BIT, extend, keyPair, makePki, mint } from '../../support/certificates.ts';

const CA = [extend.ca(true), extend.keyUsage(BIT.keyCertSign)];

describe('a relay is refused whose chain holds', () => {
  const ca = mint({ subject: 'ca', extensions: CA });

  test('the bridge CA', () => {
    expect(chainsTo([mint().der, ca.der], ca.der)).toBe(true);
  });

  test('a leaf of the bridge CA, sent without it', () => {
    expect(chainsTo([mint({ issuer: ca }).der], ca.der)).toBe(true);
  });

  test('a leaf of an intermediate of the bridge CA', () => {
    const middle = mint({ subject: 'middle', issuer: ca, extensions: CA });
    expect(chainsTo([mint({ issuer: middle }).der, middle.der], ca.der)).toBe(true);
  });

  test('the key of the bridge CA under another name', () => {
    const renamed = mint({ subject: 'other', keys: ca, extensions: CA });
    expect(chainsTo([renamed.der], ca.der)).toBe(true);
  });

  test('something signed with the key of the bridge CA under another name', () => {
    const renamed = mint({ subject: 'other', keys: ca, extensions: CA });
    expect(chainsTo([mint({ issuer: renamed }).der], ca.der)).toBe(true);
  });

  test('something that cannot be read', () => {
    expect(chainsTo([Buffer.from('garbage')], ca.der)).toBe(true);
  });
});

test('a relay with a CA of its own is taken, whatever its names and keys', () => {
  const { bridgeCa, relay, relayCa } = makePki();
  expect(chainsTo([relay.der], bridgeCa.der)).toBe(false);
  expect(chainsTo([relay.der, relayCa.der], bridgeCa.der)).toBe(false);
  expect(chainsTo([], bridgeCa.der)).toBe(false);
  for (const kind of ['rsa', 'ed25519', 'P-384'] as const) {
    const other = mint({ subject: 'beacon bridge ca', keys: keyPair(kind), extensions: CA });
    expect(chainsTo([mint({ issuer: other }).der, other.der], bridgeCa.der)).toBe(false);
  }
});

test('an authority that is no certificate is a mistake of the caller', () => {
  expect(() => chainsTo([], Buffer.from('garbage'))).toThrow(expect.objectContaining({ code: 'malformed' }));
});
