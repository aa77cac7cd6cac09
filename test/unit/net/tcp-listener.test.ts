import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import type { Link } from '../../../src/net/link.ts';
import { TcpListener, type TcpListenerOptions } from '../../../src/net/tcp-listener.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { HOST, relayCredentials, relayTrust } from '../../support/net-links.ts';
import { closed, watch } from '../../support/streams.ts';

checkLeaks();

const TIMEOUT_MS = 10_000;

interface Door {
  readonly listener: TcpListener;
  readonly port: number;
  readonly clock: ManualClock;
  readonly links: Link[];
  readonly logged: string[];
}

async function open(options: Partial<TcpListenerOptions> = {}): Promise<Door> {
  const clock = new ManualClock();
  const links: Link[] = [];
  const logged: string[] = [];
  const listener = new TcpListener({
    host: HOST,
    port: 0,
    handshakeTimeoutMs: TIMEOUT_MS,
    clock,
    log: createLog({ level: 'info', format: 'json', write: (line) => void logged.push(line) }),
    onLink: (link) => links.push(link),
    ...options,
  });
  const { port } = await listener.listen();
  onTestFinished(() => listener.close());
  return { listener, port, clock, links, logged };
}

function tlsClient(port: number, options: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({ host: HOST, port, ca: [...relayTrust().ca], ...options });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe('without a certificate', () => {
  it('hands out what is on the wire, paused and half-open', async () => {
    const door = await open();
    const client = connectTcp({ host: HOST, port: door.port, allowHalfOpen: true });
    onTestFinished(() => void client.destroy());
    client.end('request');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    const [link] = door.links;
    expect(link).toMatchObject({ source: HOST, peerChain: [] });
    expect(link?.stream.readableFlowing).toBe(null);
    const [atLink, atClient] = [link && watch(link.stream), watch(client)];
    await atLink?.ended;
    expect(atLink?.bytes.toString()).toBe('request');
    link?.stream.end('response');
    await atClient.ended;
    expect(atClient.bytes.toString()).toBe('response');
    expect(door.clock.pending).toBe(0);
  });

  it('resets only the connection whose handler throws', async () => {
    let calls = 0;
    const door = await open({
      onLink: (link) => {
        calls += 1;
        if (calls === 1) throw new RangeError('broken');
        link.stream.end('served');
      },
    });
    await closed(
      connectTcp(door.port, HOST)
        .on('error', () => {})
        .resume(),
    );
    const second = connectTcp(door.port, HOST);
    expect(String((await once(second, 'data'))[0])).toBe('served');
    second.destroy();
    expect(door.logged.join('')).toContain('fault of ours');
    expect(door.logged.join('')).not.toContain('broken');
  });
});

describe('with a certificate', () => {
  it.each([
    ['no protocol', undefined, false],
    ['HTTP/1.1 among others', ['h2', 'http/1.1'], 'http/1.1'],
  ])('serves a client that offers %s', async (_name, offered, chosen) => {
    const door = await open({ credentials: relayCredentials() });
    const client = tlsClient(door.port, { ...(offered && { ALPNProtocols: offered }) });
    await once(client, 'secureConnect');
    expect(client.alpnProtocol).toBe(chosen);
    client.write('through');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    const [link] = door.links;
    expect(link && String((await once(link.stream, 'data'))[0])).toBe('through');
  });

  it('turns away a client that speaks HTTP/2 only', async () => {
    const door = await open({ credentials: relayCredentials() });
    const [error] = await once(tlsClient(door.port, { ALPNProtocols: ['h2'] }), 'error');
    expect(error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
    expect(door.links).toEqual([]);
  });

  it('gives a handshake its time and no more', async () => {
    const door = await open({ credentials: relayCredentials() });
    const client = connectTcp(door.port, HOST).resume();
    expect(await settled(() => door.clock.pending === 1)).toBe(true);
    door.clock.advance(TIMEOUT_MS);
    await closed(client);
    expect(door.logged).toEqual([]);
  });

  it('takes a new certificate while it runs', async () => {
    const door = await open({ credentials: relayCredentials() });
    const { relay, relayCa } = makePki({ fresh: true });
    door.listener.setCredentials({ certPem: relay.certificate, keyPem: relay.key });
    const client = tlsClient(door.port, { ca: relayCa.certificate });
    await once(client, 'secureConnect');
    expect(client.getPeerX509Certificate()?.raw).toEqual(relay.der);
  });
});

describe('closing', () => {
  it('resets open links, and stopping leaves them alone', async () => {
    const door = await open();
    const client = connectTcp(door.port, HOST);
    const atClient = watch(client);
    expect(await settled(() => door.links.length === 1)).toBe(true);
    door.listener.stopAccepting();
    door.links[0]?.stream.write('alive');
    expect(String((await once(client, 'data'))[0])).toBe('alive');
    await door.listener.close();
    await atClient.closed;
    expect(atClient.events).toEqual(['error:ECONNRESET', 'close']);
  });
});
