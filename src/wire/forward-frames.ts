/** The frames of beacon-forward/1 as data. FORWARD.md, beside this file, is the specification. */
import type { RefusalCode } from '../base/errors.ts';

/** ALPN protocol name (RFC 7301) of the socket between two nodes. */
export const FORWARD_ALPN = 'beacon-forward/1';
/** The version an origin states in FORWARD. */
export const FORWARD_VERSION = 1;
/** `hops` of a request that comes from the broker's own node, the only kind there is. */
export const FORWARD_HOPS = 1;

export interface Forward {
  readonly type: 'forward';
  readonly version: number;
  /** 32 bytes. */
  readonly infoHash: Buffer;
  /** 16 bytes that name the splice to be. */
  readonly pairId: Buffer;
  /** Nodes that the request has left behind; u8. Whoever gets another number than {@link FORWARD_HOPS} refuses it. */
  readonly hops: number;
  /** Name of the broker's node. */
  readonly origin: string;
  /** The one bridge instance that the broker must reach (16 bytes), or undefined for any. */
  readonly wanted: Buffer | undefined;
  /** Bridge instances that are not wanted, at most 8 of 16 bytes. */
  readonly except: readonly Buffer[];
  /** Milliseconds that the origin will wait for READY (u32). */
  readonly timeLeftMs: number;
}

export interface Take {
  readonly type: 'take';
}

export interface Decline {
  readonly type: 'decline';
}

export interface Queued {
  readonly type: 'queued';
}

export interface Ready {
  readonly type: 'ready';
}

export interface Joined {
  readonly type: 'joined';
  /** Instance of the bridge at the other end, 16 bytes. */
  readonly bridge: Buffer;
}

export interface NotHere {
  readonly type: 'notHere';
  /** Incarnation of the holder: u64 as a whole number below 2^53. */
  readonly incarnation: number;
  /** Where the holder's directory stands (u64 below 2^53). */
  readonly sequence: number;
}

export interface ForwardRefused {
  readonly type: 'refused';
  readonly code: RefusalCode;
}

/** What the broker's node sends. */
export type OriginFrame = Forward | Take | Decline;
/** What the holder sends. */
export type HolderFrame = Queued | Ready | Joined | NotHere | ForwardRefused;
export type ForwardFrame = OriginFrame | HolderFrame;
