import { describe, expect, it } from 'vitest';
import { parseVaultAddr } from '../../../src/config/vault-addr.ts';

const refusal = (part: string) =>
  expect.objectContaining({ code: 'config', message: expect.stringContaining(part) });

describe('parseVaultAddr', () => {
  it.each([
    ['https://store.example.org:8200', { scheme: 'https', host: 'store.example.org', port: 8_200 }],
    ['https://store.example.org/', { scheme: 'https', host: 'store.example.org', port: 443 }],
    ['HTTP://127.0.0.1', { scheme: 'http', host: '127.0.0.1', port: 80 }],
    ['tcp://[::1]:8200', { scheme: 'tcp', host: '::1', port: 8_200 }],
  ])('reads %s', (text, value) => {
    expect(parseVaultAddr(text)).toEqual(value);
  });

  it.each([
    ['tcp://store', 'the port is missing'],
    ['store:8200', 'expected https://host:port'],
    ['ftp://store:21', 'expected https://host:port'],
    ['https://', 'the host is missing'],
    ['https://store:0', 'from 1 to 65535'],
    ['https://store/v1', 'path'],
    ['https://store?x=1', 'path'],
  ])('refuses %s: %s', (text, part) => {
    expect(() => parseVaultAddr(text)).toThrow(refusal(part));
  });

  it('never repeats a password', () => {
    expect(() => parseVaultAddr('https://admin:hunter2@store')).toThrow(
      expect.objectContaining({ code: 'config', message: expect.not.stringContaining('hunter2') }),
    );
  });
});
