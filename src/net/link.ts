/** What the rest of the product sees of a connection: decrypted bytes, who is at the other end, and an abort. */
import type { Duplex } from 'node:stream';
import type { TcpEnds } from './tcp-ends.ts';

export interface Link {
  /**
   * Decrypted bytes both ways, `allowHalfOpen`: 'end' says that the peer will send no more, `end()` says the same
   * of us. Paused until somebody reads; nothing that arrived before is lost. An 'error' nobody listens for is ignored;
   * it may come without 'close' (TLS), and then the connection is of no more use.
   */
  readonly stream: Duplex;
  /** IP address of the peer as text, or of its client where a trusted PROXY header said so. Never logged at `info`. */
  readonly source: string;
  /** Of the TCP connection that this side accepted; undefined once it is closed, and where there is none. */
  readonly ends?: TcpEnds | undefined;
  /** DER certificates as the peer sent them, leaf first; empty when it sent none. Unverified on a server. */
  readonly peerChain: readonly Buffer[];
  /** Ends the connection so that the peer sees an abort (TCP reset) and not a clean end. Idempotent. */
  reset(): void;
}
