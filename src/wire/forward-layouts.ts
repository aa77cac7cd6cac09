/**
 * The frame table of beacon-forward/1: number, sender and fields of each frame, in the order of the wire. A test
 * compares it with the table in FORWARD.md.
 */
import { INFO_HASH_BYTES } from '../base/info-hash.ts';
import { EXCEPT_INSTANCES } from '../base/limits.ts';
import { bytes8, list8, name8, optionalBytes8, u8, u32, u64, version8 } from './fields.ts';
import { FORWARD_VERSION, type ForwardFrame } from './forward-frames.ts';
import { INSTANCE_BYTES, PAIR_ID_BYTES } from './frames.ts';
import { refusalCode8 } from './refusal.ts';
import { frameTable, type Layouts } from './table.ts';

/** Who speaks: the broker's node, or the node that it dialled. */
export type ForwardSender = 'origin' | 'holder';

const version = version8(
  FORWARD_VERSION,
  `this node speaks ${FORWARD_VERSION}; run neighbouring releases in one cluster`,
);

const instance = bytes8(INSTANCE_BYTES);

export const FORWARD_LAYOUTS: Layouts<ForwardFrame, ForwardSender> = {
  forward: {
    number: 0x01,
    sender: 'origin',
    fields: {
      version,
      infoHash: bytes8(INFO_HASH_BYTES),
      pairId: bytes8(PAIR_ID_BYTES),
      hops: u8,
      origin: name8(1),
      wanted: optionalBytes8(INSTANCE_BYTES),
      except: list8(instance, 0, EXCEPT_INSTANCES),
      timeLeftMs: u32,
    },
  },
  take: { number: 0x02, sender: 'origin', fields: {} },
  decline: { number: 0x03, sender: 'origin', fields: {} },
  queued: { number: 0x11, sender: 'holder', fields: {} },
  ready: { number: 0x12, sender: 'holder', fields: {} },
  joined: { number: 0x13, sender: 'holder', fields: { bridge: instance } },
  notHere: { number: 0x14, sender: 'holder', fields: { incarnation: u64, sequence: u64 } },
  refused: { number: 0x15, sender: 'holder', fields: { code: refusalCode8 } },
};

export const FORWARD_FRAMES = frameTable<ForwardFrame, ForwardSender>(FORWARD_LAYOUTS);
