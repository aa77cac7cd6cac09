/** Who gets through the forward port, and who does not. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FORWARD_SILENCE_MS, RATE_CONNECTIONS } from '../../../../src/base/limits.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { type ForwardCredentials, forwardCredentials } from '../../../../src/cluster/forward-certificates.ts';
import { Door } from '../../../../src/net/door/door.ts';
import { encodeOriginFrame, holderFrames } from '../../../../src/wire/forward-codec.ts';
import { FORWARD_ALPN } from '../../../../src/wire/forward-frames.ts';
import { CLIENT_AUTH, extend, makePki, mint } from '../../../support/certificates.ts';
import { checkLeaks, settled } from '../../../support/leaks.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import { watch } from '../../../support/streams.ts';
import { LINE_A, LINE_B, secretOf } from '../nodes.ts';
import { FORWARD } from './ends.ts';
import { ask, HOST, type HolderNode, holderNode, linkOf, originNode, textOf } from './nodes.ts';

checkLeaks();

const member = (name = 'origin-0'): ForwardCredentials => forwardCredentials(secretOf(LINE_A), name);

/** A client that trusts the holder, whatever it is itself. */
function tlsClient(node: HolderNode, options: ConnectionOptions): TLSSocket {
  const socket = connectTls({
    host: HOST,
    port: node.port,
    ca: [...member().caPems],
    servername: 'holder-0.node.beacon.internal',
    ALPNProtocols: [FORWARD_ALPN],
    ...options,
  });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

const shows = ({ certPem, keyPem }: { certPem: string; keyPem: string }): ConnectionOptions => ({
  cert: certPem,
  key: keyPem,
});

/** A leaf with the right names by an authority of its own, whose name is that of the true one. */
function impostor(): ConnectionOptions {
  const { subject } = new X509Certificate(member().caPems[0] ?? '');
  const ca = mint({ subject: subject.replace('CN=', ''), extensions: [extend.ca(true)] });
  const leaf = mint({
    issuer: ca,
    extensions: [extend.usages(CLIENT_AUTH), extend.dns('origin-0.node.beacon.internal')],
  });
  return { cert: leaf.certificate + ca.certificate, key: leaf.key };
}

describe('the forward port', () => {
  const strangers: Record<string, () => ConnectionOptions> = {
    'no certificate': () => ({}),
    'the certificate of a node under another secret': () =>
      shows(forwardCredentials(secretOf(LINE_B), 'origin-0')),
    'a certificate of an authority of its own': impostor,
    'a certificate that signed itself': () => {
      const self = mint({
        extensions: [extend.usages(CLIENT_AUTH), extend.dns('origin-0.node.beacon.internal')],
      });
      return { cert: self.certificate, key: self.key };
    },
    "a bridge's certificate": () => {
      const { bridge } = makePki();
      return { cert: bridge.certificate, key: bridge.key };
    },
    'TLS 1.2': () => ({ ...shows(member()), maxVersion: 'TLSv1.2' }),
    'another protocol': () => ({ ...shows(member()), ALPNProtocols: ['beacon/1'] }),
    'no protocol': () => ({ ...shows(member()), ALPNProtocols: [] }),
  };

  it.each(Object.entries(strangers))(
    'closes a stranger with %s before anything is served',
    async (_, options) => {
      const { log, lines } = recordingLog();
      const node = await holderNode({ log });
      const client = tlsClient(node, options());
      client.write(encodeOriginFrame(FORWARD));
      const seen = watch(client);
      await seen.closed;
      expect(seen.bytes).toHaveLength(0);
      expect([node.told, node.server.pending]).toEqual([[], 0]);
      expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
      // And serves the next one.
      expect(textOf(await ask(originNode(), node).result)).toBe('joined');
    },
  );

  it('lets a member in that speaks the protocol by hand', async () => {
    const node = await holderNode({ onRequest: (incoming) => incoming.notHere(7, 42) });
    const client = tlsClient(node, shows(member()));
    client.write(encodeOriginFrame(FORWARD));
    const seen = watch(client);
    await seen.ended;
    client.end();
    const decoder = holderFrames();
    decoder.push(seen.bytes);
    expect(decoder.next()).toEqual({ type: 'notHere', incarnation: 7, sequence: 42 });
    await seen.closed;
  });

  it('resets a member that claims the name of another, and warns of it without an address', async () => {
    const { log, lines } = recordingLog();
    const node = await holderNode({ log });
    const result = await ask(originNode({ name: 'origin-1' }), node, { request: { origin: 'origin-0' } })
      .result;
    expect(textOf(result)).toBe('unreachable closed');
    expect(node.told).toEqual([]);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toEqual([
      { level: 'warn', message: expect.stringContaining('claimed the name of another'), fields: undefined },
    ]);
  });

  it('remembers whose leaf it was, and nothing more: another leaf of that name, or that leaf for another name', async () => {
    const node = await holderNode();
    const joins = async (name: string, origin: string): Promise<string> =>
      textOf(await ask(originNode({ name }), node, { request: { origin } }).result);
    const origin = originNode({ name: 'origin-0' });
    for (const _ of ['first', 'remembered']) {
      expect(textOf(await ask(origin, node, { request: { origin: 'origin-0' } }).result)).toBe('joined');
    }
    expect(await joins('origin-1', 'origin-0')).toBe('unreachable closed');
    expect(textOf(await ask(origin, node, { request: { origin: 'origin-1' } }).result)).toBe(
      'unreachable closed',
    );
    // Started again, so with a leaf of its own.
    expect(await joins('origin-0', 'origin-0')).toBe('joined');
  });

  it.each(['Origin_0', 'x-1', 'n'.repeat(63)])(
    'knows a node by its certificate whatever its name: %s',
    async (name) => {
      const node = await holderNode();
      expect(textOf(await ask(originNode({ name }), node, { request: { origin: name } }).result)).toBe(
        'joined',
      );
    },
  );

  it('refuses a request that was forwarded before', async () => {
    const node = await holderNode();
    expect(textOf(await ask(originNode(), node, { request: { hops: 2 } }).result)).toBe('refused malformed');
    expect(node.told).toEqual([]);
  });

  it('resets a member that sends an oversize header', async () => {
    const node = await holderNode();
    const client = tlsClient(node, shows(member()));
    client.write(Buffer.concat([Buffer.from('03ff01', 'hex'), Buffer.alloc(1_022)]));
    const seen = watch(client);
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect([seen.bytes.length, node.told.length]).toEqual([0, 0]);
  });

  it('passes the door, where members do not count and strangers do', async () => {
    const clock = new ManualClock();
    const door = new Door({ clock, log: silentLog });
    const node = await holderNode({ door });
    for (let times = 0; times < 3; times += 1) {
      expect(textOf(await ask(originNode(), node).result)).toBe('joined');
    }
    expect(door.status.rate).toMatchObject({ entered: 3, givenBack: 3 });
    const strangers = Array.from({ length: RATE_CONNECTIONS }, () => connectTcp(node.port, HOST));
    for (const socket of strangers) socket.on('error', () => {});
    expect(await settled(() => door.status.rate.entered === 3 + RATE_CONNECTIONS)).toBe(true);
    expect(textOf(await ask(originNode(), node).result)).toMatch(/^unreachable /);
    expect(door.status.rate.closed + door.status.rate.told).toBe(1);
    for (const socket of strangers) socket.destroy();
  });

  it.each([
    ['says nothing', (_socket: Socket) => {}],
    ['stops in its handshake', (socket: Socket) => void socket.write(Buffer.from('1603010100', 'hex'))],
  ])('closes a connection that %s after 2 s', async (_, begin) => {
    const clock = new ManualClock();
    const node = await holderNode({ clock });
    const socket = connectTcp({ host: HOST, port: node.port });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    begin(socket);
    const seen = watch(socket);
    expect(await settled(() => clock.pending === 1)).toBe(true);
    clock.advance(FORWARD_SILENCE_MS - 1);
    await settled(() => false, 20);
    expect(seen.events).toEqual([]);
    clock.advance(1);
    await seen.closed;
  });

  it('keeps as many requests as it may, and resets the next', async () => {
    const node = await holderNode({ maxPending: 2, onRequest: (incoming) => incoming.queued() });
    const forwarder = originNode();
    const waiting = [ask(forwarder, node), ask(forwarder, node)];
    expect(await settled(() => waiting.every(({ told }) => told.length === 1))).toBe(true);
    expect(textOf(await ask(forwarder, node).result)).toBe('unreachable closed');
    waiting[0]?.outgoing.cancel();
    expect(await settled(() => node.server.pending === 1)).toBe(true);
    const next = ask(forwarder, node);
    expect(await settled(() => next.told.length === 1)).toBe(true);
  });

  it('numbers requests as it is told to', async () => {
    let last = 40;
    const numbered = await holderNode({ newId: () => (last += 1) });
    const plain = await holderNode();
    for (const node of [numbered, plain]) {
      const forwarder = originNode();
      await ask(forwarder, node).result;
      await ask(forwarder, node).result;
    }
    expect(numbered.requests.map(({ id }) => id)).toEqual([41, 42]);
    expect(plain.requests.map(({ id }) => id)).toEqual([1, 2]);
  });
});

describe('a server that stops', () => {
  it('accepts no more, and lets the others go on', async () => {
    const node = await holderNode({ onRequest: (incoming) => incoming.queued() });
    const forwarder = originNode();
    const asked = ask(forwarder, node);
    expect(await settled(() => asked.told.length === 1)).toBe(true);
    node.server.stopAccepting();
    expect(textOf(await ask(forwarder, node).result)).toBe('unreachable unreachable');
    node.requests[0]?.ready();
    expect(textOf(await asked.result)).toBe('joined');
  });

  it('closes requests, those who are leaving, and joined links', async () => {
    const requests: (() => void)[] = [];
    const node = await holderNode({
      onRequest: (incoming) => {
        requests.push(() => incoming.ready());
        if (requests.length === 1) incoming.ready();
        else if (requests.length === 2) incoming.queued();
        else incoming.refuse('draining');
      },
    });
    const forwarder = originNode();
    const joined = linkOf(await ask(forwarder, node).result);
    const waiting = ask(forwarder, node);
    expect(await settled(() => waiting.told.length === 1)).toBe(true);
    // Reads REFUSED and does not close.
    const lingering = tlsClient(node, shows(member()));
    lingering.allowHalfOpen = true;
    lingering.write(encodeOriginFrame(FORWARD));
    const seen = watch(lingering);
    await seen.ended;
    const atOrigin = watch(joined.stream);
    await node.server.close();
    await atOrigin.closed;
    expect(textOf(await waiting.result)).toBe('unreachable closed');
    expect(atOrigin.events).toEqual(['error:ECONNRESET', 'close']);
    expect(node.told).toEqual(['request', 'answer yes', 'request', 'request', 'gone']);
    expect(node.server.pending).toBe(0);
  });
});

it('a fault of ours is logged without what it says', async () => {
  const { log, lines } = recordingLog();
  const node = await holderNode({
    log,
    onRequest: () => {
      throw new TypeError('boom at 192.0.2.7');
    },
  });
  expect(textOf(await ask(originNode(), node).result)).toBe('unreachable closed');
  expect(lines.filter(({ level }) => level !== 'debug')).toEqual([
    { level: 'error', message: expect.stringContaining('fault of ours'), fields: undefined },
  ]);
});

it('nothing above debug names an address or an info_hash', async () => {
  const { log, lines } = recordingLog();
  const node = await holderNode({ log });
  await ask(originNode({ log }), node).result;
  await ask(originNode({ log, name: 'origin-1' }), node).result;
  const said = JSON.stringify(lines.filter(({ level }) => level !== 'debug'));
  expect(said).not.toContain(HOST);
  expect(said).not.toContain('aaaa');
});
