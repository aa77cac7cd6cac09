import { describe, expect, it } from 'vitest';
import { parseCidrs } from '../../../../src/base/cidr.ts';
import { TrustedProxies } from '../../../../src/net/door/trusted-proxies.ts';

describe('TrustedProxies', () => {
  const proxies = new TrustedProxies(parseCidrs('10.0.0.0/8,192.0.2.7,fd00::/8,fe80::/10'));

  it.each([
    '10.0.0.1',
    '10.255.255.255',
    '::ffff:10.1.2.3',
    '::ffff:a01:203',
    '192.0.2.7',
    'fd12::1',
    'fe80::1%eth0',
  ])('has %s', (address) => {
    expect(proxies.has(address)).toBe(true);
  });

  it.each(['9.255.255.255', '11.0.0.0', '192.0.2.8', '::ffff:11.0.0.1', 'fc00::1', '::1', '', 'x', '10.0.0'])(
    'has not %j',
    (address) => {
      expect(proxies.has(address)).toBe(false);
    },
  );

  it('trusts nobody where no network is given', () => {
    const nobody = new TrustedProxies([]);
    expect([nobody.configured, nobody.has('127.0.0.1'), nobody.has('::1')]).toEqual([false, false, false]);
    expect(proxies.configured).toBe(true);
  });
});

it('does not stumble over the name of an interface that has a dot in it', () => {
  expect(new TrustedProxies(parseCidrs('fe80::/10')).has('fe80::1%eth0.100')).toBe(true);
});
