/** What a target is sent to name the client: bytes as they stand in the specification, and as our own parser reads them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIp } from '../../../src/base/ip.ts';
import { parseProxyHeader } from '../../../src/net/door/proxy-header.ts';
import { encodeProxyHeader } from '../../../src/net/encode-proxy-header.ts';
import { proxyV2 } from '../../support/proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const ends = (source: string, destination: string, ports: readonly [number, number] = [51_000, 8_199]) => ({
  source: { host: source, port: ports[0] },
  destination: { host: destination, port: ports[1] },
});

describe('a header', () => {
  it.each([
    ['192.0.2.7', '198.51.100.1', '21 11 000c c0000207 c6336401 c738 2007'],
    [
      '2001:db8::7',
      '2001:db8:1::1',
      '21 21 0024 20010db8000000000000000000000007 20010db8000100000000000000000001 c738 2007',
    ],
  ])('for %s is written as in section 2.2', (source, destination, expected) => {
    const bytes = encodeProxyHeader(ends(source, destination));
    expect(bytes.toString('hex')).toBe(SIGNATURE + expected.replaceAll(' ', ''));
  });

  it('is read as what was written, and is what a load balancer writes', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    const pair = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6(), fc.ipV6()));
    fc.assert(
      fc.property(pair, port, port, ([source, destination], from, to) => {
        // An IPv4 address that is written as IPv6 goes out as what it is; `::0.0.0.0` is read by nobody.
        const kinds = [source, destination].map((text) => parseIp(text)?.kind());
        fc.pre(kinds.every((kind) => kind === (source.includes(':') ? 'ipv6' : 'ipv4')));
        const bytes = encodeProxyHeader(ends(source, destination, [from, to]));
        const other = proxyV2({ source, sourcePort: from, destination, destinationPort: to });
        expect(bytes.equals(other)).toBe(true);
        const header = parseProxyHeader(Buffer.concat([bytes, Buffer.from('GET /')]));
        expect(header).toMatchObject({ kind: 'complete', length: bytes.length, source: { port: from } });
        expect(header).toEqual(parseProxyHeader(other));
      }),
      { seed: 22, numRuns: 500 },
    );
  });

  it('is not made for two families', () => {
    expect(() => encodeProxyHeader(ends('192.0.2.7', '::1'))).toThrow('one family');
    expect(() => encodeProxyHeader(ends('relay', 'relay'))).toThrow('IP addresses');
  });
});
