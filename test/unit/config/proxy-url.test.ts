/** The URL of an egress proxy; above all, that no text repeats a password. */
import { describe, expect, it } from 'vitest';
import { parseProxyUrl } from '../../../src/config/proxy-url.ts';

const flag = (text: string) => parseProxyUrl(text, { mayHoldPassword: false });
const variable = (text: string) => parseProxyUrl(text, { mayHoldPassword: true });
const SECRET = 'hunter2';

describe('the URL of a proxy', () => {
  it.each([
    ['http://proxy.example:3128', { host: 'proxy.example', port: 3_128 }],
    ['http://proxy.example:3128/', { host: 'proxy.example', port: 3_128 }],
    ['HTTP://proxy.example', { host: 'proxy.example', port: 80 }],
    ['proxy.example:3128', { host: 'proxy.example', port: 3_128 }],
    ['http://[::1]:3128', { host: '::1', port: 3_128 }],
    ['http://me@proxy.example:3128', { host: 'proxy.example', port: 3_128, user: 'me' }],
    ['http://me%40corp@proxy.example:3128', { host: 'proxy.example', port: 3_128, user: 'me@corp' }],
    ['http://me@corp@proxy.example:3128', { host: 'proxy.example', port: 3_128, user: 'me@corp' }],
  ])('%s', (text, expected) => {
    expect(flag(text)).toEqual(expected);
    expect(variable(text)).toEqual(expected);
  });

  it('may hold a password in a variable only', () => {
    const url = `http://me:${SECRET}%3A%25@proxy.example:3128`;
    expect(variable(url)).toMatchObject({ user: 'me', password: `${SECRET}:%` });
    expect(variable('http://me:a:b@proxy.example')).toMatchObject({ user: 'me', password: 'a:b' });
    expect(variable('http://me:@proxy.example')).toMatchObject({ password: '' });
    expect(() => flag(url)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringMatching(/--proxy-password-file/) }),
    );
    expect(() => flag(url)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(SECRET) }),
    );
  });

  it.each([
    `http://me:${SECRET}`,
    `me:${SECRET}`,
    `https://me:${SECRET}@proxy.example:3128`,
    `socks5://me:${SECRET}@proxy.example:3128`,
    `${SECRET}://proxy.example`,
    `http://me:${SECRET}%@proxy.example:3128`,
    `http://me:${SECRET}@proxy.example:3128/path`,
    `http://me:${SECRET}@:3128`,
  ])('is not repeated where it is refused: %s', (text) => {
    for (const parse of [flag, variable])
      expect(() => parse(text)).toThrow(
        expect.objectContaining({ code: 'config', message: expect.not.stringContaining(SECRET) }),
      );
  });

  it.each(['https://proxy.example:3128', 'socks5://proxy.example:1080'])('%s is not supported', (text) => {
    expect(() => flag(text)).toThrow(/:\/\/ proxies are not supported; expected http:\/\/host:port/);
  });

  it.each(['http://', '', 'http://proxy.example:0', 'http://a b:1', 'http://me%0a@proxy.example'])(
    '%j is none',
    (text) => {
      expect(() => flag(text)).toThrow(expect.objectContaining({ code: 'config' }));
    },
  );
});
