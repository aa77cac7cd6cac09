/** Both ends of a TCP connection, by their addresses. */
import type { Socket } from 'node:net';
import type { Address } from '../base/address.ts';
import { withoutZone } from '../base/ip.ts';
import { plainAddress } from './socket-reset.ts';

/** As the side that accepted the connection sees it. Hosts are IP addresses of one family, without a zone. */
export interface TcpEnds {
  /** Who connected. */
  readonly source: Address;
  /** Where to. */
  readonly destination: Address;
}

/**
 * Of `raw`, the TCP socket itself, which was accepted; undefined once it is closed. To ask a TLS socket on top of it would
 * spoil `endedByReset` (socket-reset.ts).
 */
export function tcpEnds({ remoteAddress, remotePort, localAddress, localPort }: Socket): TcpEnds | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  if (localAddress === undefined || localPort === undefined) return undefined;
  return {
    source: { host: plainAddress(withoutZone(remoteAddress)), port: remotePort },
    destination: { host: plainAddress(withoutZone(localAddress)), port: localPort },
  };
}
