import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_HELLO_BYTES } from '../../../../src/base/limits.ts';
import { type ClientHelloProgress, ClientHelloReader } from '../../../../src/net/door/client-hello.ts';
import { clientHello } from '../../../support/door.ts';

const SEED = 4_040;

function record(content: Buffer, type = 22, version = [3, 1]): Buffer {
  return Buffer.concat([Buffer.of(type, ...version, content.length >> 8, content.length & 255), content]);
}

function message(length: number, type = 1, says = length): Buffer {
  return Buffer.concat([
    Buffer.of(type, says >> 16, (says >> 8) & 255, says & 255),
    Buffer.alloc(length, 0x5a),
  ]);
}

/** What a new reader says of all of `bytes` at once. */
function judge(bytes: Buffer, limit?: number): ClientHelloProgress {
  return new ClientHelloReader(limit).push(bytes);
}

/** `content` in records of the given sizes, the rest in a last one. */
function split(content: Buffer, sizes: readonly number[]): Buffer {
  const records: Buffer[] = [];
  let rest = content;
  for (const size of sizes) {
    if (rest.length <= size) break;
    records.push(record(rest.subarray(0, size)));
    rest = rest.subarray(size);
  }
  return Buffer.concat([...records, record(rest)]);
}

describe('a ClientHello', () => {
  it('of a real client is whole with its last byte and not before', async () => {
    const hello = await clientHello();
    expect(judge(hello)).toBe('whole');
    for (let length = 0; length < hello.length; length += 1)
      expect(judge(hello.subarray(0, length))).toBe('more');
  });

  it('may come byte by byte, and stays whole whatever follows', async () => {
    const hello = await clientHello();
    const reader = new ClientHelloReader();
    for (const byte of hello.subarray(0, -1)) expect(reader.push(Buffer.of(byte))).toBe('more');
    expect(reader.push(hello.subarray(-1))).toBe('whole');
    expect(reader.push(Buffer.from('GET / HTTP/1.1'))).toBe('whole');
  });

  it('may have bytes behind it', () => {
    expect(judge(Buffer.concat([record(message(100)), Buffer.alloc(50_000)]))).toBe('whole');
  });

  it('is whole at the same byte in any records and any packets', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2_000 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 12 }),
        (length, sizes, packets) => {
          const bytes = split(message(length), sizes);
          const reader = new ClientHelloReader();
          let at = 0;
          for (const size of packets) {
            const end = Math.min(bytes.length - 1, at + size);
            expect(reader.push(bytes.subarray(at, end))).toBe('more');
            at = end;
          }
          expect(reader.push(bytes.subarray(at, -1))).toBe('more');
          expect(reader.push(bytes.subarray(-1))).toBe('whole');
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('may have any minor version in its record', () => {
    for (const minor of [0, 1, 3, 255]) expect(judge(record(message(10), 22, [3, minor]))).toBe('whole');
  });
});

describe('what is no TLS', () => {
  it.each([
    ['plain HTTP', Buffer.from('G')],
    ['an alert', Buffer.of(21)],
    ['another major version', Buffer.of(22, 2)],
    ['an empty record', Buffer.of(22, 3, 1, 0, 0)],
    ['a record of 16,385 bytes', Buffer.of(22, 3, 1, 0x40, 1)],
    ['another handshake message', record(message(10, 2))],
    ['another record in the middle', Buffer.concat([record(message(10).subarray(0, 8)), Buffer.of(23)])],
  ])('%s is found at its first wrong byte', (_name, bytes) => {
    expect(judge(bytes)).toBe('notTls');
    const reader = new ClientHelloReader();
    reader.push(bytes);
    expect(reader.push(record(message(10)))).toBe('notTls');
  });

  it('a record of 16,384 bytes is one', () => {
    expect(judge(Buffer.of(22, 3, 1, 0x40, 0))).toBe('more');
  });
});

describe('the limit', () => {
  const HEADERS = 5 + 4;

  it('is kept to the byte, record headers included', () => {
    const fits = record(message(CLIENT_HELLO_BYTES - HEADERS));
    expect(fits.length).toBe(CLIENT_HELLO_BYTES);
    expect(judge(fits)).toBe('whole');
    expect(judge(record(message(CLIENT_HELLO_BYTES - HEADERS + 1)))).toBe('tooLong');
  });

  it('ends a ClientHello that says it will be longer at its header', () => {
    expect(judge(record(message(0, 1, CLIENT_HELLO_BYTES)))).toBe('more');
    expect(judge(record(message(0, 1, CLIENT_HELLO_BYTES + 1)))).toBe('tooLong');
  });

  it('counts headers of many small records', () => {
    const bytes = split(message(100), Array(200).fill(1));
    expect(bytes.length).toBe(104 * 6);
    expect(judge(bytes, bytes.length)).toBe('whole');
    expect(judge(bytes, bytes.length - 1)).toBe('tooLong');
  });
});
