/** What strangers do to a public port. Each must leave the process alive and its descriptors where they were. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { makePki } from '../../support/certificates.ts';
import {
  clientHello,
  errorCode,
  expectHealthy,
  openDoor,
  TIMEOUT_MS,
  tcpClient,
  tlsClient,
} from '../../support/door.ts';
import { checkLeaks, descriptors, settled } from '../../support/leaks.ts';
import { closed, watch } from '../../support/streams.ts';

checkLeaks();

describe('bad input at the door', () => {
  it('plain HTTP', async () => {
    const door = await openDoor();
    const before = descriptors();
    const client = tcpClient(door.port);
    client.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n');
    const atClient = watch(client);
    await atClient.ended;
    client.destroy();
    expect(door.noise).toEqual(['notTls']);
    await expectHealthy(door, before);
  });

  it('TLS 1.2', async () => {
    const door = await openDoor();
    const before = descriptors();
    const code = await errorCode(tlsClient(door.port, { maxVersion: 'TLSv1.2' }));
    expect(code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect(door.noise).toEqual(['tlsVersion']);
    await expectHealthy(door, before);
  });

  it('another ALPN', async () => {
    const door = await openDoor();
    const before = descriptors();
    const code = await errorCode(tlsClient(door.port, { ALPNProtocols: ['h2', 'http/1.1'] }));
    expect(code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
    expect(door.noise).toEqual(['alpn']);
    await expectHealthy(door, before);
  });

  it('no ALPN', async () => {
    const door = await openDoor();
    const before = descriptors();
    await closed(tlsClient(door.port, { ALPNProtocols: undefined }).resume());
    expect(door.noise).toEqual(['alpn']);
    expect(door.links).toEqual([]);
    await expectHealthy(door, before);
  });

  it.each([
    ['silence before the handshake', 0],
    ['silence within the handshake', 100],
  ])('%s', async (_name, length) => {
    const door = await openDoor();
    const before = descriptors();
    const client = tcpClient(door.port);
    client.write((await clientHello()).subarray(0, length));
    expect(await settled(() => door.clock.pending === 1)).toBe(true);
    door.clock.advance(TIMEOUT_MS - 1);
    expect(door.noise).toEqual([]);
    door.clock.advance(1);
    expect(door.noise).toEqual(['timeout']);
    client.end();
    await closed(client.resume());
    await expectHealthy(door, before);
  });

  it('one byte a second', async () => {
    const door = await openDoor();
    const before = descriptors();
    const hello = await clientHello();
    const client = tcpClient(door.port);
    await once(client, 'connect');
    for (let second = 0; second < TIMEOUT_MS / 1_000; second += 1) {
      expect(door.noise).toEqual([]);
      client.write(hello.subarray(second, second + 1));
      await settled(() => false, 10);
      door.clock.advance(1_000);
    }
    expect(door.noise).toEqual(['timeout']);
    await watch(client).ended;
    client.destroy();
    await expectHealthy(door, before);
  });

  it('a peer that leaves before or within its handshake', async () => {
    const door = await openDoor();
    const before = descriptors();
    const hello = await clientHello();
    for (const [bytes, reset] of [
      [0, false],
      [0, true],
      [100, false],
      [100, true],
    ] as const) {
      const client = tcpClient(door.port);
      await once(client, 'connect');
      client.write(hello.subarray(0, bytes));
      if (reset) client.resetAndDestroy();
      else client.end();
      await closed(client.resume());
    }
    // Without any help of the deadline: the clock stands still.
    expect(await settled(() => door.noise.length === 4)).toBe(true);
    expect(door.noise).toEqual(['closed', 'closed', 'closed', 'closed']);
    expect(door.clock.pending).toBe(0);
    await expectHealthy(door, before);
  });

  it('1,000 connections closed at once', async () => {
    const door = await openDoor();
    const before = descriptors();
    const clients = Array.from({ length: 1_000 }, () => tcpClient(door.port));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    for (const [index, client] of clients.entries()) {
      if (index % 2 === 0) client.destroy();
      else client.resetAndDestroy();
    }
    expect(await settled(() => door.clock.pending === 0)).toBe(true);
    expect(door.links).toEqual([]);
    await expectHealthy(door, before);
  });

  it('a session offered for resumption', async () => {
    const door = await openDoor();
    const { bridge, bridgeCa } = makePki();
    const identity = { cert: bridge.certificate + bridgeCa.certificate, key: bridge.key };
    const first = tlsClient(door.port, identity);
    const [session] = (await once(first, 'session')) as [Buffer];
    const second = tlsClient(door.port, { ...identity, session });
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(false);
    expect(await settled(() => door.links.length === 2)).toBe(true);
    // The reason for all this: a resumed session would show the leaf only.
    expect(door.links[1]?.peerChain).toEqual([bridge.der, bridgeCa.der]);
  });
});
