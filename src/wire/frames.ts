/** The frames of beacon/1 as data. PROTOCOL.md, beside this file, is the specification. */
import type { RefusalCode } from '../base/errors.ts';

/** ALPN protocol name (RFC 7301) of the outer TLS connection. */
export const ALPN = 'beacon/1';
/** The version a client states in HELLO. */
export const PROTOCOL_VERSION = 1;
/** Bytes of a bridge or broker instance id: random, one per process. */
export const INSTANCE_BYTES = 16;
/** Bytes of a pair id: random, one per offer. */
export const PAIR_ID_BYTES = 16;

/** What a client is here for. A role `bootstrap` is reserved and refused. */
export type Role = 'park' | 'connect';

export interface Hello {
  readonly type: 'hello';
  readonly version: number;
  readonly role: Role;
  /** 32 bytes. */
  readonly infoHash: Buffer;
  /** 16 bytes that name the sending process. */
  readonly instance: Buffer;
  /** Name and version of the client, at most 64 bytes of UTF-8. */
  readonly software: string;
  /** connect: the one bridge instance that this leg must reach (16 bytes), or undefined for any. */
  readonly wanted: Buffer | undefined;
  /** connect: bridge instances that are not wanted, at most 8 of 16 bytes. */
  readonly except: readonly Buffer[];
  /** connect: names of nodes that the path must not cross, at most 4. */
  readonly avoid: readonly string[];
}

/** Either direction. `token` (u32) comes back in the pong. */
export interface Ping {
  readonly type: 'ping';
  readonly token: number;
}

export interface Pong {
  readonly type: 'pong';
  readonly token: number;
}

export interface Accept {
  readonly type: 'accept';
  readonly pairId: Buffer;
}

export interface Parked {
  readonly type: 'parked';
  readonly node: string;
  /** Empty where the operator named none. */
  readonly zone: string;
  /** Incarnation of the node: u64 as a whole number below 2^53. */
  readonly incarnation: number;
  /** Milliseconds between the relay's pings (u32). */
  readonly pingIntervalMs: number;
}

export interface Offer {
  readonly type: 'offer';
  readonly pairId: Buffer;
}

export interface Waiting {
  readonly type: 'waiting';
}

/** A node of a path. */
export interface PathNode {
  readonly node: string;
  /** Empty where the operator named none. */
  readonly zone: string;
}

export interface Paired {
  readonly type: 'paired';
  readonly pairId: Buffer;
  /** Instance of the bridge at the other end. */
  readonly bridge: Buffer;
  /** The broker's node, then the holder where that is another one. */
  readonly path: readonly [PathNode] | readonly [PathNode, PathNode];
}

export interface Draining {
  readonly type: 'draining';
  readonly node: string;
}

export interface GoAway {
  readonly type: 'goaway';
  /** Milliseconds after which the client should have moved (u32). */
  readonly reconnectAfterMs: number;
}

export interface Refused {
  readonly type: 'refused';
  readonly code: RefusalCode;
  /** Milliseconds to wait before another try (u32); 0: no time is named. */
  readonly retryAfterMs: number;
  /** For people, at most 512 bytes of UTF-8. */
  readonly text: string;
}

/** What a client sends. */
export type ClientFrame = Hello | Ping | Pong | Accept;
/** What a relay sends. */
export type RelayFrame = Parked | Offer | Waiting | Ping | Pong | Paired | Draining | GoAway | Refused;
export type Frame = ClientFrame | RelayFrame;
