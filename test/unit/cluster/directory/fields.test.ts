import { encode } from 'cborg';
import { describe, expect, it } from 'vitest';
import { Fields } from '../../../../src/cluster/directory/fields.ts';

const malformed = expect.objectContaining({ code: 'malformed' });
const read = (value: unknown): Fields => new Fields('test', encode({ it: value }));

describe('Fields', () => {
  it('read what has the right shape', () => {
    expect(read(0).whole('it')).toBe(0);
    expect(read(Number.MAX_SAFE_INTEGER).whole('it')).toBe(Number.MAX_SAFE_INTEGER);
    expect(read(7).u64('it')).toBe(7n);
    expect(read(2n ** 64n - 1n).u64('it')).toBe(2n ** 64n - 1n);
    expect(read(false).flag('it')).toBe(false);
    expect(read('').name('it', 0)).toBe('');
    expect(read('n'.repeat(63)).name('it', 1)).toHaveLength(63);
    expect(read('a b').text('it', 3)).toBe('a b');
    expect(read('[::1]:7443').address('it')).toBe('[::1]:7443');
    expect(Buffer.from(read(Buffer.from([1, 2])).bytes('it'))).toEqual(Buffer.from([1, 2]));
    expect([read(1).has('it'), read(1).has('other')]).toEqual([true, false]);
  });

  it.each([
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    2n ** 63n,
    '1',
    null,
    undefined,
    [1],
    { a: 1 },
  ])('takes %s for no whole number', (value) => {
    expect(() => read(value).whole('it')).toThrow(malformed);
  });

  it('takes nothing of another shape', () => {
    expect(() => read(-1).u64('it')).toThrow(malformed);
    expect(() => read(1.5).u64('it')).toThrow(malformed);
    expect(() => read(1).flag('it')).toThrow(malformed);
    expect(() => read('').name('it', 1)).toThrow(malformed);
    expect(() => read('n'.repeat(64)).name('it', 1)).toThrow(malformed);
    expect(() => read('a b').name('it', 1)).toThrow(malformed);
    expect(() => read('ä').name('it', 1)).toThrow(malformed);
    expect(() => read(5).name('it', 1)).toThrow(malformed);
    expect(() => read('abcd').text('it', 3)).toThrow(malformed);
    expect(() => read('a\n').text('it', 3)).toThrow(malformed);
    expect(() => read('no port').address('it')).toThrow(malformed);
    expect(() => read('text').bytes('it')).toThrow(malformed);
    expect(() => read(1).flag('missing')).toThrow(/test: missing is neither/);
  });

  it("takes an object's own names for no fields", () => {
    expect(read(1).has('constructor')).toBe(false);
    expect(new Fields('test', encode(new Map([['__proto__', 5]]))).whole('__proto__')).toBe(5);
  });

  it.each([
    ['nothing', ''],
    ['a number', '01'],
    ['a list', '80'],
    ['a map that ends early', 'a1'],
    ['two maps', 'a0a0'],
    ['a map of endless length', 'bfff'],
    ['the same field twice', 'a2616101616102'],
    ['a list that claims 2^32 - 1 items', 'a161619affffffff'],
    ['a map that claims 2^64 - 1 fields', 'bbffffffffffffffff'],
    ['bytes that claim 2 GiB', 'a161615a80000000'],
    ['text that claims 2^63 bytes', 'a161617b8000000000000000'],
    ['a tag', 'c001'],
    ['text that is no UTF-8 as a number', 'a1616161ff00'],
  ])('refuses %s', (_, hex) => {
    expect(() => new Fields('test', Buffer.from(hex, 'hex'))).toThrow(malformed);
  });

  it('refuses brackets nested by the thousand, and goes on', () => {
    expect(() => new Fields('test', Buffer.alloc(8_192, 0x81))).toThrow(malformed);
    expect(() => new Fields('test', Buffer.alloc(98_304, 0x81))).toThrow(malformed);
    expect(read(1).whole('it')).toBe(1);
  });
});
