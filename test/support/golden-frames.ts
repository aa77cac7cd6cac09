/**
 * The bytes of every frame, written by hand from PROTOCOL.md and never from the encoder's output. Blanks are for
 * the eye; each line is a field.
 */
import type { ClientFrame, RelayFrame } from '../../src/wire/frames.ts';
import type { AnyFrame } from '../../src/wire/table.ts';

export interface Golden<F extends AnyFrame = AnyFrame> {
  readonly frame: F;
  readonly hex: string;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

const INFO_HASH = 'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf b0b1b2b3b4b5b6b7b8b9babbbcbdbebf';
const BRIDGE = '10111213141516171819 1a1b1c1d1e1f';
const BROKER = '20212223242526272829 2a2b2c2d2e2f';
const PAIR_ID = '30313233343536373839 3a3b3c3d3e3f';

const parkHello = {
  type: 'hello',
  version: 1,
  role: 'park',
  infoHash: hex(INFO_HASH),
  instance: hex(BRIDGE),
  software: 'demo/1.0',
  wanted: undefined,
  except: [],
  avoid: [],
} as const;

const connectHello = { ...parkHello, role: 'connect', instance: hex(BROKER) } as const;

export const CLIENT_GOLDEN: { readonly [T in ClientFrame['type']]: readonly Golden<ClientFrame>[] } = {
  hello: [
    { frame: parkHello, hex: `003e 01 01 01 20${INFO_HASH} 10${BRIDGE} 08 64656d6f2f312e30` },
    {
      frame: { ...connectHello, software: '' },
      hex: `0039 01 01 02 20${INFO_HASH} 10${BROKER} 00 00 00 00`,
    },
    {
      frame: { ...connectHello, except: [hex(BRIDGE)], avoid: ['relay-0'] },
      hex: `005a 01 01 02 20${INFO_HASH} 10${BROKER} 08 64656d6f2f312e30
        00
        01 10${BRIDGE}
        01 07 72656c61792d30`,
    },
    {
      frame: { ...connectHello, software: 'é', wanted: hex(BRIDGE), avoid: ['a', '~!'] },
      hex: `0050 01 01 02 20${INFO_HASH} 10${BROKER} 02 c3a9
        10${BRIDGE}
        00
        02 01 61 02 7e21`,
    },
  ],
  accept: [{ frame: { type: 'accept', pairId: hex(PAIR_ID) }, hex: `0012 02 10${PAIR_ID}` }],
  ping: [{ frame: { type: 'ping', token: 7 }, hex: '0005 21 00000007' }],
  pong: [{ frame: { type: 'pong', token: 0xfffffffe }, hex: '0005 22 fffffffe' }],
};

export const RELAY_GOLDEN: { readonly [T in RelayFrame['type']]: readonly Golden<RelayFrame>[] } = {
  parked: [
    {
      frame: {
        type: 'parked',
        node: 'relay-0',
        zone: 'eu-1',
        incarnation: 1_700_000_000_000,
        pingIntervalMs: 15_000,
      },
      hex: '001a 11 07 72656c61792d30 04 65752d31 0000018bcfe56800 00003a98',
    },
    {
      frame: {
        type: 'parked',
        node: 'n',
        zone: '',
        incarnation: Number.MAX_SAFE_INTEGER,
        pingIntervalMs: 0xffffffff,
      },
      hex: '0010 11 01 6e 00 001fffffffffffff ffffffff',
    },
  ],
  offer: [{ frame: { type: 'offer', pairId: hex(PAIR_ID) }, hex: `0012 12 10${PAIR_ID}` }],
  waiting: [{ frame: { type: 'waiting' }, hex: '0001 13' }],
  paired: [
    {
      frame: {
        type: 'paired',
        pairId: hex(PAIR_ID),
        bridge: hex(BRIDGE),
        path: [{ node: 'relay-0', zone: '' }],
      },
      hex: `002d 14 10${PAIR_ID} 10${BRIDGE}
        01 07 72656c61792d30 00`,
    },
    {
      frame: {
        type: 'paired',
        pairId: hex(PAIR_ID),
        bridge: hex(BRIDGE),
        path: [
          { node: 'relay-0', zone: 'eu-1' },
          { node: 'relay-1', zone: 'eu-2' },
        ],
      },
      hex: `003e 14 10${PAIR_ID} 10${BRIDGE}
        02 07 72656c61792d30 04 65752d31
           07 72656c61792d31 04 65752d32`,
    },
  ],
  draining: [{ frame: { type: 'draining', node: 'relay-1' }, hex: '0009 15 07 72656c61792d31' }],
  goaway: [{ frame: { type: 'goaway', reconnectAfterMs: 4_000 }, hex: '0005 16 00000fa0' }],
  refused: [
    {
      frame: { type: 'refused', code: 'noBridge', retryAfterMs: 1_000, text: 'no bridge' },
      hex: '0011 17 07 000003e8 0009 6e6f20627269646765',
    },
    {
      frame: { type: 'refused', code: 'internal', retryAfterMs: 0, text: '' },
      hex: '0008 17 0c 00000000 0000',
    },
  ],
  ping: [{ frame: { type: 'ping', token: 0 }, hex: '0005 21 00000000' }],
  pong: [{ frame: { type: 'pong', token: 0x01020304 }, hex: '0005 22 01020304' }],
};

/** The bytes of a golden entry. */
export function goldenBytes(golden: Golden): Buffer {
  return hex(golden.hex);
}
