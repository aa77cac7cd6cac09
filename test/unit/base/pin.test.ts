import { describe, expect, it } from 'vitest';
import { parsePin, parsePins } from '../../../src/base/pin.ts';

const HEX = 'ab'.repeat(32);

describe('parsePin', () => {
  it('reads both kinds', () => {
    expect(parsePin(`cert-sha256:${HEX}`)).toEqual({ kind: 'cert', sha256: HEX });
    expect(parsePin(`key-sha256:${HEX}`)).toEqual({ kind: 'key', sha256: HEX });
  });

  it("takes openssl's colon form in upper case, and blanks around it", () => {
    const colons = Array.from({ length: 32 }, () => 'AB').join(':');
    expect(parsePin(` cert-sha256:${colons} `)).toEqual({ kind: 'cert', sha256: HEX });
  });

  it.each([
    '',
    HEX,
    `cert-sha1:${HEX}`,
    `cert-sha256:${HEX}0`,
    `cert-sha256:${HEX.slice(1)}`,
    `cert-sha256:${'g'.repeat(64)}`,
    `CERT-sha256:${HEX}`,
  ])('refuses %j and says what it expects', (text) => {
    expect(() => parsePin(text)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('64 hex digits') }),
    );
  });
});

describe('parsePins', () => {
  it('reads a list', () => {
    expect(parsePins(`cert-sha256:${HEX}, key-sha256:${HEX}`)).toEqual([
      { kind: 'cert', sha256: HEX },
      { kind: 'key', sha256: HEX },
    ]);
  });

  it('refuses an empty item, so that a lost pin is noticed', () => {
    expect(() => parsePins(`cert-sha256:${HEX},`)).toThrow(expect.objectContaining({ code: 'config' }));
  });
});
