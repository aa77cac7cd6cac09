/** The header is read from real sockets, and TLS goes on behind it as if it had not been there. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PROXY_HEADER_TIMEOUT_MS, PROXY_V2_BYTES } from '../../../../src/base/limits.ts';
import { type ProxyHeaderRead, readProxyHeader } from '../../../../src/net/door/read-proxy-header.ts';
import type { NoiseReason } from '../../../../src/net/noise.ts';
import { SocketServer } from '../../../../src/net/socket-server.ts';
import { TlsAcceptor } from '../../../../src/net/tls-acceptor.ts';
import type { TlsLink } from '../../../../src/net/tls-link.ts';
import { clientHello, tcpClient } from '../../../support/door.ts';
import { checkLeaks, descriptors, settled } from '../../../support/leaks.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { HOST, relayCredentials, relayTrust, TEST_ALPN } from '../../../support/net-links.ts';
import { proxyLocal, proxyV1, proxyV2, rawProxyV2 } from '../../../support/proxy-header.ts';
import { watch } from '../../../support/streams.ts';

checkLeaks();

const CLIENT = { source: '192.0.2.1', sourcePort: 54_321 };
const FROM_CLIENT = { kind: 'client', address: '192.0.2.1', port: 54_321 };
const MANY_FIELDS = proxyV2(CLIENT, [{ type: 4, value: Buffer.alloc(PROXY_V2_BYTES - 28 - 3, 0x16) }]);

interface Scene {
  readonly port: number;
  readonly clock: ManualClock;
  readonly reads: ProxyHeaderRead[];
  readonly accepted: Socket[];
}

/** `onRead` gets the socket in the turn in which its header was read. */
async function listen(onRead: (read: ProxyHeaderRead, socket: Socket) => void = () => {}): Promise<Scene> {
  const clock = new ManualClock();
  const reads: ProxyHeaderRead[] = [];
  const accepted: Socket[] = [];
  const server = new SocketServer({
    host: HOST,
    port: 0,
    onSocket: (socket) => {
      accepted.push(socket);
      const read = (result: ProxyHeaderRead): void => {
        reads.push(result);
        onRead(result, socket);
      };
      readProxyHeader(socket, { clock, onRead: read });
    },
    onFailure: (error) => expect.unreachable(String(error)),
  });
  const { port } = await server.listen();
  onTestFinished(() => server.close());
  return { port, clock, reads, accepted };
}

/** As {@link listen}, and whoever has a header gets TLS. */
async function listenTls() {
  const links: TlsLink[] = [];
  const noise: NoiseReason[] = [];
  const acceptor = new TlsAcceptor({
    credentials: relayCredentials(),
    alpn: TEST_ALPN,
    alpnRequired: true,
    minVersion: 'TLSv1.3',
    requestCert: false,
    handshakeTimeoutMs: 10_000,
    clock: new ManualClock(),
    onLink: (link) => links.push(link),
    onNoise: (reason) => noise.push(reason),
  });
  const scene = await listen((read, socket) => {
    if (read.kind === 'client') acceptor.accept(socket, read.address);
  });
  return { ...scene, acceptor, links, noise };
}

/** Whether the first byte that comes back is that of a handshake record (RFC 8446, section 5.1). */
async function answers(client: Socket): Promise<boolean> {
  const [flight] = (await once(client, 'data')) as [Buffer];
  client.destroy();
  return flight[0] === 22;
}

/** Resolves once the other side has closed, cleanly or not. */
async function dropped(client: Socket): Promise<void> {
  const { ended, closed } = watch(client);
  await Promise.race([ended.catch(() => {}), closed]);
  client.destroy();
}

/** Writes `bytes` one at a time, each read by the other side before the next is sent. */
async function drip({ accepted }: Scene, client: Socket, bytes: Buffer): Promise<void> {
  expect(await settled(() => accepted.length === 1)).toBe(true);
  for (const [at] of bytes.entries()) {
    client.write(bytes.subarray(at, at + 1));
    expect(await settled(() => (accepted[0]?.bytesRead ?? 0) > at)).toBe(true);
  }
}

