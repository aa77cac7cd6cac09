/** A TLS acceptor with a budget of handshakes on a real port, and all that it said. Time stands still. */
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { Handshakes } from '../../src/net/door/handshakes.ts';
import type { Link } from '../../src/net/link.ts';
import type { NoiseReason } from '../../src/net/noise.ts';
import { SocketServer } from '../../src/net/socket-server.ts';
import { TlsAcceptor, type TlsAcceptorOptions } from '../../src/net/tls-acceptor.ts';
import { TIMEOUT_MS } from './door.ts';
import { ManualClock } from './manual-clock.ts';
import { HOST, relayCredentials, TEST_ALPN } from './net-links.ts';

export interface BudgetDoor {
  readonly port: number;
  readonly clock: ManualClock;
  readonly handshakes: Handshakes;
  /** Sockets that were accepted, in order. */
  readonly accepted: readonly Socket[];
  readonly links: readonly Link[];
  readonly noise: readonly NoiseReason[];
}

/** Closed after the test. */
export async function openBudgetDoor(options: Partial<TlsAcceptorOptions> = {}): Promise<BudgetDoor> {
  const clock = new ManualClock();
  const handshakes = new Handshakes({ clock, idleMs: () => clock.now() });
  const accepted: Socket[] = [];
  const links: Link[] = [];
  const noise: NoiseReason[] = [];
  const acceptor = new TlsAcceptor({
    credentials: relayCredentials(),
    alpn: TEST_ALPN,
    alpnRequired: true,
    minVersion: 'TLSv1.3',
    requestCert: true,
    handshakeTimeoutMs: TIMEOUT_MS,
    clock,
    handshakes,
    onLink: (link, raw) => {
      server.adopt(raw, link);
      links.push(link);
    },
    onNoise: (reason) => noise.push(reason),
    ...options,
  });
  const server = new SocketServer({
    host: HOST,
    port: 0,
    onSocket: (socket, source) => {
      accepted.push(socket);
      acceptor.accept(socket, source);
    },
    onFailure: () => noise.push('internal'),
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  return { port, clock, handshakes, accepted, links, noise };
}
