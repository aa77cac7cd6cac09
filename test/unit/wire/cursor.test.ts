import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { FRAME_BYTES } from '../../../src/base/limits.ts';
import { ownCopy, Reader, utf8UpTo, Writer } from '../../../src/wire/cursor.ts';

describe('ownCopy', () => {
  it('joins its parts in memory that nothing else shares', () => {
    const copy = ownCopy(Buffer.from('ab'), Buffer.from(''), Buffer.from('c'));
    expect(copy.toString()).toBe('abc');
    expect(copy.buffer.byteLength).toBe(3);
  });
});

describe('Reader', () => {
  it('reads big-endian numbers in turn', () => {
    const reader = new Reader('PING', Buffer.from('01020300000004ffffffffffffffff', 'hex'));
    expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([1, 0x0203, 4]);
    expect(reader.u64()).toBe(2n ** 64n - 1n);
  });

  it('names frame, field and what is missing', () => {
    const reader = new Reader('PING', Buffer.from('0102', 'hex'));
    reader.field = 'token';
    expect(() => reader.u32()).toThrow(
      expect.objectContaining({
        code: 'malformed',
        message: 'PING: token is cut off: the frame ends 2 bytes too early',
      }),
    );
  });
});

describe('Writer', () => {
  it('writes length, type and big-endian numbers into memory of its own', () => {
    const writer = new Writer('PING', 0x21);
    writer.u8(1);
    writer.u16(0x0203);
    writer.u32(4);
    writer.u64(2 ** 53 - 1);
    const frame = writer.finish();
    expect(frame.toString('hex')).toBe('001021' + '01' + '0203' + '00000004' + '001fffffffffffff');
    expect(frame.buffer.byteLength).toBe(frame.length);
  });

  it.each([-1, 256, 1.5, Number.NaN])('asserts that %s is no u8', (value) => {
    expect(() => new Writer('PING', 0x21).u8(value)).toThrow(AssertionError);
  });

  it('asserts that a frame ends at its limit', () => {
    const writer = new Writer('PING', 0x21);
    writer.raw(Buffer.alloc(FRAME_BYTES - 3));
    expect(writer.finish()).toHaveLength(FRAME_BYTES);
    expect(() => writer.raw(Buffer.alloc(1))).toThrow(AssertionError);
  });
});

describe('utf8UpTo', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abc', 2, 'ab'],
    ['aé', 2, 'a'],
    ['aé', 3, 'aé'],
    ['€', 2, ''],
    ['x😀y', 4, 'x'],
    ['x😀y', 5, 'x😀'],
    ['', 0, ''],
  ])('cuts %j at %i bytes to %j', (text, max, expected) => {
    expect(Buffer.from(utf8UpTo(text, max)).toString()).toBe(expected);
  });
});
