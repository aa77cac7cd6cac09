/** The bridge's way to the store: one target, TLS verified, and errors that say which part failed. */
import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { TARGET_DIAL_TIMEOUT_MS } from '../../../src/base/limits.ts';
import { reachTargets } from '../../../src/bridge/target.ts';
import { VAULT_TARGET } from '../../../src/config/targets.ts';
import { parseVaultAddr } from '../../../src/config/vault-addr.ts';
import { parseProxyHeader } from '../../../src/net/door/proxy-header.ts';
import type { Link } from '../../../src/net/link.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { type Store, type StoreOptions, startStore } from '../../support/store.ts';
import { watch } from '../../support/streams.ts';
import { serve } from '../../support/tcp-server.ts';

checkLeaks();

const { relay: certificate, relayCa } = makePki();

interface ReachOptions {
  readonly ca?: string;
  readonly signal?: AbortSignal;
  readonly clock?: ManualClock;
}

async function store(options?: StoreOptions): Promise<Store> {
  const started = await startStore(options);
  onTestFinished(() => started.close());
  return started;
}

/** Answers whatever comes first as a server would that speaks no TLS. */
const speakNoTls = (socket: Socket): void => {
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
};

async function reach(url: string, name: string, options: ReachOptions = {}): Promise<Link> {
  const { ca, signal = new AbortController().signal, clock = systemClock } = options;
  const address = parseVaultAddr(url);
  const targets = [{ name: VAULT_TARGET, address }];
  const link = await reachTargets({
    targets,
    ca: () => (ca === undefined ? undefined : [ca]),
    clock,
    signal,
  })(name);
  onTestFinished(() => link.reset());
  return link;
}

async function echo(link: Link): Promise<string> {
  const seen = watch(link.stream);
  link.stream.end('echo\nhello');
  await seen.ended;
  return seen.bytes.toString();
}

