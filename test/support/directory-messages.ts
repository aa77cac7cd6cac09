/** Messages of the directory as a test needs them: by hand, with the fields that matter named and the rest sound. */
import { type InfoHash, parseInfoHash } from '../../src/base/info-hash.ts';
import {
  type ChangesMessage,
  encodeAdvert,
  encodeHeartbeat,
  encodePage,
  type Heartbeat,
} from '../../src/cluster/directory/codec.ts';
import { EntryTable, instancesOf, keyOf } from '../../src/cluster/directory/entries.ts';
import { Packer } from '../../src/cluster/directory/packed.ts';

/** The info_hash number `at`. */
export function hash(at: number): InfoHash {
  return parseInfoHash(at.toString(16).padStart(64, '0'));
}

/** The bridge instance number `at`. */
export function instance(at: number): string {
  return at.toString(16).padStart(32, '0');
}

/** info_hashes by number, each with the numbers of its instances; none: gone. */
export type Entries = Readonly<Record<number, readonly number[]>>;

export function packed(entries: Entries): Uint8Array {
  const packer = new Packer(1 << 20);
  for (const [at, instances] of Object.entries(entries)) {
    packer.add(keyOf(hash(Number(at))), instancesOf(...instances.map(instance)));
  }
  return packer.bytes;
}

export function tableOf(entries: Entries): EntryTable {
  const table = new EntryTable();
  for (const [at, instances] of Object.entries(entries)) {
    table.set(keyOf(hash(Number(at))), instancesOf(...instances.map(instance)));
  }
  return table;
}

/** Changes of node `b`, in its incarnation 7 unless told otherwise; nothing more to tell. */
export function changes(
  after: number,
  upto: number,
  entries: Entries,
  rest: Partial<ChangesMessage> = {},
): ChangesMessage {
  return { node: 'b', incarnation: 7, after, upto, changed: upto, packed: packed(entries), ...rest };
}

export function advert(...args: Parameters<typeof changes>): Uint8Array {
  const message = changes(...args);
  return encodeAdvert(message, message);
}

export function page(...args: Parameters<typeof changes>): Uint8Array {
  const message = changes(...args);
  return encodePage(message, message);
}

/** A heartbeat of node `b`, incarnation 7, that holds `entries`. */
export function heartbeat(
  sequence: number,
  changed: number,
  entries: Entries,
  rest: Partial<Heartbeat> = {},
): Heartbeat {
  const table = tableOf(entries);
  return {
    node: 'b',
    incarnation: 7,
    sequence,
    changed,
    count: table.size,
    digest: table.digest,
    draining: false,
    load: 3,
    forward: 'b.example:7443',
    zone: 'west',
    software: 'beacon 1',
    you: undefined,
    ...rest,
  };
}

export function beat(...args: Parameters<typeof heartbeat>): Uint8Array {
  return encodeHeartbeat(heartbeat(...args));
}