describe('readProxyHeader', () => {
  it.each([
    ['version 1', proxyV1(CLIENT), FROM_CLIENT],
    ['version 2', proxyV2(CLIENT), FROM_CLIENT],
    ['version 2 of the greatest length', MANY_FIELDS, FROM_CLIENT],
    ['LOCAL', proxyLocal(), { kind: 'local' }],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), { kind: 'unknown' }],
  ])('reads %s in one packet and byte by byte, and leaves the rest', async (_name, header, expected) => {
    for (const whole of [true, false]) {
      const rest: string[] = [];
      const scene = await listen((_read, socket) => {
        socket.on('data', (bytes: Buffer) => rest.push(bytes.toString()));
      });
      const client = tcpClient(scene.port);
      if (whole) client.write(Buffer.concat([header, Buffer.from('first ')]));
      else {
        await drip(scene, client, header);
        client.write('first ');
      }
      expect(await settled(() => rest.length === 1)).toBe(true);
      client.write('second');
      expect(await settled(() => rest.join('') === 'first second')).toBe(true);
      expect(scene.reads).toEqual([expected]);
      expect(scene.clock.pending).toBe(0);
    }
  });

  it.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'signature'],
    ['a broken line', Buffer.from('PROXY TCP4 1.2.3.4\r\n'), 'address'],
    ['a line without end', Buffer.alloc(500, 'PROXY '), 'tooLong'],
    ['a binary header that is too long', rawProxyV2(0x21, 0x11, Buffer.alloc(PROXY_V2_BYTES)), 'tooLong'],
  ])('closes on %s', async (_name, bytes, detail) => {
    const scene = await listen();
    const client = tcpClient(scene.port);
    client.write(bytes);
    await dropped(client);
    expect(scene.reads).toEqual([{ kind: 'failed', reason: 'proxyHeader', detail }]);
    expect(scene.accepted[0]?.destroyed).toBe(true);
    expect(scene.clock.pending).toBe(0);
  });

  it('closes on a ClientHello without a header', async () => {
    const scene = await listen();
    const client = tcpClient(scene.port);
    client.write(await clientHello());
    await dropped(client);
    expect(scene.reads).toEqual([{ kind: 'failed', reason: 'proxyHeader', detail: 'signature' }]);
  });

  it.each([
    ['silence', Buffer.alloc(0)],
    ['half a header', proxyV1(CLIENT).subarray(0, 20)],
  ])('closes on %s after a second, and not before', async (_name, bytes) => {
    const scene = await listen();
    const client = tcpClient(scene.port);
    client.write(bytes);
    expect(await settled(() => scene.accepted[0]?.bytesRead === bytes.length)).toBe(true);
    scene.clock.advance(PROXY_HEADER_TIMEOUT_MS - 1);
    expect(scene.reads).toEqual([]);
    scene.clock.advance(1);
    expect(scene.reads).toEqual([{ kind: 'failed', reason: 'timeout' }]);
    await dropped(client);
  });

  it('takes a header that lay unread when its time was up', async () => {
    const scene = await listen();
    const client = tcpClient(scene.port);
    await once(client, 'connect');
    expect(await settled(() => scene.accepted.length === 1)).toBe(true);
    // The deadline passes in a turn in which the header is in the kernel only; the reader looks one turn later.
    client.write(proxyV1(CLIENT));
    const { after } = scene.clock;
    scene.clock.after = (ms, run) => {
      if (ms > 0) return after.call(scene.clock, ms, run);
      let turn = setImmediate(() => {
        turn = setImmediate(run);
      });
      return { cancel: () => clearImmediate(turn) };
    };
    scene.clock.advance(PROXY_HEADER_TIMEOUT_MS);
    expect(await settled(() => scene.reads.length === 1)).toBe(true);
    expect(scene.reads).toEqual([FROM_CLIENT]);
  });

  it.each([
    ['ends', (client: Socket) => client.end()],
    ['is reset', (client: Socket) => client.resetAndDestroy()],
  ])('says closed when the peer %s within the header', async (_name, leave) => {
    const before = descriptors() ?? 0;
    const scene = await listen();
    const client = tcpClient(scene.port);
    client.write('PROXY TCP4 ');
    expect(await settled(() => scene.accepted[0]?.bytesRead === 11)).toBe(true);
    leave(client);
    expect(await settled(() => scene.reads.length === 1)).toBe(true);
    expect(scene.reads).toEqual([{ kind: 'failed', reason: 'closed' }]);
    expect(scene.clock.pending).toBe(0);
    client.destroy();
    // The listener itself is one more.
    expect(await settled(() => (descriptors() ?? 0) <= before + 1)).toBe(true);
  });
});

