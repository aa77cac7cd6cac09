import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { type AcceptTlsOverOptions, acceptTlsOver } from '../../../src/net/accept-tls-over.ts';
import { connectTlsOver, type InnerTls, type TlsOverOptions } from '../../../src/net/tls-over.ts';
import { makePki, type Pki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { closed, watch } from '../../support/streams.ts';

checkLeaks();

const TIMEOUT_MS = 10_000;
const BRIDGE_NAME = 'bridge.beacon.internal';

interface Ends {
  readonly client: Duplex;
  readonly server: Duplex;
  readonly clock: ManualClock;
}

function ends(): Ends {
  const [a, b] = memoryLinks();
  onTestFinished(() => {
    a.reset();
    b.reset();
  });
  return { client: a.stream, server: b.stream, clock: new ManualClock() };
}

const identity = (pki: Pki, who: 'bridge' | 'broker') => ({
  certPem: pki[who].certificate + pki.bridgeCa.certificate,
  keyPem: pki[who].key,
});

function connectOptions(
  clock: ManualClock,
  pki = makePki(),
  more: Partial<TlsOverOptions> = {},
): TlsOverOptions {
  return {
    servername: BRIDGE_NAME,
    trust: { ca: [pki.bridgeCa.certificate] },
    identity: identity(pki, 'broker'),
    alpn: 'h2',
    timeoutMs: TIMEOUT_MS,
    clock,
    ...more,
  };
}

function acceptOptions(
  clock: ManualClock,
  pki = makePki(),
  more: Partial<AcceptTlsOverOptions> = {},
): AcceptTlsOverOptions {
  return {
    ca: [pki.bridgeCa.certificate],
    identity: identity(pki, 'bridge'),
    alpn: 'h2',
    timeoutMs: TIMEOUT_MS,
    clock,
    ...more,
  };
}

/** What each end came to: the TLS inside, or the code of the error. */
async function outcome(promise: Promise<InnerTls>): Promise<InnerTls | string> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof BeaconError) return error.code;
    throw error;
  }
}

describe('TLS inside a stream', () => {
  it('joins broker and bridge, who see each other and share a key', async () => {
    const { client, server, clock } = ends();
    const { broker, bridge, bridgeCa } = makePki();
    const [a, b] = await Promise.all([
      connectTlsOver(client, connectOptions(clock)),
      acceptTlsOver(server, acceptOptions(clock)),
    ]);
    expect(a.peerChain).toEqual([bridge.der, bridgeCa.der]);
    expect(b.peerChain).toEqual([broker.der, bridgeCa.der]);
    expect(a.exportKeyingMaterial(32, 'test')).toEqual(b.exportKeyingMaterial(32, 'test'));
    expect(a.exportKeyingMaterial(32, 'test')).not.toEqual(a.exportKeyingMaterial(32, 'other'));
    expect(clock.pending).toBe(0);

    const [atA, atB] = [watch(a.stream), watch(b.stream)];
    a.stream.end('request');
    await atB.ended;
    b.stream.end('response');
    await atA.ended;
    expect([atB.bytes.toString(), atA.bytes.toString()]).toEqual(['request', 'response']);
  });

  it('carries only ciphertext', async () => {
    const { client, server, clock } = ends();
    const write = client.write.bind(client);
    const sent: Buffer[] = [];
    client.write = ((chunk: Buffer, ...rest: []) => {
      sent.push(Buffer.from(chunk));
      return write(chunk, ...rest);
    }) as typeof client.write;
    const [a, b] = await Promise.all([
      connectTlsOver(client, connectOptions(clock)),
      acceptTlsOver(server, acceptOptions(clock)),
    ]);
    a.stream.write('the secret');
    expect(String((await once(b.stream, 'data'))[0])).toBe('the secret');
    expect(sent.length).toBeGreaterThan(0);
    expect(Buffer.concat(sent).includes('the secret')).toBe(false);
  });

  it.each([
    ['a bridge under another CA', 'connect'],
    ['a broker under another CA', 'accept'],
    ['a broker without a certificate', 'bare'],
    ['a bridge of another name', 'name'],
  ])('refuses %s', async (_name, what) => {
    const { client, server, clock } = ends();
    const other = makePki({ fresh: true });
    const mine = makePki();
    const a = connectOptions(clock, mine, {
      ...(what === 'accept' && { identity: identity(other, 'broker') }),
      ...(what === 'connect' && { trust: { ca: [other.bridgeCa.certificate] } }),
      ...(what === 'bare' && { identity: { certPem: '', keyPem: '' } }),
      ...(what === 'name' && { servername: 'broker.beacon.internal' }),
    });
    const atServer = outcome(acceptTlsOver(server, acceptOptions(clock)));
    const atClient = outcome(connectTlsOver(client, a));
    const judges = what === 'accept' || what === 'bare' ? atServer : atClient;
    expect(await judges).toBe('untrusted');
    await closed(judges === atServer ? server : client);
    client.destroy();
    server.destroy();
    await Promise.all([atServer, atClient]);
    expect(clock.pending).toBe(0);
  });

  it('refuses another protocol', async () => {
    const { client, server, clock } = ends();
    const both = await Promise.all([
      outcome(connectTlsOver(client, connectOptions(clock, makePki(), { alpn: 'beacon/2' }))),
      outcome(acceptTlsOver(server, acceptOptions(clock))),
    ]);
    expect(both).toEqual(['closed', 'closed']);
  });

  it.each(['connect', 'accept'])('gives up after its time limit (%s)', async (side) => {
    const { client, server, clock } = ends();
    const result =
      side === 'connect'
        ? outcome(connectTlsOver(client, connectOptions(clock)))
        : outcome(acceptTlsOver(server, acceptOptions(clock)));
    clock.advance(TIMEOUT_MS - 1);
    expect(client.destroyed || server.destroyed).toBe(false);
    clock.advance(1);
    expect(await result).toBe('timeout');
    await closed(side === 'connect' ? client : server);
  });

  it.each(['connect', 'accept'])('fails when the stream below is cut (%s)', async (side) => {
    const { client, server, clock } = ends();
    const result =
      side === 'connect'
        ? outcome(connectTlsOver(client, connectOptions(clock)))
        : outcome(acceptTlsOver(server, acceptOptions(clock)));
    (side === 'connect' ? server : client).destroy(new Error('cut'));
    (side === 'connect' ? client : server).destroy(new Error('cut'));
    expect(await result).toBe('closed');
    expect(clock.pending).toBe(0);
  });
});
