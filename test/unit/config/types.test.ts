import { describe, expect, it } from 'vitest';
import { parseValue, shown } from '../../../src/config/types.ts';

const HEX = 'ab'.repeat(32);

const refusal = (part: string) =>
  expect.objectContaining({ code: 'config', message: expect.stringContaining(part) });

describe('parseValue', () => {
  it('hands each kind to its parser', () => {
    expect(parseValue({ kind: 'string', maxBytes: 5 }, 'eu-1a')).toBe('eu-1a');
    expect(parseValue({ kind: 'name', maxBytes: 7 }, 'relay-0')).toBe('relay-0');
    expect(parseValue({ kind: 'file' }, './a b')).toBe('./a b');
    expect(parseValue({ kind: 'address', defaultPort: 5 }, 'a')).toEqual({ host: 'a', port: 5 });
    expect(parseValue({ kind: 'listenAddress', defaultPort: 5 }, ':0')).toEqual({ host: '', port: 0 });
    expect(parseValue({ kind: 'addressList', defaultPort: 5 }, 'a,b:6')).toEqual([
      { host: 'a', port: 5 },
      { host: 'b', port: 6 },
    ]);
    expect(parseValue({ kind: 'listenList', defaultPort: 5 }, ':6=db')).toEqual([
      { host: '', port: 6, target: 'db' },
    ]);
    expect(parseValue({ kind: 'targetList' }, 'db=tcp://a:1')).toEqual([
      { name: 'db', address: { scheme: 'tcp', host: 'a', port: 1 } },
    ]);
    expect(parseValue({ kind: 'proxyUrl' }, 'http://me@a:1')).toEqual({ host: 'a', port: 1, user: 'me' });
    expect(() => parseValue({ kind: 'proxyUrl' }, 'http://me:pw@a:1')).toThrow(refusal('password'));
    expect(parseValue({ kind: 'url' }, 'http://a')).toEqual({ scheme: 'http', host: 'a', port: 80 });
    expect(parseValue({ kind: 'cidrList' }, '10.0.0.0/8, ::1')).toEqual([
      { network: [10, 0, 0, 0], prefix: 8 },
      { network: [...Array(15).fill(0), 1], prefix: 128 },
    ]);
    expect(parseValue({ kind: 'infoHash' }, HEX.toUpperCase())).toBe(HEX);
    expect(parseValue({ kind: 'pinList' }, `key-sha256:${HEX}`)).toEqual([{ kind: 'key', sha256: HEX }]);
    expect(parseValue({ kind: 'integer', min: 1, max: 64 }, '64')).toBe(64);
    expect(parseValue({ kind: 'enum', values: ['json', 'text'] }, 'text')).toBe('text');
    expect(parseValue({ kind: 'list', values: ['a', 'b', 'c'] }, 'a, b')).toEqual(['a', 'b']);
  });

  it.each(['true', 'TRUE', '1'])('takes %s for true', (text) => {
    expect(parseValue({ kind: 'boolean' }, text)).toBe(true);
  });

  it.each(['false', '0'])('takes %s for false', (text) => {
    expect(parseValue({ kind: 'boolean' }, text)).toBe(false);
  });

  it('refuses other words for a boolean', () => {
    expect(() => parseValue({ kind: 'boolean' }, 'no')).toThrow(refusal('neither true nor false'));
  });

  it.each(['0', '65', '-1', '1.5', '1e1', '0x10', '', ' 4', '9'.repeat(400)])(
    'refuses %j as 1 to 64',
    (text) => {
      expect(() => parseValue({ kind: 'integer', min: 1, max: 64 }, text)).toThrow(refusal('from 1 to 64'));
    },
  );

  it('counts the bytes of a string and refuses control characters', () => {
    expect(() => parseValue({ kind: 'string', maxBytes: 5 }, 'zürich')).toThrow(refusal('has 7 bytes'));
    expect(() => parseValue({ kind: 'name', maxBytes: 5 }, 'relay-0')).toThrow(refusal('has 7 bytes'));
    expect(() => parseValue({ kind: 'name', maxBytes: 9 }, 'relay 0')).toThrow(refusal('without blanks'));
    expect(() => parseValue({ kind: 'string', maxBytes: 5 }, 'a\nb')).toThrow(refusal('control character'));
  });

  it('takes a pasted key for what it is and does not repeat it', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----';
    expect(() => parseValue({ kind: 'file' }, pem)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.not.stringContaining('MIGH') }),
    );
    expect(() => parseValue({ kind: 'file' }, '')).toThrow(refusal('expected the path of a file'));
  });

  it('names the words of an enum', () => {
    expect(() => parseValue({ kind: 'enum', values: ['json', 'text'] }, 'xml')).toThrow(
      refusal('json, text'),
    );
  });

  it('refuses what is not in a list, and what is in it twice', () => {
    const type = { kind: 'list', values: ['a', 'b'] } as const;
    for (const text of ['a,,b', 'c', 'A', '']) {
      expect(() => parseValue(type, text)).toThrow(refusal('is not one of a, b'));
    }
    expect(() => parseValue(type, 'a,b,a')).toThrow(refusal('a is in the list twice'));
  });
});

describe('shown', () => {
  it('quotes, escapes and cuts', () => {
    expect(shown('a\u001b[31m')).toBe('"a\\u001b[31m"');
    expect(shown('x'.repeat(500)).length).toBeLessThan(100);
  });
});
