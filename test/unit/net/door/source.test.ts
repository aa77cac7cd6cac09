import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import { networksOf, sourceOf } from '../../../../src/net/door/source.ts';

describe('the source of an address', () => {
  it('is the address itself for IPv4', () => {
    expect(networksOf('203.0.113.7')).toHaveLength(1);
    expect(sourceOf('203.0.113.7')).not.toBe(sourceOf('203.0.113.8'));
    expect(sourceOf('255.255.255.255')).not.toBe(sourceOf('127.255.255.255'));
    expect(sourceOf('0.0.0.0')).not.toBe(sourceOf('0.0.0.1'));
  });

  it.each(['::ffff:203.0.113.7', '::FFFF:203.0.113.7', '::ffff:cb00:7107', '0:0:0:0:0:ffff:cb00:7107'])(
    'is the IPv4 address for %s, which is mapped',
    (mapped) => expect(networksOf(mapped)).toEqual(networksOf('203.0.113.7')),
  );

  it('is the /64 for IPv6', () => {
    expect(sourceOf('2001:db8:1:2::1')).toBe(sourceOf('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    expect(sourceOf('2001:db8:1:2::1')).not.toBe(sourceOf('2001:db8:1:3::1'));
  });

  it('leaves out a zone', () => {
    for (const zone of ['eth0', '2', 'wlan0.100', 'br-1_a', 'veth@if3']) {
      expect(networksOf(`fe80::1%${zone}`)).toEqual(networksOf('fe80::2'));
    }
    expect(networksOf('::ffff:203.0.113.7%eth0')).toEqual(networksOf('203.0.113.7'));
  });

  it.each([
    ['/56', 1, '2001:db8:1:ff00::1', '2001:db8:1:ffff::1', '2001:db8:1:feff::1'],
    ['/48', 2, '2001:db8:1::1', '2001:db8:1:ffff::1', '2001:db8:2::1'],
  ])('belongs to a %s', (_, at, one, inside, outside) => {
    expect(networksOf(one)[at]).toBe(networksOf(inside)[at]);
    expect(networksOf(one)[at]).not.toBe(networksOf(outside)[at]);
  });

  it('has another name than the networks around it, and than any IPv4 address', () => {
    const names = [...networksOf('::'), ...networksOf('0.0.0.0'), ...networksOf('0.0.0.56')];
    expect(new Set(names).size).toBe(5);
  });

  it('is the same for every way to write an address', () => {
    const parts = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(parts, (numbers) => {
        const address = new ipaddr.IPv6(numbers);
        const names = networksOf(address.toString());
        expect(names).toHaveLength(3);
        expect(networksOf(address.toNormalizedString())).toEqual(names);
        expect(networksOf(address.toRFC5952String().toUpperCase())).toEqual(names);
      }),
      { seed: 20_260_401, numRuns: 300 },
    );
  });

  it('tells all IPv4 addresses apart', () => {
    const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(address, address, (one, other) => {
        const same = one.every((part, at) => part === other[at]);
        expect(sourceOf(one.join('.')) === sourceOf(other.join('.'))).toBe(same);
        // By the slow way.
        expect(sourceOf(`::ffff:${one.join('.')}`)).toBe(sourceOf(one.join('.')));
      }),
      { seed: 20_260_402, numRuns: 300 },
    );
  });

  it.each(
    [
      '',
      'localhost',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '1.2.3.4444',
      '010.1.1.1',
      '00.1.1.1',
      '1..2.3',
      '.1.2.3',
      '1.2.3.',
      '0x7f.0.0.1',
      '1.2.3.4 ',
      '1.2.3.4/8',
      '2001:db8::/32',
      '[::1]',
      ':::',
      '12345::',
      '1:2:3:4:5:6:7:8:9',
      '1.2.3.4%eth0',
      '%eth0',
    ].map((text) => [JSON.stringify(text), text] as const),
  )('does not exist for %s', (_, text) => {
    let thrown: unknown;
    try {
      networksOf(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(BeaconError);
    expect(thrown).toMatchObject({ code: 'malformed' });
  });
});
