/** Tunnel frames as bytes, written by hand from TUNNEL.md. */
import type { TunnelFrame, TunnelFrameType } from '../../src/tunnel/frames.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

const SESSION = '30313233343536373839 3a3b3c3d3e3f';
const BROKER_NONCE = '404142434445464748494a4b4c4d4e4f 505152535455565758595a5b5c5d5e5f';
const BRIDGE_NONCE = '606162636465666768696a6b6c6d6e6f 707172737475767778797a7b7c7d7e7f';

/** For the golden MAC: 32 times 0x07. */
export const GOLDEN_KEY = Buffer.alloc(32, 7);
export const GOLDEN_EXCHANGE = {
  key: GOLDEN_KEY,
  session: hex(SESSION),
  brokerNonce: hex(BROKER_NONCE),
  bridgeNonce: hex(BRIDGE_NONCE),
} as const;
/** HMAC-SHA256, made with another language's library, over "beacon broker", session, both nonces, and the offset 65,536. */
export const GOLDEN_MAC = '681f699e48f8b1d74af7d92ae824f3f0472e96887c0f33f89a6b859cff3e6123';

export interface GoldenTunnelFrame {
  readonly frame: TunnelFrame;
  readonly hex: string;
}

export const TUNNEL_GOLDEN: { readonly [T in TunnelFrameType]: GoldenTunnelFrame } = {
  close: { frame: { type: 'close', offset: 7 }, hex: '02 000008 0000000000000007' },
  ack: {
    frame: { type: 'ack', offset: 65_536, limit: 4_259_840 },
    hex: '03 000010 0000000000010000 0000000000410000',
  },
  abort: { frame: { type: 'abort' }, hex: '04 000000' },
  new: { frame: { type: 'new', session: hex(SESSION) }, hex: `10 000010 ${SESSION}` },
  attach: {
    frame: { type: 'attach', session: hex(SESSION), nonce: hex(BROKER_NONCE) },
    hex: `11 000030 ${SESSION} ${BROKER_NONCE}`,
  },
  challenge: { frame: { type: 'challenge', nonce: hex(BRIDGE_NONCE) }, hex: `12 000020 ${BRIDGE_NONCE}` },
  prove: {
    frame: { type: 'prove', offset: 65_536, mac: hex(GOLDEN_MAC) },
    hex: `13 000028 0000000000010000 ${GOLDEN_MAC}`,
  },
  probe: { frame: { type: 'probe', token: 42n }, hex: '20 000008 000000000000002a' },
  echo: { frame: { type: 'echo', token: 42n }, hex: '21 000008 000000000000002a' },
  leave: { frame: { type: 'leave', node: 'relay-0' }, hex: '30 000007 72656c61792d30' },
};
/** "hello" from offset 5 on. */
export const GOLDEN_DATA = {
  offset: 5,
  bytes: Buffer.from('hello'),
  hex: '01 00000d 0000000000000005 68656c6c6f',
};

export function goldenTunnelBytes(golden: { readonly hex: string }): Buffer {
  return hex(golden.hex);
}
