/** A Link over TLS. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Link } from './link.ts';
import { peerChain } from './peer-chain.ts';
import { ignoreErrors, resetSocket } from './socket-reset.ts';
import { type TcpEnds, tcpEnds } from './tcp-ends.ts';

export class TlsLink implements Link {
  readonly stream: TLSSocket;
  readonly source: string;
  readonly #raw: Socket;
  #chain: readonly Buffer[] | undefined;

  /** Takes over `stream`, whose handshake is done, and `raw`, the TCP socket below it. */
  constructor(stream: TLSSocket, raw: Socket, source: string) {
    this.stream = stream;
    this.source = source;
    this.#raw = raw;
    stream.on('error', ignoreErrors);
  }

  /** Read from OpenSSL at the first use and kept; empty when the connection was closed before. */
  get peerChain(): readonly Buffer[] {
    this.#chain ??= peerChain(this.stream);
    return this.#chain;
  }

  get ends(): TcpEnds | undefined {
    return tcpEnds(this.#raw);
  }

  reset(): void {
    resetSocket(this.#raw, this.stream);
  }
}
