import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROXY_V1_BYTES, PROXY_V2_BYTES } from '../../../../src/base/limits.ts';
import { parseProxyHeader } from '../../../../src/net/door/proxy-header.ts';
import { proxyLocal, proxyV1, proxyV2, rawProxyV2 } from '../../../support/proxy-header.ts';

const SEED = 20_261_120;

const line = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'));
const hex = (text: string) => parseProxyHeader(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const client = (address: string, port: number, length: number) => ({
  kind: 'complete',
  source: { kind: 'client', address, port },
  length,
});
const unknown = (length: number) => ({ kind: 'complete', source: { kind: 'unknown' }, length });
const local = (length: number) => ({ kind: 'complete', source: { kind: 'local' }, length });
const malformed = (fault: string) => ({ kind: 'malformed', fault });
const incomplete = { kind: 'incomplete' };

const SIGNATURE = '0d0a0d0a 000d0a51 5549540a';

describe('version 1', () => {
  it('reads the example of the specification, and leaves the request behind it', () => {
    const header = 'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n';
    expect(line(`${header}GET / HTTP/1.1\r\n`)).toEqual(client('192.168.0.1', 56_324, header.length));
  });

  it.each([
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', client('255.255.255.255', 65_535, 56)],
    ['PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n', client('0.0.0.0', 0, 32)],
    [
      `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'FFFF:'.repeat(7)}FFFF 65535 65535\r\n`,
      client(`${'ffff:'.repeat(7)}ffff`, 65_535, 104),
    ],
    ['PROXY TCP6 2001:DB8:0::1 ::1 1 2\r\n', client('2001:db8::1', 1, 34)],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n', client('192.0.2.1', 1, 50)],
    ['PROXY UNKNOWN\r\n', unknown(15)],
    ['PROXY UNKNOWN and \xff\0 whatever\r\nrest', unknown(31)],
  ])('reads %j', (text, expected) => {
    expect(line(text)).toEqual(expected);
  });

  it.each([
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n', 'line'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n', 'line'],
    ['PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n', 'line'],
    ['PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n', 'line'],
    ['PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n', 'line'],
    ['PROXY UNKNOWNS\r\n', 'line'],
    ['PROXY \r\n', 'line'],
    ['PROXY TCP4\r\n', 'address'],
    ['PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n', 'line'],
    ['PROXY TCP4 1.2.3.4  1 2\r\n', 'address'],
    ['PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n', 'address'],
    ['PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n', 'address'],
    ['PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n', 'address'],
    ['PROXY TCP4 0x1.2.3.4 1.2.3.4 1 2\r\n', 'address'],
    ['PROXY TCP4 ::1 ::1 1 2\r\n', 'address'],
    ['PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n', 'address'],
    ['PROXY TCP6 ::1 1.2.3.4 1 2\r\n', 'address'],
    ['PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', 'address'],
    ['PROXY TCP6 1::2::3 ::1 1 2\r\n', 'address'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n', 'port'],
    ['PROXY TCP4 1.2.3.4 1.2.3.4 1 2\0\r\n', 'port'],
  ])('refuses %j', (text, fault) => {
    expect(line(text)).toEqual(malformed(fault));
  });

  it('ends at 107 bytes, and not at 108', () => {
    const filled = (length: number) => `PROXY UNKNOWN ${'x'.repeat(length - 16)}\r\n`;
    expect(line(filled(PROXY_V1_BYTES))).toEqual(unknown(PROXY_V1_BYTES));
    expect(line(filled(PROXY_V1_BYTES + 1))).toEqual(malformed('tooLong'));
    expect(line('PROXY '.padEnd(PROXY_V1_BYTES - 1, 'x'))).toEqual(incomplete);
    expect(line('PROXY '.padEnd(PROXY_V1_BYTES, 'x'))).toEqual(malformed('tooLong'));
  });
});

describe('version 2', () => {
  it.each([
    ['TCP over IPv4', `${SIGNATURE} 21 11 000c c0000201 c0000202 d431 01bb`, client('192.0.2.1', 54_321, 28)],
    [
      'TCP over IPv6',
      `${SIGNATURE} 21 21 0024 20010db8000000000000000000000001 ${'00'.repeat(15)}01 0001 01bb`,
      client('2001:db8::1', 1, 52),
    ],
    [
      'TCP over IPv6 from an IPv4-mapped address',
      `${SIGNATURE} 21 21 0024 00000000000000000000ffffc0000201 ${'00'.repeat(16)} 0001 01bb`,
      client('192.0.2.1', 1, 52),
    ],
    [
      'fields behind the addresses, which need not make sense',
      `${SIGNATURE} 21 11 0013 c0000201 c0000202 d431 01bb 0300ff 00000000 1603`,
      client('192.0.2.1', 54_321, 35),
    ],
    ['LOCAL', `${SIGNATURE} 20 00 0000 16030100`, local(16)],
    ['LOCAL with a family and addresses, both ignored', `${SIGNATURE} 20 ff 0004 00000000`, local(20)],
    ['an unspecified protocol', `${SIGNATURE} 21 00 0000`, unknown(16)],
    ['UDP over IPv4', `${SIGNATURE} 21 12 000c c0000201 c0000202 d431 01bb`, unknown(28)],
    ['a UNIX stream', `${SIGNATURE} 21 31 00d8 ${'00'.repeat(216)}`, unknown(232)],
  ])('reads %s', (_name, bytes, expected) => {
    expect(hex(bytes)).toEqual(expected);
  });

  it.each([
    ['version 1 in binary', '11 11 000c', 'command'],
    ['version 3', '31 11 000c', 'command'],
    ['a command that does not exist', '22 11 000c', 'command'],
    ['a family that does not exist', '21 41 0000', 'family'],
    ['a transport that does not exist', '21 13 0000', 'family'],
    ['IPv4 in 11 bytes', `21 11 000b ${'00'.repeat(11)}`, 'tooShort'],
    ['IPv6 in 35 bytes', `21 21 0023 ${'00'.repeat(35)}`, 'tooShort'],
    ['the greatest length', '21 11 ffff', 'tooLong'],
    ['the greatest length of LOCAL', '20 00 ffff', 'tooLong'],
  ])('refuses %s', (_name, bytes, fault) => {
    expect(hex(`${SIGNATURE} ${bytes}`)).toEqual(malformed(fault));
  });

  it('ends at 536 bytes, and not at 537', () => {
    const block = (length: number) => Buffer.alloc(length - 16);
    expect(parseProxyHeader(rawProxyV2(0x21, 0x11, block(PROXY_V2_BYTES)))).toEqual(
      client('0.0.0.0', 0, PROXY_V2_BYTES),
    );
    expect(parseProxyHeader(rawProxyV2(0x21, 0x11, block(PROXY_V2_BYTES + 1)))).toEqual(malformed('tooLong'));
  });
});

describe('what is no header', () => {
  it.each(['GET / HTTP/1.1\r\n', '\x16\x03\x01', 'PROXX', 'PROXY\t', 'proxy ', '\r\n\r\n\0\r\nQUIX', '\r\r'])(
    'is refused at the first byte that differs: %j',
    (text) => {
      expect(line(text)).toEqual(malformed('signature'));
    },
  );

  it.each(['', 'P', 'PROXY', 'PROXY ', '\r', '\r\n\r\n\0\r\nQUIT\n', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0'])(
    'is waited for while it may become one: %j',
    (text) => {
      expect(line(text)).toEqual(incomplete);
    },
  );
});

const port = fc.integer({ min: 0, max: 65_535 });
const tlvs = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 8 },
);
const clients = fc.record({
  source: fc.oneof(fc.ipV4(), fc.ipV6()),
  sourcePort: port,
  destinationPort: port,
});
const headers = fc.oneof(
  clients.map(proxyV1),
  fc.tuple(clients, tlvs).map(([who, more]) => proxyV2(who, more)),
  tlvs.map(proxyLocal),
);

