/**
 * One end of what a tunnel is compared with: HTTP/2 with the product's settings over one connection of plain mTLS, one
 * CONNECT per client, spliced as the product splices. A child process of tunnel-cpu.ts.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import { H2_SESSION_WINDOW, STALL_TIMEOUT_MS } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { dialTcp } from '../../src/net/dial.ts';
import type { Link } from '../../src/net/link.ts';
import { spliceLinks } from '../../src/net/splice.ts';
import { TcpListener } from '../../src/net/tcp-listener.ts';
import { BRIDGE_NAME, SESSION_OPTIONS } from '../../src/tunnel/http2.ts';
import { streamLink } from '../../src/tunnel/stream-link.ts';
import { LOOPBACK } from './loopback.ts';

/** Which end, its certificates, and the port that it leads to. Answers with the port on which it listens. */
export interface PlainTask {
  readonly role: 'bridge' | 'broker';
  readonly files: { readonly cert: string; readonly key: string; readonly ca: string };
  readonly to: number;
}

const TIMEOUT_MS = 10_000;

function splice(a: Link, b: Link): void {
  spliceLinks(a, b, { clock: systemClock, stallMs: STALL_TIMEOUT_MS });
}

async function bridge(files: TlsFiles, store: number): Promise<number> {
  const server = createSecureServer({
    ...SESSION_OPTIONS,
    ...files,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
  });
  server.on('session', (session) => session.setLocalWindowSize(H2_SESSION_WINDOW));
  server.on('stream', (stream: ServerHttp2Stream) => {
    const link = streamLink(stream, []);
    const options = { host: LOOPBACK, port: store, timeoutMs: TIMEOUT_MS, clock: systemClock };
    dialTcp(options).then(
      (target) => {
        stream.respond({ ':status': 200 });
        splice(link, target);
      },
      () => link.reset(),
    );
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function broker(files: TlsFiles, port: number): Promise<number> {
  const session = connect(`https://${LOOPBACK}:${port}`, {
    ...SESSION_OPTIONS,
    ...files,
    servername: BRIDGE_NAME,
    minVersion: 'TLSv1.3',
  });
  await once(session, 'connect');
  session.setLocalWindowSize(H2_SESSION_WINDOW);
  const listener = new TcpListener({
    host: LOOPBACK,
    port: 0,
    handshakeTimeoutMs: TIMEOUT_MS,
    clock: systemClock,
    log: silentLog,
    onLink: (client) => {
      splice(client, streamLink(session.request({ ':method': 'CONNECT', ':authority': 'store' }), []));
    },
  });
  return (await listener.listen()).port;
}

interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

process.once('message', ({ role, files, to }: PlainTask) => {
  const [cert, key, ca] = [files.cert, files.key, files.ca].map((file) => readFileSync(file)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const start = role === 'bridge' ? bridge : broker;
  void start({ cert, key, ca }, to).then((port) => process.send?.(port));
});