describe('the way to the store', () => {
  it.each(['http', 'tcp'])('by %s passes bytes as they are', async (scheme) => {
    const { port } = await store();
    expect(await echo(await reach(`${scheme}://127.0.0.1:${port}`, VAULT_TARGET))).toBe('hello');
  });

  it.each([['http/1.1', 'h2'], ['http/1.1'], []])(
    'by https verifies the store (ALPN %s %s)',
    async (...alpn) => {
      const { port } = await store({ tls: certificate, ...(alpn.length > 0 && { alpn }) });
      const link = await reach(`https://localhost:${port}`, VAULT_TARGET, { ca: relayCa.certificate });
      expect(await echo(link)).toBe('hello');
    },
  );

  it.each(['', 'Vault', 'vault ', 'vault:443', '127.0.0.1:22', 'db'])(
    'refuses the target %j without dialling',
    async (name) => {
      const { port, visits } = await store();
      await expect(reach(`tcp://127.0.0.1:${port}`, name)).rejects.toMatchObject({ code: 'unknownTarget' });
      expect(visits).toHaveLength(0);
    },
  );

  it('leads each name to its own target, and says which one failed', async () => {
    const [one, other] = [await store(), await store()];
    const plain = await serve(speakNoTls);
    const reaching = reachTargets({
      targets: [
        { name: 'vault', address: parseVaultAddr(`tcp://127.0.0.1:${one.port}`) },
        { name: 'db', address: parseVaultAddr(`tcp://127.0.0.1:${other.port}`) },
        { name: 'plain', address: parseVaultAddr(`https://127.0.0.1:${plain}`) },
      ],
      ca: () => undefined,
      clock: systemClock,
      signal: new AbortController().signal,
    });
    const link = await reaching('db');
    expect(await echo(link)).toBe('hello');
    expect([one.visits.length, other.visits.length]).toEqual([0, 1]);
    await expect(reaching('plain')).rejects.toMatchObject({
      code: 'targetTls',
      message: expect.stringMatching(/^TLS fails with the target plain: /),
    });
    await expect(reaching('cache')).rejects.toThrow(/asked for the target cache, .*--target/);
    await expect(reaching('a\nb')).rejects.toMatchObject({ message: expect.not.stringContaining('a\nb') });
  });

  it.each(['http', 'https', 'tcp'])('by %s says targetUnreachable when nobody listens', async (scheme) => {
    const { port, close } = await startStore();
    await close();
    await expect(reach(`${scheme}://127.0.0.1:${port}`, VAULT_TARGET)).rejects.toMatchObject({
      code: 'targetUnreachable',
      message:
        'cannot reach the target vault: connection refused; check the port, that it is running, and that no firewall rejects it',
      retry: true,
    });
  });

  it('says targetUnreachable when nobody answers in time', async () => {
    const port = await serve((socket) => socket.resume());
    const clock = new ManualClock();
    const reaching = reach(`https://127.0.0.1:${port}`, VAULT_TARGET, { clock, ca: relayCa.certificate });
    const outcome = expect(reaching).rejects.toMatchObject({ code: 'targetUnreachable' });
    await settle();
    clock.advance(TARGET_DIAL_TIMEOUT_MS);
    await outcome;
    expect(clock.pending).toBe(0);
  });

  it('says targetTls for a store of another CA', async () => {
    const { port } = await store({ tls: certificate });
    const { relayCa: other } = makePki({ fresh: true });
    await expect(
      reach(`https://localhost:${port}`, VAULT_TARGET, { ca: other.certificate }),
    ).rejects.toMatchObject({ code: 'targetTls' });
  });

  it('says targetTls for a store with another name', async () => {
    const { port } = await store({ tls: makePki().bridge });
    const ca = makePki().bridgeCa.certificate;
    await expect(reach(`https://localhost:${port}`, VAULT_TARGET, { ca })).rejects.toMatchObject({
      code: 'targetTls',
    });
  });

  it('says targetTls for a store that speaks no TLS', async () => {
    const port = await serve(speakNoTls);
    await expect(
      reach(`https://localhost:${port}`, VAULT_TARGET, { ca: relayCa.certificate }),
    ).rejects.toMatchObject({ code: 'targetTls' });
  });
});

describe('a target that is told the client', () => {
  const client = {
    source: { host: '192.0.2.7', port: 51_000 },
    destination: { host: '10.0.0.1', port: 8_199 },
  };
  const telling = (url: string) =>
    reachTargets({
      targets: [{ name: VAULT_TARGET, address: parseVaultAddr(url) }],
      ca: () => undefined,
      tellsClient: true,
      clock: systemClock,
      signal: new AbortController().signal,
    });

  it.each(['tcp', 'http', 'https'])('by %s gets the header first, in one piece and once', async (scheme) => {
    const first = Promise.withResolvers<Buffer>();
    const port = await serve((socket) => {
      let bytes = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        // Past the header something has to come: of a client, or a ClientHello.
        if (bytes.length > 28) first.resolve(bytes);
      });
    });
    const reaching = telling(`${scheme}://127.0.0.1:${port}`)(VAULT_TARGET, client);
    if (scheme === 'https') reaching.catch(() => {});
    else {
      const link = await reaching;
      onTestFinished(() => link.reset());
      link.stream.write('GET');
    }
    const bytes = await first.promise;
    const header = parseProxyHeader(bytes);
    expect(header).toMatchObject({
      kind: 'complete',
      length: 28,
      source: { kind: 'client', address: '192.0.2.7', port: 51_000 },
    });
    // A TLS record of the handshake (RFC 8446, section 5.1), or the client's own first byte.
    expect(bytes[28]).toBe(scheme === 'https' ? 0x16 : 'G'.charCodeAt(0));
  });

  it('is not dialled for a client that nobody names', async () => {
    const { port, open } = await store();
    await expect(telling(`tcp://127.0.0.1:${port}`)(VAULT_TARGET)).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining('--target-proxy-protocol'),
    });
    expect(open).toBe(0);
  });
});
