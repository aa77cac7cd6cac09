import { describe, expect, it } from 'vitest';
import { adminAddressFor, adminPlaces, healthAddressFor } from '../../../src/config/admin-places.ts';

const at = (host: string, port: number) => ({ host, port });

describe('adminPlaces', () => {
  it.each([
    ['health on loopback', at('127.0.0.1', 8_080), undefined, 'health'],
    ['health on IPv6 loopback', at('::1', 8_080), undefined, 'health'],
    ['health everywhere', at('', 8_080), undefined, at('127.0.0.1', 8_081)],
    ['health on an address of this machine', at('10.0.0.1', 8_080), undefined, at('127.0.0.1', 8_081)],
    ['no health', 'off', undefined, undefined],
    ['a place of its own', at('127.0.0.1', 8_080), at('127.0.0.1', 9), at('127.0.0.1', 9)],
    ['the same place', at('127.0.0.1', 8_080), at('127.0.0.1', 8_080), 'health'],
    ['two free ports', at('127.0.0.1', 0), at('127.0.0.1', 0), at('127.0.0.1', 0)],
    ['a place without health', 'off', at('::1', 9), at('::1', 9)],
    ['none', at('', 8_080), 'off', undefined],
  ] as const)('with %s', (_name, healthAddr, adminAddr, admin) => {
    const health = healthAddr === 'off' ? undefined : healthAddr;
    expect(adminPlaces({ healthAddr, adminAddr })).toEqual({ health, admin });
  });

  it.each(['', '0.0.0.0', '::', '10.0.0.1', 'example.com'])(
    'refuses %s: other machines could reach it',
    (host) => {
      expect(() => adminPlaces({ healthAddr: 'off', adminAddr: at(host, 8_081) })).toThrow(
        expect.objectContaining({
          code: 'config',
          message: expect.stringMatching(/^--admin-addr .*loopback/),
        }),
      );
    },
  );
});

describe('adminAddressFor', () => {
  it.each([
    [undefined, {}, at('127.0.0.1', 8_080)],
    [undefined, { BEACON_HEALTH_ADDR: ':8080' }, at('127.0.0.1', 8_081)],
    [undefined, { BEACON_HEALTH_ADDR: '127.0.0.1:9' }, at('127.0.0.1', 9)],
    [undefined, { BEACON_HEALTH_ADDR: '' }, at('127.0.0.1', 8_080)],
    [undefined, { BEACON_ADMIN_ADDR: '127.0.0.1:7' }, at('127.0.0.1', 7)],
    ['localhost', { BEACON_ADMIN_ADDR: '127.0.0.1:7' }, at('localhost', 8_081)],
  ])('finds %s with %o', (flag, env, address) => {
    expect(adminAddressFor(flag, env)).toEqual(address);
  });

  it.each([
    ['x:y', {}, /^--admin-addr: /],
    [undefined, { BEACON_ADMIN_ADDR: 'x:y' }, /^BEACON_ADMIN_ADDR: /],
    [undefined, { BEACON_HEALTH_ADDR: 'x:y' }, /^BEACON_HEALTH_ADDR: /],
    ['10.0.0.1:8081', {}, /loopback/],
    ['off', {}, /no place/],
    [undefined, { BEACON_HEALTH_ADDR: 'off' }, /no place/],
    [undefined, { BEACON_HEALTH_ADDR: '127.0.0.1:0' }, /no place/],
  ])('refuses %s with %o', (flag, env, message) => {
    expect(() => adminAddressFor(flag, env)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringMatching(message) }),
    );
  });
});

describe('healthAddressFor', () => {
  it.each([
    [undefined, {}, at('127.0.0.1', 8_080)],
    [undefined, { BEACON_HEALTH_ADDR: ':8080' }, at('127.0.0.1', 8_080)],
    [undefined, { BEACON_HEALTH_ADDR: '0.0.0.0:9' }, at('127.0.0.1', 9)],
    [undefined, { BEACON_HEALTH_ADDR: '[::]:9' }, at('::1', 9)],
    [undefined, { BEACON_HEALTH_ADDR: '10.0.0.1' }, at('10.0.0.1', 8_080)],
    [':7', { BEACON_HEALTH_ADDR: ':9' }, at('127.0.0.1', 7)],
  ])('finds %s with %o', (flag, env, address) => {
    expect(healthAddressFor(flag, env)).toEqual(address);
  });

  it.each([
    ['x:y', {}, /^--health-addr: /],
    [undefined, { BEACON_HEALTH_ADDR: 'x:y' }, /^BEACON_HEALTH_ADDR: /],
    ['off', {}, /no place/],
    [undefined, { BEACON_HEALTH_ADDR: ':0' }, /no place/],
  ])('refuses %s with %o', (flag, env, message) => {
    expect(() => healthAddressFor(flag, env)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringMatching(message) }),
    );
  });
});
