/** Generators of what frames are made of. Everything follows from fast-check's seed. */
import fc from 'fast-check';

/** A record like one written in source: fast-check's own may have no prototype, which deep equality tells apart. */
export const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

export const bytes = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((array) => Buffer.from(array));

export const u8 = fc.nat({ max: 0xff });
export const u32 = fc.nat({ max: 0xffff_ffff });
export const u64 = fc.nat({ max: Number.MAX_SAFE_INTEGER });

const visible = fc.integer({ min: 0x21, max: 0x7e }).map((value) => String.fromCharCode(value));
export const name = (min: 0 | 1) =>
  fc.oneof(
    fc.string({ unit: visible, minLength: min, maxLength: 8 }),
    fc.string({ unit: visible, minLength: 60, maxLength: 63 }),
  );

/** One character of one to four bytes: fast-check's own unit for that takes a second to build its table. */
const character = fc
  .oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));
export const text = (max: number) =>
  fc
    .oneof(
      fc.string({ unit: character, maxLength: 24 }),
      fc.integer({ min: max - 4, max }).map((length) => 'x'.repeat(length)),
    )
    .filter((value) => Buffer.byteLength(value) <= max);
