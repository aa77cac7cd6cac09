import { expect, it } from 'vitest';
import { parseIp, withoutZone } from '../../../src/base/ip.ts';

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:DB8::1', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['fe80::1%eth0.100', 'fe80::1'],
  ['fe80::1%veth@if3', 'fe80::1'],
])('%s is %s', (text, address) => {
  expect(parseIp(text)?.toString()).toBe(address);
});

it.each([
  '',
  'relay',
  '010.1.1.1',
  '127.1',
  '1',
  '0x7f.0.0.1',
  '192.0.2.1%eth0',
  '1::2::3',
  '192.0.2.256',
  '%eth0',
])('%j is no address', (text) => {
  expect(parseIp(text)).toBeUndefined();
});

it('a zone is all that follows the first percent sign', () => {
  expect([withoutZone('fe80::1%a%b'), withoutZone('fe80::1')]).toEqual(['fe80::1', 'fe80::1']);
});
