/**
 * The kinds of field that a frame is made of. Each kind says once how it is written, how it is read, and how
 * PROTOCOL.md and FORWARD.md spell it, so the encoder, the decoder and the documents cannot part.
 */
import { NAME_BYTES } from '../base/limits.ts';
import { ownCopy, type Reader, utf8UpTo, type Writer } from './cursor.ts';

/** What stands before the field at hand, as far as it matters: some fields of HELLO exist for one role only. */
export interface Before {
  readonly role?: unknown;
}

export interface Field<T> {
  /** How PROTOCOL.md spells this kind. */
  readonly notation: string;
  /** Throws BeaconError `malformed`; what it returns does not point into the reader's bytes. */
  read(from: Reader, before: Before): T;
  /** Asserts that `value` keeps the limits of the kind. */
  write(to: Writer, value: T, before: Before): void;
}

export const u8: Field<number> = {
  notation: 'u8',
  read: (from) => from.u8(),
  write: (to, value) => to.u8(value),
};

export const u32: Field<number> = {
  notation: 'u32',
  read: (from) => from.u32(),
  write: (to, value) => to.u32(value),
};

/** A whole number below 2^53: the largest that every language holds exactly, JSON and doubles included. */
export const u64: Field<number> = {
  notation: 'u64',
  read(from) {
    const value = from.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) from.fail('is 2^53 or more');
    return Number(value);
  },
  write: (to, value) => to.u64(value),
};

/** The version a peer speaks: `known`, or `unsupportedVersion` with `advice` on what to do. */
export function version8(known: number, advice: string): Field<number> {
  return {
    notation: 'u8',
    read(from) {
      const value = from.u8();
      return value === known ? value : from.fail(`is ${value}, ${advice}`, 'unsupportedVersion');
    },
    write(to, value) {
      to.require(value === known, `must be ${known}`);
      to.u8(value);
    },
  };
}

/** Exactly `size` bytes behind a u8 length, so that a value of another size is seen and named. */
export function bytes8(size: number): Field<Buffer> {
  return {
    notation: `bytes8[${size}]`,
    read(from) {
      const length = from.u8();
      if (length !== size) from.fail(`is ${length} bytes long, must be ${size}`);
      return ownCopy(from.take(length));
    },
    write(to, value) {
      to.require(value.length === size, `is ${value.length} bytes long, must be ${size}`);
      to.u8(size);
      to.raw(value);
    },
  };
}

/** `size` bytes, or none for undefined. */
export function optionalBytes8(size: number): Field<Buffer | undefined> {
  const present = bytes8(size);
  return {
    notation: `bytes8[0 or ${size}]`,
    read(from) {
      const length = from.u8();
      if (length === 0) return undefined;
      if (length !== size) from.fail(`is ${length} bytes long, must be 0 or ${size}`);
      return ownCopy(from.take(length));
    },
    write(to, value, before) {
      if (value === undefined) to.u8(0);
      else present.write(to, value, before);
    },
  };
}

/** UTF-8 of at most `max` bytes behind a u8 length. Writing cuts a longer text before the character that is too much. */
export function text8(max: number): Field<string> {
  return {
    notation: `text8[0..${max}]`,
    read: (from) => readText(from, from.u8(), 0, max),
    write(to, value) {
      const bytes = utf8UpTo(value, max);
      to.u8(bytes.length);
      to.raw(bytes);
    },
  };
}

/** As {@link text8}, behind a u16 length. */
export function text16(max: number): Field<string> {
  return {
    notation: `text16[0..${max}]`,
    read: (from) => readText(from, from.u16(), 0, max),
    write(to, value) {
      const bytes = utf8UpTo(value, max);
      to.u16(bytes.length);
      to.raw(bytes);
    },
  };
}

const NAME = /^[\x21-\x7e]*$/;

/** A node or zone name of `min` to 63 printable ASCII characters without blanks, behind a u8 length. Never cut. */
export function name8(min: 0 | 1): Field<string> {
  return {
    notation: `name8[${min}..${NAME_BYTES}]`,
    read(from) {
      const name = readText(from, from.u8(), min, NAME_BYTES);
      if (!NAME.test(name)) from.fail('holds a byte outside 0x21..0x7e');
      return name;
    },
    write(to, value) {
      to.require(NAME.test(value), 'must be printable ASCII without blanks');
      to.require(
        value.length >= min && value.length <= NAME_BYTES,
        `is ${value.length} bytes long, must be ${min}..${NAME_BYTES}`,
      );
      to.u8(value.length);
      to.raw(Buffer.from(value, 'latin1'));
    },
  };
}

/** `min` to `max` items behind a u8 count. */
export function list8<T>(item: Field<T>, min: number, max: number): Field<readonly T[]> {
  return {
    notation: `list8[${min}..${max}] of ${item.notation}`,
    read(from, before) {
      const count = from.u8();
      if (count < min || count > max) from.fail(`has ${count} items, must have ${min}..${max}`);
      return Array.from({ length: count }, () => item.read(from, before));
    },
    write(to, values, before) {
      to.require(
        values.length >= min && values.length <= max,
        `has ${values.length} items, must have ${min}..${max}`,
      );
      to.u8(values.length);
      for (const value of values) item.write(to, value, before);
    },
  };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readText(from: Reader, length: number, min: number, max: number): string {
  if (length < min || length > max) from.fail(`is ${length} bytes long, must be ${min}..${max}`);
  const bytes = from.take(length);
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return from.fail('is not valid UTF-8');
  }
}
