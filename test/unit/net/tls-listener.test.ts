import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CHAIN_CERTIFICATES, KEEPALIVE_MS, STREAM_BUFFER_BYTES } from '../../../src/base/limits.ts';
import { spliceLinks } from '../../../src/net/splice.ts';
import { extend, makePki, mint } from '../../support/certificates.ts';
import { errorCode, expectHealthy, openDoor, TIMEOUT_MS, tcpClient, tlsClient } from '../../support/door.ts';
import { checkLeaks, descriptors, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { HOST, tlsListener } from '../../support/net-links.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

describe('a throw of ours', () => {
  it('in onLink resets that connection only, and is logged without its text', async () => {
    let calls = 0;
    const door = await openDoor({
      onLink: () => {
        calls += 1;
        if (calls === 1) throw new Error('names 192.0.2.7');
      },
    });
    const before = descriptors();
    const code = await errorCode(tlsClient(door.port).resume());
    expect(code).toBe('ECONNRESET');
    expect(door.noise).toEqual(['internal']);
    expect(door.logged.join('')).toContain('fault of ours');
    expect(door.logged.join('')).not.toContain('192.0.2.7');
    await expectHealthy(door, before);
  });
});

describe('a link that is handed out', () => {
  it('is paused, half-open and bounded, and knows where it comes from', async () => {
    const door = await openDoor();
    const client = tlsClient(door.port);
    client.write('early');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    const [link] = door.links;
    expect(link?.source).toBe(HOST);
    expect(link?.peerChain).toEqual([]);
    expect(link?.stream.readableFlowing).toBe(null);
    expect(link?.stream.allowHalfOpen).toBe(true);
    expect(link?.stream.readableHighWaterMark).toBe(STREAM_BUFFER_BYTES);
    expect(link?.stream.writableHighWaterMark).toBe(STREAM_BUFFER_BYTES);
  });

  it('shows a chain that is too long as too long', async () => {
    const door = await openDoor();
    const leaf = mint();
    const rest = Array.from({ length: CHAIN_CERTIFICATES + 3 }, (_, index) =>
      mint({ subject: `extra ${index}` }),
    );
    const cert = [leaf, ...rest].map(({ certificate }) => certificate).join('');
    const client = tlsClient(door.port, { cert, key: leaf.key });
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    expect(door.links[0]?.peerChain).toEqual(
      [leaf, ...rest].slice(0, CHAIN_CERTIFICATES + 1).map(({ der }) => der),
    );
  });

  it('keeps apart many handshakes at once', async () => {
    const door = await openDoor();
    const clients = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const leaf = mint({ subject: `client ${index}` });
        const client = tlsClient(door.port, { cert: leaf.certificate, key: leaf.key });
        await once(client, 'secureConnect');
        client.write(leaf.der);
        return leaf;
      }),
    );
    expect(await settled(() => door.links.length === clients.length)).toBe(true);
    for (const link of door.links) {
      const [leaf] = link.peerChain;
      const [bytes] = (await once(link.stream, 'data')) as [Buffer];
      expect(leaf && bytes.equals(leaf)).toBe(true);
    }
  });

  it('passes a reset on that the kernel reported to the handshake only', async () => {
    const [far, near] = memoryLinks();
    const atFar = watch(far.stream);
    const raws: Socket[] = [];
    const done = Promise.withResolvers<string>();
    const door = await openDoor({
      onLink: (link) => {
        // Now OpenSSL is about to write its session tickets, and the client is gone.
        for (const raw of raws) raw.resetAndDestroy();
        void spliceLinks(link, near, { clock: new ManualClock(), stallMs: TIMEOUT_MS }).done.then(
          ({ outcome }) => done.resolve(outcome),
        );
      },
    });
    const raw = tcpClient(door.port);
    raws.push(raw);
    await once(raw, 'connect');
    tlsClient(door.port, { socket: raw, servername: 'localhost' });
    expect(await done.promise).toBe('aborted');
    await atFar.closed;
    expect(atFar.events).toEqual(['error:ECONNRESET', 'close']);
  });
});

