/** Whoever else knocks at a public port: TCP connections that speak no beacon/1, for tests. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { ALPN } from '../../src/wire/frames.ts';
import { nextSource } from './sources.ts';

/** A connection to 127.0.0.1, open, from a source that nobody else comes from unless one is named. */
export async function tcp(port: number, localAddress: string = nextSource()): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  await once(socket, 'connect');
  return socket;
}

/** Reads and throws away; milliseconds until the other side closes, cleanly or not. */
export function untilClosed(socket: Socket): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => {
    if (socket.closed) return resolve(0);
    socket.on('error', () => {});
    socket.on('close', () => resolve(performance.now() - start));
    socket.resume();
  });
}

/** The bytes of a ClientHello that a relay would take. */
export function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) });
    connectTls({ socket: wire, ALPNProtocols: [ALPN], rejectUnauthorized: false }).on('error', () => {});
  });
}

/** Writes one byte a second until the socket is closed. */
export function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(bytes.subarray(at, at + 1));
    at += 1;
  }, 1_000);
  socket.once('close', () => clearInterval(timer));
}
