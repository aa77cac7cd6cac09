/** As golden-frames.ts, for beacon-forward/1: written by hand from FORWARD.md. */
import type { HolderFrame, OriginFrame } from '../../src/wire/forward-frames.ts';
import type { Golden } from './golden-frames.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

const INFO_HASH = 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf b0b1b2b3b4b5b6b7b8b9babbbcbdbebf';
const BRIDGE = '10111213141516171819 1a1b1c1d1e1f';
const OTHER_BRIDGE = '40414243444546474849 4a4b4c4d4e4f';
const PAIR_ID = '30313233343536373839 3a3b3c3d3e3f';

const anyBridge = {
  type: 'forward',
  version: 1,
  infoHash: hex(INFO_HASH),
  pairId: hex(PAIR_ID),
  hops: 1,
  origin: 'relay-0',
  wanted: undefined,
  except: [],
  timeLeftMs: 10_000,
} as const;

const HEAD = `01 20${INFO_HASH} 10${PAIR_ID}`;

export const ORIGIN_GOLDEN: { readonly [T in OriginFrame['type']]: readonly Golden<OriginFrame>[] } = {
  forward: [
    { frame: anyBridge, hex: `0043 01 ${HEAD} 01 07 72656c61792d30 00 00 00002710` },
    {
      frame: { ...anyBridge, except: [hex(BRIDGE)] },
      hex: `0054 01 ${HEAD} 01 07 72656c61792d30 00 01 10${BRIDGE} 00002710`,
    },
    {
      frame: {
        ...anyBridge,
        hops: 255,
        origin: 'n',
        wanted: hex(BRIDGE),
        except: [hex(BRIDGE), hex(OTHER_BRIDGE)],
        timeLeftMs: 0xffffffff,
      },
      hex: `006f 01 ${HEAD} ff 01 6e 10${BRIDGE} 02 10${BRIDGE} 10${OTHER_BRIDGE} ffffffff`,
    },
  ],
  take: [{ frame: { type: 'take' }, hex: '0001 02' }],
  decline: [{ frame: { type: 'decline' }, hex: '0001 03' }],
};

export const HOLDER_GOLDEN: { readonly [T in HolderFrame['type']]: readonly Golden<HolderFrame>[] } = {
  queued: [{ frame: { type: 'queued' }, hex: '0001 11' }],
  ready: [{ frame: { type: 'ready' }, hex: '0001 12' }],
  joined: [{ frame: { type: 'joined', bridge: hex(BRIDGE) }, hex: `0012 13 10${BRIDGE}` }],
  notHere: [
    {
      frame: { type: 'notHere', incarnation: 1_700_000_000_000, sequence: 42 },
      hex: '0011 14 0000018bcfe56800 000000000000002a',
    },
    {
      frame: { type: 'notHere', incarnation: Number.MAX_SAFE_INTEGER, sequence: 0 },
      hex: '0011 14 001fffffffffffff 0000000000000000',
    },
  ],
  refused: [
    { frame: { type: 'refused', code: 'draining' }, hex: '0002 15 0a' },
    { frame: { type: 'refused', code: 'internal' }, hex: '0002 15 0c' },
  ],
};
