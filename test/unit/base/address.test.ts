import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, isLoopback, parseAddress, parseAddressList } from '../../../src/base/address.ts';

const SEED = 2026;

const refusal = (part: string) =>
  expect.objectContaining({ code: 'config', message: expect.stringContaining(part) });

describe('parseAddress', () => {
  it.each([
    ['relay.example.org:443', { host: 'relay.example.org', port: 443 }],
    [' relay.example.org:443 ', { host: 'relay.example.org', port: 443 }],
    ['relay.example.org.:8443', { host: 'relay.example.org.', port: 8443 }],
    ['_beacon._tcp.example.org:1', { host: '_beacon._tcp.example.org', port: 1 }],
    ['127.0.0.1:65535', { host: '127.0.0.1', port: 65_535 }],
    ['[::1]:443', { host: '::1', port: 443 }],
    ['[fe80::1%eth0]:443', { host: 'fe80::1%eth0', port: 443 }],
  ])('reads %s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each(['relay', '[::1]', '10.0.0.1'])('takes the default port for %s', (text) => {
    expect(parseAddress(text, { defaultPort: 443 }).port).toBe(443);
    expect(() => parseAddress(text)).toThrow(refusal('the port is missing'));
  });

  it('takes a port alone and port 0 for listening only', () => {
    expect(parseAddress(':443', { allowAnyHost: true })).toEqual({ host: '', port: 443 });
    expect(parseAddress('127.0.0.1:0', { allowAnyHost: true })).toEqual({ host: '127.0.0.1', port: 0 });
    expect(() => parseAddress(':443')).toThrow(refusal('the host is missing'));
    expect(() => parseAddress('127.0.0.1:0')).toThrow(refusal('from 1 to 65535'));
  });

  it.each([
    ['', 'the host is missing'],
    ['a:b:443', 'neither a DNS name nor an IP address'],
    ['::1', '[::1]'],
    ['[relay]:443', 'not an IPv6 address'],
    ['relay:', 'from 1 to 65535'],
    ['relay:65536', 'from 1 to 65535'],
    ['relay:-1', 'from 1 to 65535'],
    ['relay:1e3', 'from 1 to 65535'],
    ['https://relay:443', 'neither a DNS name'],
    ['300.1.1.1:443', 'not an IPv4 address'],
    ['10.0.0:443', 'not an IPv4 address'],
    ['-relay:443', 'neither a DNS name'],
    [`${'a'.repeat(64)}:443`, 'neither a DNS name'],
    ['two words:443', 'neither a DNS name'],
  ])('refuses %j: %s', (text, part) => {
    expect(() => parseAddress(text)).toThrow(refusal(part));
  });

  it('reads back whatever it has written', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(host, port, (name, number) => {
        const address = { host: name, port: number };
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('either reads a text or refuses it as `config`', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a1:.[]%-, '), maxLength: 12 }), (text) => {
        try {
          const { port } = parseAddress(text, { defaultPort: 443, allowAnyHost: true });
          return port >= 0 && port <= 65_535;
        } catch (error) {
          return (error as { code?: string }).code === 'config';
        }
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});

describe('parseAddressList', () => {
  it('keeps the order and adds the default port', () => {
    expect(parseAddressList('a, b:8443,[::1]', { defaultPort: 443 })).toEqual([
      { host: 'a', port: 443 },
      { host: 'b', port: 8443 },
      { host: '::1', port: 443 },
    ]);
  });

  it('refuses an empty item and the same address twice', () => {
    expect(() => parseAddressList('a:1,', {})).toThrow(refusal('empty'));
    expect(() => parseAddressList('', {})).toThrow(refusal('empty'));
    expect(() => parseAddressList('a,a:443', { defaultPort: 443 })).toThrow(
      refusal('a:443 is in the list twice'),
    );
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LOCALHOST'])('%s is', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['', '0.0.0.0', '::', '10.0.0.1', '127.example.org', 'fe80::1%eth0', '::ffff:8.8.8.8'])(
    '%j is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
