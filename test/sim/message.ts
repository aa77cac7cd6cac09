/**
 * What one message of the simulated network is. Between a client and a relay: frames as objects, and opaque bytes once the
 * two are spliced. Between relays: the bytes of forwards as they are on the line, and what gossip carries.
 */
import type { ClientFrame, RelayFrame } from '../../src/wire/frames.ts';

export type Message =
  /**
   * The first of a client's connection, HELLO and nothing else, with the certificates that the handshake would have
   * shown, leaf first. What comes before HELLO in reality, TCP and TLS, is part of the dial.
   */
  | { readonly hello: Extract<ClientFrame, { type: 'hello' }>; readonly chain: readonly Buffer[] }
  /** One frame between a client and a relay, either way. */
  | { readonly frame: ClientFrame | RelayFrame }
  /** Bytes: spliced ones, from PAIRED and ACCEPT on, or those of a forward. */
  | { readonly opaque: Buffer }
  /**
   * The sender has ended its direction of a splice (FIN), and goes on reading. A relay passes it on as it does bytes; when it has
   * passed both, the splice is over and it closes both connections.
   */
  | { readonly fin: true }
  /** The first of a forward's connection: the certificates of the node that dialled. */
  | { readonly node: readonly Buffer[] }
  | GossipMessage;

/** Between two nodes that are connected. */
export type GossipMessage =
  /** An entry of `origin`, whoever passes it on; `id` tells entries apart. */
  | { readonly entry: Uint8Array; readonly origin: string; readonly id: number }
  | { readonly heartbeat: Uint8Array }
  | { readonly pull: Uint8Array; readonly id: number }
  /** Undefined: refused. */
  | { readonly page: Uint8Array | undefined; readonly id: number }
  /** The name of the dialling node, and its answer: the connection is admitted. */
  | { readonly name: string }
  | { readonly admitted: true };

/** Bytes that a message takes in buffers. Only those of streams count. */
export function sizeOf(message: Message): number {
  return 'opaque' in message ? message.opaque.length : 0;
}
