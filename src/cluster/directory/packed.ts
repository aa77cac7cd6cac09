/**
 * Entries as bytes: info_hash (32), number of instances (1), instances (16 each), one entry after the other. No
 * instance: the entry is gone. One byte string for all of them, as a generic encoding of each would cost a third more
 * on the wire and ten times the time.
 */
import { BeaconError } from '../../base/errors.ts';
import { ENTRY_INSTANCES } from '../../base/limits.ts';
import { INSTANCE_BYTES, type Instances, KEY_BYTES, type Key } from './entries.ts';

const HEAD_BYTES = KEY_BYTES + 1;

export class Packer {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
  }

  /** False, and nothing is added, when the entry does not fit any more. */
  add(key: Key, instances: Instances): boolean {
    const end = this.#at + HEAD_BYTES + instances.length;
    if (end > this.#bytes.length) return false;
    this.#bytes.write(key, this.#at, 'latin1');
    this.#bytes[this.#at + KEY_BYTES] = instances.length / INSTANCE_BYTES;
    this.#bytes.write(instances, this.#at + HEAD_BYTES, 'latin1');
    this.#at = end;
    return true;
  }

  /** A view of what was added. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

/** Throws `malformed` unless `packed` is a run of whole entries. Allocates nothing. */
export function checkPacked(packed: Uint8Array): void {
  let at = 0;
  while (at < packed.length) {
    const count = packed[at + KEY_BYTES];
    if (count === undefined) throw new BeaconError('malformed', 'the last entry ends inside its info_hash');
    if (count > ENTRY_INSTANCES) {
      throw new BeaconError(
        'malformed',
        `an entry names ${count} instances, at most ${ENTRY_INSTANCES} may be`,
      );
    }
    at += HEAD_BYTES + count * INSTANCE_BYTES;
  }
  if (at > packed.length) throw new BeaconError('malformed', 'the last entry ends inside its instances');
}

/** Calls `visit` for each entry of `packed`, which {@link checkPacked} has passed. */
export function eachPacked(packed: Uint8Array, visit: (key: Key, instances: Instances) => void): void {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const start = at + HEAD_BYTES;
    const end = start + (bytes[at + KEY_BYTES] ?? 0) * INSTANCE_BYTES;
    visit(bytes.toString('latin1', at, at + KEY_BYTES), bytes.toString('latin1', start, end));
    at = end;
  }
}
