/** A Link over TLS. */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Link } from './link.ts';
import { peerChain } from './peer-chain.ts';
import { ignoreErrors, resetSocket } from './socket-reset.ts';
import { type TcpEnds, tcpEnds } from './tcp-ends.ts';

/** As {@link TlsLink.group}. */
export function groupOf(stream: TLSSocket): string | undefined {
  const info = stream.getEphemeralKeyInfo();
  return info !== null && 'name' in info ? info.name : undefined;
}

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

  /** The group of the key exchange, such as X25519MLKEM768. Undefined on the side that was dialled: it cannot tell. */
  get group(): string | undefined {
    return groupOf(this.stream);
  }

  reset(): void {
    resetSocket(this.#raw, this.stream);
  }
}
