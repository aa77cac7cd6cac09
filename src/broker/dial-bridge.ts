/** From an address to a bridge: dials a relay, says HELLO, and waits until it is paired. */
import type { Clock } from '../base/clock.ts';
import type { InfoHash } from '../base/info-hash.ts';
import type { Link } from '../net/link.ts';
import type { RelayChoice } from '../tunnel/relay-dialer.ts';
import type { Route } from '../tunnel/routes.ts';
import type { PathNode } from '../wire/frames.ts';
import { connectThrough } from './connect.ts';

export interface BridgeWish {
  readonly route: Route;
  /** Instance of the one bridge to reach. Default: any. */
  readonly wanted?: Buffer;
  /** Instances not to reach. */
  readonly except?: readonly Buffer[];
  /** Nodes not to cross. */
  readonly avoid?: readonly string[];
}

/** A link to a bridge; its first opaque bytes are unread. */
export interface PairedLeg {
  readonly link: Link;
  /** The nodes that it crosses. */
  readonly path: readonly PathNode[];
  /** Instance of the bridge, 16 bytes. */
  readonly bridge: Buffer;
  /** On which the relay was reached; another one than was asked for where that one was silent. */
  readonly route: Route;
}

/** Rejects as {@link RelayChoice.dialRoute} and {@link connectThrough}. The link is the caller's. */
export type DialBridge = (wish: BridgeWish, signal: AbortSignal) => Promise<PairedLeg>;

export interface DialBridgeOptions {
  readonly dialer: RelayChoice;
  readonly infoHash: InfoHash;
  /** 16 bytes that name this process. */
  readonly instance: Buffer;
  readonly software: string;
  readonly clock: Clock;
}

export function bridgeDialer({ dialer, ...client }: DialBridgeOptions): DialBridge {
  return async ({ route: meant, ...wish }, signal) => {
    const { link, route } = await dialer.dialRoute(meant, signal);
    const { path, bridge } = await connectThrough(link, { ...client, ...wish, signal });
    return { link, path, bridge, route };
  };
}
