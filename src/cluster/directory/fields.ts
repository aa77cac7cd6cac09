/** Reads the fields of one CBOR map and trusts none of their shapes. Fields that nobody asks for are ignored. */
import { decode } from 'cborg';
import { parseAddress } from '../../base/address.ts';
import { BeaconError } from '../../base/errors.ts';
import { ADDRESS_BYTES, NAME_BYTES } from '../../base/limits.ts';

const NAME = /^[\x21-\x7e]*$/;
const TEXT = /^[\x20-\x7e]*$/;

/** A Map, never an object, for keys from the wire. Declared lengths allocate nothing: cborg grows as items come. */
const STRICT = { useMaps: true, rejectDuplicateMapKeys: true, allowIndefinite: false };

export class Fields {
  readonly #message: string;
  readonly #fields: Map<unknown, unknown>;

  /** Throws `malformed` unless `bytes` are one CBOR map. The caller has checked their length. */
  constructor(message: string, bytes: Uint8Array) {
    this.#message = message;
    this.#fields = this.#decode(bytes);
  }

  has(field: string): boolean {
    return this.#fields.has(field);
  }

  /** A whole number from 0 to 2^53 - 1. */
  whole(field: string): number {
    const value = this.#fields.get(field);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      return this.fail(field, 'is not a whole number from 0 to 2^53 - 1');
    }
    return value;
  }

  /** A whole number from 0 to 2^64 - 1. */
  u64(field: string): bigint {
    const value = this.#fields.get(field);
    return typeof value === 'bigint' && value >= 0n && value < 2n ** 64n ? value : BigInt(this.whole(field));
  }

  flag(field: string): boolean {
    const value = this.#fields.get(field);
    return typeof value === 'boolean' ? value : this.fail(field, 'is neither true nor false');
  }

  /** A node or zone name: `min` to 63 printable ASCII characters without blanks. */
  name(field: string, min: 0 | 1): string {
    const value = this.#string(field, min, NAME_BYTES);
    return NAME.test(value) ? value : this.fail(field, 'holds a character outside 0x21..0x7e');
  }

  /** At most `max` printable ASCII characters. */
  text(field: string, max: number): string {
    const value = this.#string(field, 0, max);
    return TEXT.test(value) ? value : this.fail(field, 'holds a character outside 0x20..0x7e');
  }

  /** host:port. */
  address(field: string): string {
    const value = this.text(field, ADDRESS_BYTES);
    try {
      // Without a host: the one by which the reader knows the writer.
      parseAddress(value, { allowAnyHost: true });
    } catch (cause) {
      return this.fail(field, 'is not host:port', { cause });
    }
    return value;
  }

  bytes(field: string): Uint8Array {
    const value = this.#fields.get(field);
    return value instanceof Uint8Array ? value : this.fail(field, 'is not a byte string');
  }

  fail(field: string, problem: string, options: { readonly cause?: unknown } = {}): never {
    throw new BeaconError('malformed', `${this.#message}: ${field} ${problem}`, options);
  }

  #string(field: string, min: number, max: number): string {
    const value = this.#fields.get(field);
    if (typeof value !== 'string') return this.fail(field, 'is not text');
    if (value.length < min || value.length > max) {
      return this.fail(field, `is ${value.length} characters long, must be ${min}..${max}`);
    }
    return value;
  }

  #decode(bytes: Uint8Array): Map<unknown, unknown> {
    let value: unknown;
    try {
      value = decode(bytes, STRICT);
    } catch (cause) {
      // cborg's own complaint, or a stack that overflowed on brackets nested by the thousand.
      throw new BeaconError('malformed', `${this.#message}: is not CBOR`, { cause });
    }
    if (value instanceof Map) return value;
    throw new BeaconError('malformed', `${this.#message}: is not a CBOR map`);
  }
}
