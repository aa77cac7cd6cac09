import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import { STREAM_BUFFER_BYTES } from '../../../src/base/limits.ts';
import { type DialTlsOptions, dialTcp, dialTls } from '../../../src/net/dial.ts';
import type { TlsLink } from '../../../src/net/tls-link.ts';
import { extend, type Minted, makePki, mint } from '../../support/certificates.ts';
import { openDoor } from '../../support/door.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { HOST, relayTrust, TEST_ALPN } from '../../support/net-links.ts';
import { watch } from '../../support/streams.ts';
import { serve } from '../../support/tcp-server.ts';

checkLeaks();

const TIMEOUT_MS = 10_000;
const DAY_MS = 24 * 3_600_000;

/** What `promise` was rejected with. */
async function failure(promise: Promise<unknown>): Promise<BeaconError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof BeaconError) return error;
    throw error;
  }
  throw new Error('was not rejected');
}

async function dial(port: number, options: Partial<DialTlsOptions> = {}): Promise<TlsLink> {
  const link = await dialTls({
    host: HOST,
    port,
    alpn: TEST_ALPN,
    trust: relayTrust(),
    timeoutMs: TIMEOUT_MS,
    clock: systemClock,
    ...options,
  });
  onTestFinished(() => link.reset());
  return link;
}