describe('the door', () => {
  it('logs nothing about strangers at level info', async () => {
    const door = await openDoor();
    const client = tcpClient(door.port);
    client.write('hello?');
    await watch(client).ended;
    expect(door.noise).toHaveLength(1);
    expect(door.logged).toEqual([]);
  });

  it('has keepalive on before the first byte', async () => {
    const door = await openDoor();
    const client = tcpClient(door.port);
    await once(client, 'connect');
    expect(await settled(() => door.clock.pending === 1)).toBe(true);
    const timer = kernelTimer(door.port, client.localPort ?? 0);
    // Type 2 is keepalive; the time left is in hundredths of a second.
    expect(timer.type).toBe('02');
    expect(timer.left).toBeGreaterThan(0);
    expect(timer.left).toBeLessThanOrEqual(KEEPALIVE_MS / 10);
  });

  it('shows a new certificate to new connections and keeps the old one while the new is broken', async () => {
    const door = await openDoor();
    const fresh = makePki({ fresh: true });
    expect(() =>
      door.listener.setCredentials({ certPem: fresh.relay.certificate, keyPem: makePki().relay.key }),
    ).toThrowError(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('do not belong') }),
    );
    const old = tlsClient(door.port);
    await once(old, 'secureConnect');
    expect(old.getPeerX509Certificate()?.raw).toEqual(makePki().relay.der);

    door.listener.setCredentials({ certPem: fresh.relay.certificate, keyPem: fresh.relay.key });
    const next = tlsClient(door.port, { ca: fresh.relayCa.certificate });
    await once(next, 'secureConnect');
    expect(next.getPeerX509Certificate()?.raw).toEqual(fresh.relay.der);
    // Nothing that was set at the start was forgotten by it.
    expect(await errorCode(tlsClient(door.port, { maxVersion: 'TLSv1.2' }))).toContain('PROTOCOL_VERSION');
    expect(old.destroyed).toBe(false);
  });

  it('stops accepting and lets open links live', async () => {
    const door = await openDoor();
    const client = tlsClient(door.port);
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    door.listener.stopAccepting();
    expect(await errorCode(tlsClient(door.port))).toBe('ECONNREFUSED');
    door.links[0]?.stream.write('alive');
    expect(String((await once(client, 'data'))[0])).toBe('alive');
  });

  it('resets what is open when it closes, handshakes included', async () => {
    const door = await openDoor();
    const client = tlsClient(door.port);
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    const silent = tcpClient(door.port);
    expect(await settled(() => door.clock.pending === 1)).toBe(true);
    const [atClient, atSilent] = [watch(client), watch(silent)];
    await Promise.all([door.listener.close(), door.listener.close()]);
    await atClient.closed;
    expect(atClient.events).toEqual(['error:ECONNRESET', 'close']);
    await atSilent.ended;
    expect(door.clock.pending).toBe(0);
  });

  it('refuses credentials that are of no use', () => {
    expect(() => tlsListener({ credentials: { certPem: 'no', keyPem: 'no' } })).toThrowError(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('PEM') }),
    );
  });

  it('names a leaf only by what the peer sent', async () => {
    const door = await openDoor();
    const authority = mint({ subject: 'authority', extensions: [extend.ca(true)] });
    const leaf = mint({ issuer: authority });
    const client = tlsClient(door.port, { cert: leaf.certificate, key: leaf.key });
    await once(client, 'secureConnect');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    expect(door.links[0]?.peerChain).toEqual([leaf.der]);
  });
});

interface KernelTimer {
  readonly type: string;
  readonly left: number;
}

/** The timer of the accepted end of a connection, from the kernel's table of sockets. */
function kernelTimer(localPort: number, remotePort: number): KernelTimer {
  const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , timer = ''] = line.trim().split(/\s+/);
    if (!local.endsWith(hex(localPort)) || !remote.endsWith(hex(remotePort))) continue;
    const [type = '', left = ''] = timer.split(':');
    return { type, left: Number.parseInt(left, 16) };
  }
  return { type: 'none', left: 0 };
}