describe(`any header, seed ${SEED}`, () => {
  it('is read back as written, whatever follows it', () => {
    fc.assert(
      fc.property(clients, tlvs, fc.uint8Array({ maxLength: 64 }), (who, more, rest) => {
        const [first, second] = [proxyV1(who), proxyV2(who, more)].map((header) => {
          const read = parseProxyHeader(Buffer.concat([header, rest]));
          expect(read).toMatchObject({ kind: 'complete', length: header.length });
          return read.kind === 'complete' ? read.source : undefined;
        });
        expect(first).toMatchObject({ kind: 'client', port: who.sourcePort });
        expect(second).toEqual(first);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  it('is incomplete at every cut before its end', () => {
    fc.assert(
      fc.property(headers, (header) => {
        for (let cut = 0; cut < header.length; cut += 1) {
          expect(parseProxyHeader(header.subarray(0, cut)).kind).toBe('incomplete');
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('keeps its limits when bits flip, bytes are cut out, put in or made up: 40,000 cases', () => {
    const edits = fc.array(
      fc.tuple(fc.nat(700), fc.integer({ min: 0, max: 255 }), fc.constantFrom('flip', 'cut', 'put')),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(headers, edits, fc.uint8Array({ maxLength: 600 }), (header, changes, more) => {
        expectWithinLimits(Buffer.concat([changes.reduce(edited, header), more]));
      }),
      { seed: SEED, numRuns: 30_000 },
    );
    fc.assert(
      fc.property(
        fc.constantFrom('PROXY ', 'PROXY TCP6 ', SIGNATURE),
        fc.uint8Array({ maxLength: 600 }),
        (start, rest) => {
          const head =
            start === SIGNATURE ? Buffer.from(start.replaceAll(' ', ''), 'hex') : Buffer.from(start);
          expectWithinLimits(Buffer.concat([head, rest]));
        },
      ),
      { seed: SEED, numRuns: 10_000 },
    );
  });
});

function edited(bytes: Buffer, [place, value, how]: [number, number, string]): Buffer {
  const at = place % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  if (how === 'cut') return Buffer.concat([before, after.subarray(1)]);
  if (how === 'put') return Buffer.concat([before, Buffer.from([value]), after]);
  return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ (1 << (value & 7))]), after.subarray(1)]);
}

function expectWithinLimits(bytes: Buffer): void {
  const read = parseProxyHeader(bytes);
  const seen = parseProxyHeader(bytes.subarray(0, PROXY_V2_BYTES));
  // Nothing past the limit is looked at, and there is nothing to wait for any more.
  expect(read).toEqual(seen);
  if (bytes.length >= PROXY_V2_BYTES) expect(read.kind).not.toBe('incomplete');
  if (read.kind !== 'complete') return;
  expect(read.length).toBeLessThanOrEqual(bytes[0] === 0x50 ? PROXY_V1_BYTES : PROXY_V2_BYTES);
  expect(read.length).toBeLessThanOrEqual(bytes.length);
  // What is complete does not depend on what follows.
  expect(parseProxyHeader(bytes.subarray(0, read.length))).toEqual(read);
  if (read.source.kind !== 'client') return;
  expect(isIP(read.source.address)).toBeGreaterThan(0);
  expect(read.source.port).toBeLessThanOrEqual(65_535);
}
