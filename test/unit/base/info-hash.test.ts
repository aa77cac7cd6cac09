import { describe, expect, it } from 'vitest';
import { infoHashBytes, infoHashFromBytes, parseInfoHash } from '../../../src/base/info-hash.ts';

const HEX = 'a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf';
const COLONS = (HEX.match(/../g) ?? []).join(':').toUpperCase();

describe('parseInfoHash', () => {
  it.each([
    ['64 digits', HEX],
    ['capitals', HEX.toUpperCase()],
    ['blanks around it', `  ${HEX}\r\n`],
    ["openssl's colons", COLONS],
    ["openssl's whole line", `sha256 Fingerprint=${COLONS}\n`],
    ["openssl's line of older releases", `SHA256 Fingerprint=${COLONS}`],
  ])('reads %s', (_name, text) => {
    expect(parseInfoHash(text)).toBe(HEX);
  });

  it.each([
    ['nothing', ''],
    ['63 digits', HEX.slice(1)],
    ['65 digits', `${HEX}0`],
    ['a letter that is no digit', `${HEX.slice(1)}g`],
    ['a blank within', `${HEX.slice(0, 32)} ${HEX.slice(33)}`],
    ['two hashes', `${HEX}\n${HEX}`],
    ['another algorithm', `sha1 Fingerprint=${COLONS}`],
  ])('refuses %s and says what helps', (_name, text) => {
    expect(() => parseInfoHash(text)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('beacon info-hash') }),
    );
  });

  it('does not repeat what it was given: it may be a secret in the wrong place', () => {
    expect(() => parseInfoHash('hvs.secret-token')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret-token') }),
    );
  });
});

describe('bytes of an info_hash', () => {
  it('come back as they were', () => {
    const hash = parseInfoHash(HEX);
    expect(infoHashBytes(hash)).toEqual(Buffer.from(HEX, 'hex'));
    expect(infoHashFromBytes(infoHashBytes(hash))).toBe(hash);
  });

  it('may be a part of a larger array', () => {
    const whole = new Uint8Array(64);
    whole.set(Buffer.from(HEX, 'hex'), 16);
    expect(infoHashFromBytes(whole.subarray(16, 48))).toBe(HEX);
  });
});
