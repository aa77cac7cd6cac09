/**
 * A server that stands where the secret store stands. The first line of a connection says what it does:
 *
 * - `echo`: sends back what comes, and ends when the client has ended
 * - `source N`: sends N bytes ({@link sourceBytes}) and ends; reads on
 * - `endless`: sends for ever
 * - `sink`: reads to the end, then says how many bytes came and their SHA-256, and ends
 * - `bye`: ends at once and reads on
 * - `cut`: sends `part` and resets the connection
 * - `cut N`: sends N bytes and then resets the connection
 * - `mute`: neither reads nor says anything
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Issued } from '../../src/pki/issue.ts';
import { settled } from './leaks.ts';

const HOST = '127.0.0.1';
const CHUNK_BYTES = 65_536;

/** One connection, as the store sees it. */
export interface Visit {
  readonly line: string;
  /** Bytes that came after the first line. */
  received: number;
  /** 'end', 'error:CODE' and 'close', in order. */
  readonly events: string[];
  readonly socket: Socket;
}

export interface Store {
  readonly port: number;
  /** Connections whose first line has come, in that order. */
  readonly visits: readonly Visit[];
  /** Connections that are open. */
  readonly open: number;
  /** The visit with that first line, once there is one. */
  visit(line: string): Promise<Visit>;
  /** Forgets the visits so far. */
  forget(): void;
  /** Resets what is open and frees the port. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Serve TLS with this certificate. */
  readonly tls?: Issued;
  /** The protocols it speaks; none: it does not know ALPN. */
  readonly alpn?: readonly string[];
}

/** The caller closes it. */
export async function startStore({ tls, alpn }: StoreOptions = {}): Promise<Store> {
  const visits: Visit[] = [];
  const sockets = new Set<Socket>();
  const onSocket = (socket: Socket): void => {
    socket.allowHalfOpen = true;
    void serve(socket, visits);
  };
  const server: Server = tls
    ? createTlsServer(
        { cert: tls.certificate, key: tls.key, ...(alpn && { ALPNProtocols: [...alpn] }) },
        onSocket,
      ).on('tlsClientError', () => {})
    : createServer({ allowHalfOpen: true }, onSocket);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    visits,
    get open() {
      return sockets.size;
    },
    visit: async (line) => {
      await settled(() => visits.some((visit) => visit.line === line), 1_000_000);
      return visits.find((visit) => visit.line === line) as Visit;
    },
    forget: () => void visits.splice(0),
    close: async () => {
      for (const socket of sockets) socket.resetAndDestroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What `source` sends from `offset` on: bytes that tell where they belong. */
export function sourceBytes(offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4) {
    const word = (offset + at) / 4;
    if (at + 4 <= length) bytes.writeUInt32BE(word >>> 0, at);
  }
  return bytes;
}

/** SHA-256 of `length` bytes of {@link sourceBytes}, in hex. */
export function sourceHash(length: number): string {
  const hash = createHash('sha256');
  for (let at = 0; at < length; at += CHUNK_BYTES)
    hash.update(sourceBytes(at, Math.min(CHUNK_BYTES, length - at)));
  return hash.digest('hex');
}

/** Writes `length` bytes of {@link sourceBytes} as fast as they are taken; false when the stream was cut. */
export async function pour(
  socket: Pick<Socket, 'write' | 'destroyed' | 'on' | 'off'>,
  length: number,
): Promise<boolean> {
  for (let at = 0; at < length && !socket.destroyed; at += CHUNK_BYTES) {
    if (socket.write(sourceBytes(at, Math.min(CHUNK_BYTES, length - at)))) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        socket.off('drain', go).off('close', go);
        resolve();
      };
      socket.on('drain', go).on('close', go);
    });
  }
  return !socket.destroyed;
}

async function serve(socket: Socket, visits: Visit[]): Promise<void> {
  const events: string[] = [];
  socket
    .once('end', () => events.push('end'))
    .on('error', (error: NodeJS.ErrnoException) => events.push(`error:${error.code}`))
    .once('close', () => events.push('close'));
  const line = await firstLine(socket);
  if (line === undefined) return;
  const visit: Visit = { line, received: 0, events, socket };
  visits.push(visit);
  const [what = '', size = '0'] = line.split(' ');
  if (what !== 'mute') socket.on('data', (chunk: Buffer) => (visit.received += chunk.length)).resume();
  await act(what, Number(size), socket);
}

async function act(what: string, size: number, socket: Socket): Promise<void> {
  switch (what) {
    case 'echo':
      socket.on('data', (chunk: Buffer) => socket.write(chunk)).once('end', () => socket.end());
      return;
    case 'source':
      if (await pour(socket, size)) socket.end();
      return;
    case 'endless':
      await pour(socket, Number.POSITIVE_INFINITY);
      return;
    case 'sink':
      return sink(socket);
    case 'bye':
      socket.end();
      return;
    case 'cut':
      if (size > 0) await pour(socket, size);
      else socket.write('part');
      await settled(() => socket.writableLength === 0, 1_000_000);
      socket.resetAndDestroy();
      return;
  }
}

function sink(socket: Socket): void {
  const hash = createHash('sha256');
  let count = 0;
  socket
    .on('data', (chunk: Buffer) => {
      hash.update(chunk);
      count += chunk.length;
    })
    .once('end', () => socket.end(`${count} ${hash.digest('hex')}\n`));
}

/** Reads up to the first newline; what follows stays in the socket. Undefined when the socket closes first. */
function firstLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      text = Buffer.concat([text, chunk]);
      const at = text.indexOf('\n');
      if (at < 0) return;
      socket.pause().off('data', onData);
      if (at + 1 < text.length) socket.unshift(text.subarray(at + 1));
      resolve(text.toString('latin1', 0, at));
    };
    socket.on('data', onData).once('close', () => resolve(undefined));
  });
}
