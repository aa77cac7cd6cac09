import { describe, expect, it } from 'vitest';
import { cidrHas, formatCidr, parseCidrs } from '../../../src/base/cidr.ts';
import { PROXY_NETWORKS } from '../../../src/base/limits.ts';

const refusal = (part: string) =>
  expect.objectContaining({ code: 'config', message: expect.stringContaining(part) });

const many = (count: number) => Array.from({ length: count }, (_, at) => `10.0.0.${at}`).join(',');

describe('parseCidrs', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.7', '192.0.2.7/32'],
    [' 100.64.0.0/10 ,fd00::/8', '100.64.0.0/10,fd00::/8'],
    ['2001:DB8:0:0::1', '2001:db8::1/128'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['128.0.0.0/1', '128.0.0.0/1'],
  ])('reads %s as %s', (text, formatted) => {
    expect(parseCidrs(text).map(formatCidr).join(',')).toBe(formatted);
  });

  it.each([
    ['', 'expected an IP address'],
    ['10.0.0.0/8,', 'expected an IP address'],
    ['10/8', 'expected an IP address'],
    ['010.0.0.0/8', 'expected an IP address'],
    ['0x0a.0.0.0/8', 'expected an IP address'],
    ['10.0.0.0/', 'expected an IP address'],
    ['10.0.0.0/-1', 'expected an IP address'],
    ['fe80::%eth0/64', 'expected an IP address'],
    ['lb.example.org', 'expected an IP address'],
    ['10.0.0.0/33', 'more than 32 bits'],
    ['fd00::/129', 'more than 128 bits'],
    ['::ffff:10.0.0.0/129', 'more than 128 bits'],
    ['10.1.2.3/8', 'is 10.0.0.0/8 meant?'],
    ['10.0.0.128/24', 'is 10.0.0.0/24 meant?'],
    ['fd00::1/64', 'is fd00::/64 meant?'],
    ['0.0.0.0/0', 'name the proxies'],
    ['::/0', 'name the proxies'],
    ['10.0.0.0/8,10.0.0.0/8', '10.0.0.0/8 is in the list of networks twice'],
  ])('refuses %j', (text, part) => {
    expect(() => parseCidrs(text)).toThrow(refusal(part));
  });

  it('takes as many networks as the limit says and no more', () => {
    expect(parseCidrs(many(PROXY_NETWORKS))).toHaveLength(PROXY_NETWORKS);
    expect(() => parseCidrs(many(PROXY_NETWORKS + 1))).toThrow(refusal('at most 64'));
  });

  it('cuts what it repeats', () => {
    expect(() => parseCidrs('x'.repeat(5_000))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('x'.repeat(100)) }),
    );
  });
});

describe('cidrHas', () => {
  const has = (text: string, address: readonly number[]) =>
    parseCidrs(text).map((cidr) => cidrHas(cidr, address))[0];

  it('compares the bits of the prefix and no others', () => {
    expect(has('10.16.0.0/12', [10, 31, 255, 255])).toBe(true);
    expect(has('10.16.0.0/12', [10, 32, 0, 0])).toBe(false);
    expect(has('10.16.0.0/12', [10, 15, 255, 255])).toBe(false);
    expect(has('192.0.2.7', [192, 0, 2, 7])).toBe(true);
    expect(has('192.0.2.7', [192, 0, 2, 6])).toBe(false);
    expect(has('128.0.0.0/1', [255, 0, 0, 0])).toBe(true);
    expect(has('128.0.0.0/1', [127, 0, 0, 0])).toBe(false);
  });

  it('never takes one kind of address for the other', () => {
    expect(has('10.0.0.0/8', [10, ...Array(15).fill(0)])).toBe(false);
    expect(has('a00::/8', [10, 0, 0, 0])).toBe(false);
    expect(has('a00::/8', [10, ...Array(15).fill(0)])).toBe(true);
  });
});
