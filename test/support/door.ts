/** A TLS listener with a clock that stands still, and all that it said; and clients that knock at it. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { expect, onTestFinished } from 'vitest';
import { createLog } from '../../src/base/log.ts';
import type { Link } from '../../src/net/link.ts';
import type { NoiseReason } from '../../src/net/noise.ts';
import type { TlsListener, TlsListenerOptions } from '../../src/net/tls-listener.ts';
import { descriptors, settled } from './leaks.ts';
import { ManualClock } from './manual-clock.ts';
import { memoryLinks } from './memory-link.ts';
import { HOST, relayTrust, TEST_ALPN, tlsListener } from './net-links.ts';

export const TIMEOUT_MS = 10_000;

export interface OpenDoor {
  readonly listener: TlsListener;
  readonly port: number;
  readonly clock: ManualClock;
  readonly links: Link[];
  readonly noise: NoiseReason[];
  readonly logged: string[];
}

export async function openDoor(options: Partial<TlsListenerOptions> = {}): Promise<OpenDoor> {
  const clock = new ManualClock();
  const links: Link[] = [];
  const noise: NoiseReason[] = [];
  const logged: string[] = [];
  const listener = tlsListener({
    clock,
    handshakeTimeoutMs: TIMEOUT_MS,
    log: createLog({ level: 'info', format: 'json', write: (line) => void logged.push(line) }),
    onNoise: (reason) => noise.push(reason),
    ...options,
    onLink: (link, entry) => {
      links.push(link);
      options.onLink?.(link, entry);
    },
  });
  const { port } = await listener.listen();
  onTestFinished(() => listener.close());
  return { listener, port, clock, links, noise, logged };
}

export function tcpClient(port: number): Socket {
  const socket = connectTcp({ host: HOST, port, allowHalfOpen: true });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

export function tlsClient(port: number, options: ConnectionOptions = {}): TLSSocket {
  const { ca } = relayTrust();
  const socket = connectTls({ host: HOST, port, ca: [...ca], ALPNProtocols: [TEST_ALPN], ...options });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

export async function errorCode(socket: TLSSocket): Promise<string | undefined> {
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

/** The first flight of a TLS client, as bytes. */
export async function clientHello(): Promise<Buffer> {
  const [below, far] = memoryLinks();
  const client = connectTls({ socket: below.stream, ALPNProtocols: [TEST_ALPN] });
  client.on('error', () => {});
  const [bytes] = (await once(far.stream, 'data')) as [Buffer];
  client.destroy();
  far.reset();
  return bytes;
}

/** Descriptors come back to `before`, and the next client is served. */
export async function expectHealthy(door: OpenDoor, before: number | undefined): Promise<void> {
  expect(await settled(() => (descriptors() ?? 0) <= (before ?? 0))).toBe(true);
  const served = door.links.length + 1;
  const client = tlsClient(door.port);
  await once(client, 'secureConnect');
  expect(await settled(() => door.links.length === served)).toBe(true);
}