describe('TLS behind a header', () => {
  it.each([
    ['version 1', proxyV1(CLIENT)],
    ['version 2', proxyV2(CLIENT)],
    ['version 2 with many fields', MANY_FIELDS],
  ])('does its handshake and carries bytes both ways: %s', async (_name, header) => {
    const scene = await listenTls();
    const raw = tcpClient(scene.port);
    raw.write(header);
    const client = connectTls({ socket: raw, ca: [...relayTrust().ca], ALPNProtocols: [TEST_ALPN] });
    await once(client, 'secureConnect');
    expect(await settled(() => scene.links.length === 1)).toBe(true);
    const link = scene.links[0];
    expect(link?.source).toBe('192.0.2.1');
    const [atServer, atClient] = [watch(link?.stream as TlsLink['stream']), watch(client)];
    client.end('question');
    await atServer.ended;
    link?.stream.end('answer');
    await atClient.ended;
    expect([String(atServer.bytes), String(atClient.bytes)]).toEqual(['question', 'answer']);
    await atServer.closed;
  });

  it('answers a ClientHello that came in one packet with the header', async () => {
    const scene = await listenTls();
    const client = tcpClient(scene.port);
    client.write(Buffer.concat([proxyV2(CLIENT), await clientHello()]));
    expect(await answers(client)).toBe(true);
    expect(await settled(() => scene.noise.length === 1)).toBe(true);
    expect(scene.noise).toEqual(['closed']);
  });

  it('answers a ClientHello of which the first bytes came with the header', async () => {
    const scene = await listenTls();
    const client = tcpClient(scene.port);
    const bytes = Buffer.concat([proxyV2(CLIENT), await clientHello()]);
    client.write(bytes.subarray(0, 60));
    expect(await settled(() => scene.reads.length === 1)).toBe(true);
    client.write(bytes.subarray(60));
    expect(await answers(client)).toBe(true);
  });

  it('notices a peer that sent all at once and left', async () => {
    const scene = await listenTls();
    const client = tcpClient(scene.port);
    client.end(Buffer.concat([proxyV1(CLIENT), (await clientHello()).subarray(0, 40)]));
    await dropped(client);
    expect(scene.noise).toEqual(['closed']);
    expect(scene.accepted[0]?.destroyed).toBe(true);
  });

  it('takes a header from somebody who is not trusted for what it is: no TLS', async () => {
    for (const header of [proxyV1(CLIENT), proxyV2(CLIENT), proxyLocal()]) {
      const { acceptor, noise } = await listenTls();
      const server = new SocketServer({
        host: HOST,
        port: 0,
        onSocket: (socket, source) => acceptor.accept(socket, source),
        onFailure: () => {},
      });
      onTestFinished(() => server.close());
      const client = tcpClient((await server.listen()).port);
      client.write(Buffer.concat([header, await clientHello()]));
      await dropped(client);
      expect(noise).toEqual(['notTls']);
    }
  });
});
