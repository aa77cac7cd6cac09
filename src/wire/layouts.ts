/**
 * The frame table of beacon/1: number, sender and fields of each frame, in the order of the wire. A test compares it
 * with the table in PROTOCOL.md.
 */
import { INFO_HASH_BYTES } from '../base/info-hash.ts';
import { AVOID_NODES, EXCEPT_INSTANCES, REFUSED_TEXT_BYTES, SOFTWARE_BYTES } from '../base/limits.ts';
import {
  bytes8,
  type Field,
  list8,
  name8,
  optionalBytes8,
  text8,
  text16,
  u32,
  u64,
  version8,
} from './fields.ts';
import {
  type Frame,
  INSTANCE_BYTES,
  PAIR_ID_BYTES,
  type Paired,
  type PathNode,
  PROTOCOL_VERSION,
  type Role,
} from './frames.ts';
import { refusalCode8 } from './refusal.ts';
import { frameTable, type Layouts } from './table.ts';

/** Who speaks. */
export type Sender = 'client' | 'relay';

/** Roles by their number in HELLO. 3 is reserved for `bootstrap`. */
export const ROLE_NUMBERS: Readonly<Record<Role, number>> = { park: 1, connect: 2 };

const version = version8(
  PROTOCOL_VERSION,
  `this relay speaks ${PROTOCOL_VERSION}; use a client of this or the neighbouring release`,
);

const role: Field<Role> = {
  notation: 'u8',
  read(from) {
    const value = from.u8();
    if (value === ROLE_NUMBERS.park) return 'park';
    if (value === ROLE_NUMBERS.connect) return 'connect';
    return from.fail(`is ${value}, this relay serves 1 (park) and 2 (connect)`, 'unsupportedVersion');
  },
  write: (to, value) => to.u8(ROLE_NUMBERS[value]),
};

const nodeName = name8(1);
const zoneName = name8(0);

const pathNode: Field<PathNode> = {
  notation: `(${nodeName.notation}, ${zoneName.notation})`,
  read: (from, before) => ({ node: nodeName.read(from, before), zone: zoneName.read(from, before) }),
  write(to, { node, zone }, before) {
    nodeName.write(to, node, before);
    zoneName.write(to, zone, before);
  },
};

const nodes = list8(pathNode, 1, 2);

const path: Field<Paired['path']> = {
  notation: nodes.notation,
  read(from, before) {
    const [own, holder] = nodes.read(from, before);
    return holder === undefined ? [own as PathNode] : [own as PathNode, holder];
  },
  write: (to, value, before) => nodes.write(to, value, before),
};

/** A field of HELLO that only a broker sends; `absent` is what a bridge's HELLO holds instead. */
function connectOnly<T>(field: Field<T>, absent: T, isAbsent: (value: T) => boolean): Field<T> {
  return {
    notation: `${field.notation} if connect`,
    read: (from, before) => (before.role === 'connect' ? field.read(from, before) : absent),
    write(to, value, before) {
      if (before.role === 'connect') field.write(to, value, before);
      else to.require(isAbsent(value), 'is for role connect only');
    },
  };
}

function connectOnlyList<T>(item: Field<T>, max: number): Field<readonly T[]> {
  return connectOnly<readonly T[]>(list8(item, 0, max), [], (items) => items.length === 0);
}

const instance = bytes8(INSTANCE_BYTES);
const pairId = bytes8(PAIR_ID_BYTES);

export const LAYOUTS: Layouts<Frame, Sender> = {
  hello: {
    number: 0x01,
    sender: 'client',
    fields: {
      version,
      role,
      infoHash: bytes8(INFO_HASH_BYTES),
      instance,
      software: text8(SOFTWARE_BYTES),
      wanted: connectOnly(optionalBytes8(INSTANCE_BYTES), undefined, (value) => value === undefined),
      except: connectOnlyList(instance, EXCEPT_INSTANCES),
      avoid: connectOnlyList(nodeName, AVOID_NODES),
    },
  },
  accept: { number: 0x02, sender: 'client', fields: { pairId } },
  parked: {
    number: 0x11,
    sender: 'relay',
    fields: { node: nodeName, zone: zoneName, incarnation: u64, pingIntervalMs: u32 },
  },
  offer: { number: 0x12, sender: 'relay', fields: { pairId } },
  waiting: { number: 0x13, sender: 'relay', fields: {} },
  paired: { number: 0x14, sender: 'relay', fields: { pairId, bridge: instance, path } },
  draining: { number: 0x15, sender: 'relay', fields: { node: nodeName } },
  goaway: { number: 0x16, sender: 'relay', fields: { reconnectAfterMs: u32 } },
  refused: {
    number: 0x17,
    sender: 'relay',
    fields: { code: refusalCode8, retryAfterMs: u32, text: text16(REFUSED_TEXT_BYTES) },
  },
  ping: { number: 0x21, sender: 'both', fields: { token: u32 } },
  pong: { number: 0x22, sender: 'both', fields: { token: u32 } },
};

export const BEACON_FRAMES = frameTable<Frame, Sender>(LAYOUTS);