async function listening(server: Server, stop: () => void): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  onTestFinished(async () => {
    stop();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A door with the certificate `leaf`, and what dialling it under `ca` says. */
async function judge(leaf: Minted, ca: Minted, options: Partial<DialTlsOptions> = {}): Promise<BeaconError> {
  const door = await openDoor({ credentials: { certPem: leaf.certificate, keyPem: leaf.key } });
  return failure(dial(door.port, { trust: { ca: [ca.certificate] }, ...options }));
}

const authority = (subject = 'test authority'): Minted => mint({ subject, extensions: [extend.ca(true)] });

describe('dialTls', () => {
  it('hands out a link that is paused, half-open and bounded, and shows our chain', async () => {
    const { broker, bridgeCa, relay } = makePki();
    const door = await openDoor();
    const link = await dial(door.port, {
      identity: { certPem: broker.certificate + bridgeCa.certificate, keyPem: broker.key },
    });
    expect(link.source).toBe(HOST);
    expect(link.peerChain[0]).toEqual(relay.der);
    expect(link.stream.readableFlowing).toBe(null);
    expect(link.stream.allowHalfOpen).toBe(true);
    expect(link.stream.getProtocol()).toBe('TLSv1.3');
    expect(link.stream.readableHighWaterMark).toBe(STREAM_BUFFER_BYTES);
    expect(await settled(() => door.links.length === 1)).toBe(true);
    expect(door.links[0]?.peerChain).toEqual([broker.der, bridgeCa.der]);
  });

  it('goes by the name of the certificate', async () => {
    const door = await openDoor();
    await dial(door.port, { servername: 'localhost' });
    await dial(door.port, { host: 'localhost' });
    const error = await failure(dial(door.port, { servername: 'relay.example' }));
    expect(error).toMatchObject({ code: 'untrusted', retry: false });
    expect(error.message).toMatch(/another name.*--beacon-ca/);
  });

  it.each(['another authority', 'test authority'])(
    'refuses a certificate of %s than the trusted one',
    async (name) => {
      const [trusted, other] = [authority(), authority(name)];
      const leaf = mint({ issuer: other, extensions: [extend.dns('localhost')] });
      const error = await judge(leaf, trusted, { servername: 'localhost' });
      expect(error).toMatchObject({ code: 'untrusted', retry: false });
      expect(error.message).toMatch(/authority that is not trusted.*--beacon-ca.*--beacon-pin/);
    },
  );

  it('refuses a self-signed certificate', async () => {
    const leaf = mint({ extensions: [extend.dns('localhost')] });
    const error = await judge(leaf, authority(), { servername: 'localhost' });
    expect(error.code).toBe('untrusted');
    expect(error.message).toMatch(/self-signed/);
  });

  it('refuses a private authority when only the system is trusted', async () => {
    const door = await openDoor();
    const error = await failure(dial(door.port, { trust: {} }));
    expect(error.code).toBe('untrusted');
  });

  it.each([
    ['has expired', -2 * DAY_MS, -DAY_MS, /has expired; renew it/],
    ['is not valid yet', DAY_MS, 2 * DAY_MS, /not valid yet; correct/],
  ])('refuses a certificate that %s', async (_name, from, to, text) => {
    const issuer = authority();
    const now = systemClock.wall();
    const leaf = mint({
      issuer,
      extensions: [extend.dns('localhost')],
      notBeforeMs: now + from,
      notAfterMs: now + to,
    });
    const error = await judge(leaf, issuer, { servername: 'localhost' });
    expect(error).toMatchObject({ code: 'untrusted', retry: false });
    expect(error.message).toMatch(text);
  });

  it('accepts a good certificate of the same making, so the refusals above say something', async () => {
    const issuer = authority();
    const leaf = mint({ issuer, extensions: [extend.dns('localhost')] });
    const door = await openDoor({ credentials: { certPem: leaf.certificate, keyPem: leaf.key } });
    await dial(door.port, { trust: { ca: [issuer.certificate] }, servername: 'localhost' });
  });

  it('refuses TLS 1.2 unless told otherwise', async () => {
    const { relay } = makePki();
    const server = createTlsServer({ cert: relay.certificate, key: relay.key, maxVersion: 'TLSv1.2' });
    server.on('secureConnection', (socket) => socket.on('error', () => {}).resume());
    const port = await listening(server, () => {});
    const error = await failure(dial(port, { alpnRequired: false }));
    expect(error).toMatchObject({ code: 'closed', retry: false });
    expect(error.message).toMatch(/not a beacon relay: .*version of TLS/);
    const old = await dial(port, { alpnRequired: false, minVersion: 'TLSv1.2' });
    old.stream.resume().end();
    await once(old.stream, 'close');
  });

  it('lets the caller judge the chain', async () => {
    const door = await openDoor();
    const verdict = new BeaconError('untrusted', 'not this one');
    let seen: readonly Buffer[] = [];
    const judgePeer = (chain: readonly Buffer[]): BeaconError => {
      seen = chain;
      return verdict;
    };
    expect(await failure(dial(door.port, { judgePeer }))).toBe(verdict);
    expect(seen[0]).toEqual(makePki().relay.der);
    // The reset may overtake the end of the relay's handshake. Either way the relay sees an abort and keeps nothing.
    expect(await settled(() => door.links.length + door.noise.length === 1)).toBe(true);
    const [link] = door.links;
    if (link) await watch(link.stream).closed;
  });
});

describe('a pin', () => {
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const certPin = (der: Buffer) => ({ kind: 'cert', sha256: sha256(der) }) as const;
  const keyPin = (minted: Minted) =>
    ({ kind: 'key', sha256: sha256(minted.publicKey.export({ type: 'spki', format: 'der' })) }) as const;
  const wrong = { kind: 'cert', sha256: '0'.repeat(64) } as const;

  it('of the certificate or its key is enough without an authority, whatever the name and the dates', async () => {
    const now = systemClock.wall();
    const leaf = mint({ notBeforeMs: now - 2 * DAY_MS, notAfterMs: now - DAY_MS });
    const door = await openDoor({ credentials: { certPem: leaf.certificate, keyPem: leaf.key } });
    await dial(door.port, { trust: { pins: [certPin(leaf.der)] } });
    await dial(door.port, { trust: { pins: [wrong, keyPin(leaf)] } });
    expect((await failure(dial(door.port, { trust: { pins: [] } }))).code).toBe('untrusted');
  });

  it('that does not fit refuses, with an authority and without', async () => {
    const door = await openDoor();
    for (const trust of [{ pins: [wrong] }, { pins: [wrong], ...relayTrust() }]) {
      const error = await failure(dial(door.port, { trust }));
      expect(error).toMatchObject({ code: 'untrusted', retry: false });
      expect(error.message).toMatch(/does not fit the pin/);
    }
  });

  it('does not replace the authority when both are given', async () => {
    const { relay } = makePki();
    const door = await openDoor();
    const pins = [certPin(relay.der)];
    await dial(door.port, { trust: { pins, ...relayTrust() } });
    const error = await failure(dial(door.port, { trust: { pins, ca: [authority().certificate] } }));
    expect(error.message).toMatch(/authority/);
  });
});

describe('a place that is no relay', () => {
  it.each(['h2', undefined])('is refused when it speaks TLS with ALPN %s', async (protocol) => {
    const { relay } = makePki();
    const server = createTlsServer({
      cert: relay.certificate,
      key: relay.key,
      ...(protocol !== undefined && { ALPNProtocols: [protocol] }),
    });
    server.on('secureConnection', (socket) => socket.on('error', () => {}).resume());
    const port = await listening(server, () => {});
    const error = await failure(dial(port));
    expect(error).toMatchObject({ code: 'closed', retry: false });
    expect(error.message).toMatch(/not a beacon relay.*another protocol/);
  });

  it('is refused when it does not speak TLS', async () => {
    const port = await serve((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
    const error = await failure(dial(port));
    expect(error).toMatchObject({ code: 'closed', retry: false });
    expect(error.message).toMatch(/not a beacon relay: it does not speak TLS/);
  });

  it.each(['end', 'resetAndDestroy'] as const)('may be tried again when it just closes (%s)', async (how) => {
    const port = await serve((socket) => socket.once('data', () => socket[how]()));
    const error = await failure(dial(port));
    expect(error).toMatchObject({ code: 'closed', retry: true });
    expect(error.message).toMatch(/closed during the TLS handshake/);
  });
});

describe('the time limit and the signal', () => {
  it('end a dial that gets no answer to its handshake', async () => {
    const clock = new ManualClock();
    const accepted = Promise.withResolvers<Socket>();
    const port = await serve(accepted.resolve);
    const failed = failure(dial(port, { clock }));
    const socket = await accepted.promise;
    await once(socket, 'readable');
    clock.advance(TIMEOUT_MS);
    expect(await failed).toMatchObject({ code: 'unreachable', retry: true });
    expect((await failed).message).toMatch(/no answer within 10 s/);
    expect(clock.pending).toBe(0);
  });

  it('end a dial whose caller gave up, before it began or in the middle', async () => {
    const clock = new ManualClock();
    const accepted = Promise.withResolvers<Socket>();
    const port = await serve(accepted.resolve);
    const early = await failure(dial(port, { clock, signal: AbortSignal.abort() }));
    expect(early).toMatchObject({ code: 'closed', retry: false });
    const controller = new AbortController();
    const failed = failure(dial(port, { clock, signal: controller.signal }));
    await accepted.promise;
    controller.abort();
    expect((await failed).code).toBe('closed');
    expect(clock.pending).toBe(0);
  });

  it('are of no effect once the link is handed out', async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const door = await openDoor();
    const link = await dial(door.port, { clock, signal: controller.signal });
    expect(clock.pending).toBe(0);
    controller.abort();
    link.stream.write('alive');
    expect(await settled(() => door.links.length === 1)).toBe(true);
    expect(String((await once(door.links[0]?.stream ?? link.stream, 'data'))[0])).toBe('alive');
  });
});

describe('dialTcp', () => {
  const options = { host: HOST, timeoutMs: TIMEOUT_MS, clock: systemClock };

  it('hands out a half-open link', async () => {
    const port = await serve((socket) => socket.resume().once('end', () => socket.end('bye')));
    const link = await dialTcp({ ...options, port });
    expect(link).toMatchObject({ source: HOST, peerChain: [] });
    const seen = watch(link.stream);
    link.stream.end();
    await seen.ended;
    expect(seen.bytes.toString()).toBe('bye');
  });

  it('says that nobody listens', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, HOST, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    const error = await failure(dialTcp({ ...options, port }));
    expect(error).toMatchObject({ code: 'unreachable', retry: true });
    expect(error.message).toBe(
      `cannot reach ${HOST}:${port}: connection refused; check the port, that it is running, and that no firewall rejects it`,
    );
  });
});
