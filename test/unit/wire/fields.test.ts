import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { Reader, Writer } from '../../../src/wire/cursor.ts';
import {
  bytes8,
  type Field,
  list8,
  name8,
  optionalBytes8,
  text8,
  text16,
  u64,
} from '../../../src/wire/fields.ts';

function read<T>(field: Field<T>, payload: string | Buffer): T {
  const reader = new Reader('FRAME', typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload);
  reader.field = 'field';
  return field.read(reader, {});
}

function write<T>(field: Field<T>, value: T): string {
  const writer = new Writer('FRAME', 0);
  field.write(writer, value, {});
  return writer.finish().subarray(3).toString('hex');
}

/** A length byte and that many times `byte`. */
function counted(length: number, byte = 0x61): Buffer {
  return Buffer.concat([Buffer.from([length]), Buffer.alloc(length, byte)]);
}

const malformed = (problem: string) =>
  expect.objectContaining({ code: 'malformed', message: `FRAME: field ${problem}` });

describe('u64', () => {
  it('takes 2^53 - 1 and refuses 2^53', () => {
    expect(read(u64, '001fffffffffffff')).toBe(2 ** 53 - 1);
    expect(() => read(u64, '0020000000000000')).toThrow(malformed('is 2^53 or more'));
    expect(() => write(u64, 2 ** 53)).toThrow(AssertionError);
  });
});

describe('bytes8', () => {
  it('takes its size only, and shows the size that came', () => {
    expect(read(bytes8(32), counted(32))).toEqual(Buffer.alloc(32, 0x61));
    expect(() => read(bytes8(32), counted(31))).toThrow(malformed('is 31 bytes long, must be 32'));
    expect(() => read(bytes8(32), counted(33))).toThrow(malformed('is 33 bytes long, must be 32'));
    expect(() => write(bytes8(2), Buffer.alloc(1))).toThrow(AssertionError);
    expect(() => write(bytes8(2), Buffer.alloc(3))).toThrow(AssertionError);
  });

  it('returns memory of its own', () => {
    const payload = counted(16);
    const value = read(bytes8(16), payload);
    payload.fill(0);
    expect(value).toEqual(Buffer.alloc(16, 0x61));
    expect(value.buffer.byteLength).toBe(16);
  });
});

describe('optionalBytes8', () => {
  it('takes none or its size', () => {
    expect(read(optionalBytes8(2), '00')).toBeUndefined();
    expect(read(optionalBytes8(2), '026162')).toEqual(Buffer.from('ab'));
    expect(() => read(optionalBytes8(2), '0161')).toThrow(malformed('is 1 bytes long, must be 0 or 2'));
    expect(write(optionalBytes8(2), undefined)).toBe('00');
    expect(() => write(optionalBytes8(2), Buffer.alloc(0))).toThrow(AssertionError);
  });
});

describe('text8 and text16', () => {
  it('take UTF-8 up to their limit', () => {
    expect(read(text8(64), counted(64))).toHaveLength(64);
    expect(() => read(text8(64), counted(65))).toThrow(malformed('is 65 bytes long, must be 0..64'));
    expect(
      read(text16(512), Buffer.concat([Buffer.from('0200', 'hex'), Buffer.alloc(512, 0x61)])),
    ).toHaveLength(512);
    expect(() => read(text16(512), Buffer.concat([Buffer.from('0201', 'hex'), Buffer.alloc(513)]))).toThrow(
      malformed('is 513 bytes long, must be 0..512'),
    );
  });

  it('keep a byte order mark and refuse what is not UTF-8', () => {
    expect(read(text8(64), '03efbbbf')).toBe('\ufeff');
    for (const invalid of ['01c3', '02c080', '03eda080', '01ff', '04f4908080']) {
      expect(() => read(text8(64), invalid)).toThrow(malformed('is not valid UTF-8'));
    }
  });

  it('are cut before the character that is too much', () => {
    expect(write(text8(2), 'aé')).toBe('0161');
    expect(write(text16(3), 'aéé')).toBe('000361c3a9');
  });
});

describe('name8', () => {
  it('takes printable ASCII without blanks, up to 63 bytes', () => {
    expect(read(name8(1), counted(63))).toHaveLength(63);
    expect(() => read(name8(1), counted(64))).toThrow(malformed('is 64 bytes long, must be 1..63'));
    expect(() => read(name8(1), '00')).toThrow(malformed('is 0 bytes long, must be 1..63'));
    expect(read(name8(0), '00')).toBe('');
    expect(read(name8(1), '02217e')).toBe('!~');
    for (const byte of [0x20, 0x7f, 0x0a]) {
      expect(() => read(name8(1), counted(1, byte))).toThrow(malformed('holds a byte outside 0x21..0x7e'));
    }
  });

  it.each(['', 'a b', 'é', 'x'.repeat(64), 'a\n'])('asserts that %j is no node name', (name) => {
    expect(() => write(name8(1), name)).toThrow(AssertionError);
  });
});

describe('list8', () => {
  const names = list8(name8(1), 1, 2);

  it('takes as many items as it may have', () => {
    expect(read(names, '010161')).toEqual(['a']);
    expect(read(names, '0201610162')).toEqual(['a', 'b']);
    expect(() => read(names, '00')).toThrow(malformed('has 0 items, must have 1..2'));
    expect(() => read(names, '03016101620163')).toThrow(malformed('has 3 items, must have 1..2'));
    expect(() => write(names, [])).toThrow(AssertionError);
    expect(() => write(names, ['a', 'b', 'c'])).toThrow(AssertionError);
  });
});
