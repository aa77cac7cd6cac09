/** A Link over plain TCP. */
import type { Socket } from 'node:net';
import type { Link } from './link.ts';
import { ignoreErrors, resetSocket } from './socket-reset.ts';
import { type TcpEnds, tcpEnds } from './tcp-ends.ts';

export class TcpLink implements Link {
  readonly stream: Socket;
  readonly source: string;
  readonly peerChain: readonly Buffer[] = [];

  /** Takes over `socket`, which is connected, half-open and has not been read from. */
  constructor(socket: Socket, source: string) {
    this.stream = socket;
    this.source = source;
    socket.on('error', ignoreErrors);
  }

  get ends(): TcpEnds | undefined {
    return tcpEnds(this.stream);
  }

  reset(): void {
    resetSocket(this.stream, this.stream);
  }
}
