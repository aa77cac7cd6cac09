/**
 * What a public port meets, against a real relay with its production limits. After each case the relay has as many
 * descriptors open as before; at the end it still pairs, and has complained of nothing.
 */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HANDSHAKE_TIMEOUT_MS, HELLO_TIMEOUT_MS, REFUSED_LINGER_MS } from '../../src/base/limits.ts';
import { encodeClientFrame, encodeRelayFrame } from '../../src/wire/encode.ts';
import type { ClientFrame, RelayFrame } from '../../src/wire/frames.ts';
import { refusal } from '../../src/wire/refusal.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { acceptOffer, cutClients, dialAs, hello, identityOf, WireClient } from '../support/wire-client.ts';

let files: PkiDirectory;
let relay: BeaconProcess;
/** Another one for what takes long, so that descriptors can be told apart. */
let slowRelay: BeaconProcess;
let before: number;
let slowBefore: number;

beforeAll(async () => {
  files = await makePkiDirectory();
  [relay, slowRelay] = await Promise.all([startBeacon(files.relayArgs()), startBeacon(files.relayArgs())]);
  await pairOnce(relay.port);
  await pairOnce(slowRelay.port);
  before = await quiet(relay);
  slowBefore = await quiet(slowRelay);
});

afterAll(async () => {
  cutClients();
  await Promise.all([relay?.kill(), slowRelay?.kill()]);
  await files?.remove();
});

/** A bridge and a broker meet, talk, and leave. */
async function pairOnce(port: number): Promise<void> {
  const bridgeSide = await dialAs('park', port);
  const broker = await dialAs('connect', port, { early: 'question' });
  await acceptOffer(bridgeSide, 'answer');
  await broker.expect('paired');
  expect([await bridgeSide.opaque(8), await broker.opaque(6)]).toEqual(['question', 'answer']);
  for (const client of [bridgeSide, broker]) client.end();
  expect([await bridgeSide.ended, await broker.ended]).toEqual(['end', 'end']);
}

/** Descriptors once their number has stood still for 100 ms. */
async function quiet(beacon: BeaconProcess): Promise<number> {
  let [last, same] = [beacon.descriptors(), 0];
  while (same < 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = beacon.descriptors();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** A TCP connection, open. What it may send is written after it. */
async function tcp(port: number): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  return socket;
}

/** Milliseconds until the relay closes it, cleanly or not. */
function untilClosed(socket: Socket): Promise<number> {
  const start = performance.now();
  return new Promise((resolve) => {
    if (socket.closed) return resolve(0);
    socket.on('error', () => {});
    socket.on('close', () => resolve(performance.now() - start));
    socket.resume();
  });
}

/** The bytes of a ClientHello that the relay would take. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) });
    connectTls({ socket: wire, ALPNProtocols: ['beacon/1'], rejectUnauthorized: false }).on(
      'error',
      () => {},
    );
  });
}

function drip(socket: Socket | TLSSocket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 1_000);
  socket.on('close', () => clearInterval(timer));
}

// At most five, as many as vitest runs side by side.
describe.concurrent('silence and slowness, with the limits of production', () => {
  /** Timers of two processes are compared: some slack, but less than the next limit. */
  const about = (ms: number, slackMs = 2_500): [number, number] => [ms - 100, ms + slackMs];
  const within = (value: number, [low, high]: [number, number]): boolean => value >= low && value <= high;

  it('before the handshake', async () => {
    const socket = await tcp(slowRelay.port);
    expect(within(await untilClosed(socket), about(HANDSHAKE_TIMEOUT_MS))).toBe(true);
  });

  it('within the handshake: in the middle of ClientHello, and after it', async () => {
    const bytes = await clientHello();
    const times = [100, bytes.length].map(async (count) => {
      const socket = await tcp(slowRelay.port);
      socket.write(bytes.subarray(0, count));
      return untilClosed(socket);
    });
    for (const ms of await Promise.all(times)) expect(within(ms, about(HANDSHAKE_TIMEOUT_MS))).toBe(true);
  });

  it('one byte of the handshake a second', async () => {
    const socket = await tcp(slowRelay.port);
    drip(socket, await clientHello());
    expect(within(await untilClosed(socket), about(HANDSHAKE_TIMEOUT_MS))).toBe(true);
  });

  it.each([
    ['after the handshake', false],
    ['after the handshake, but for one byte of HELLO a second', true],
  ])('%s', async (_name, dripping) => {
    const start = performance.now();
    const client = await WireClient.dial(slowRelay.port, { identity: identityOf('park') });
    if (dripping) drip(client.socket, encodeClientFrame(hello('park')));
    expect(await client.expect('refused')).toMatchObject({ code: 'timeout' });
    expect(within(performance.now() - start, about(HELLO_TIMEOUT_MS))).toBe(true);
    expect(await client.ended).toBe('end');
    // It stays, deaf to the refusal. That the relay did not is seen by whoever writes after its patience.
    await new Promise((resolve) => setTimeout(resolve, REFUSED_LINGER_MS + 500));
    client.send('anybody there?');
    await untilClosed(client.raw);
  });
});

describe('bad input', () => {
  afterEach(async () => {
    cutClients();
    await expect.poll(() => relay.descriptors(), { timeout: 5_000, interval: 10 }).toBe(before);
    expect(relay.alive).toBe(true);
  });

  it('plain HTTP', async () => {
    const socket = await tcp(relay.port);
    socket.write('GET / HTTP/1.1\r\nHost: relay\r\n\r\n');
    await untilClosed(socket);
  });

  it.each([
    ['TLS 1.2', { maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' }, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
    ['no ALPN', { ALPNProtocols: [] }, 'ECONNRESET'],
    ['another ALPN', { ALPNProtocols: ['h2'] }, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
  ] as const)('%s', async (_name, { ...tls }, code) => {
    const options = { ...tls, ...('ALPNProtocols' in tls && { ALPNProtocols: [...tls.ALPNProtocols] }) };
    const dialled = WireClient.dial(relay.port, { identity: identityOf('park'), tls: options });
    // TLS 1.3 lets a client believe in a handshake that the server then refuses.
    const failure = await dialled.then(
      (client) => client.ended,
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(['reset', 'end', code]).toContain(failure);
  });

  it('1,000 connections closed at once', async () => {
    const start = await clientHello();
    const sockets = await Promise.all(Array.from({ length: 1_000 }, () => tcp(relay.port)));
    for (const [index, socket] of sockets.entries()) {
      if (index % 4 === 1) socket.write(start);
      if (index % 4 === 2) socket.write(start.subarray(0, 50));
    }
    for (const [index, socket] of sockets.entries()) {
      if (index % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
  });

  it('a TLS session offered for resumption', async () => {
    const first = await dialAs('park', relay.port);
    // OpenSSL hands out tickets for sessions that it does not keep.
    const session = first.socket.getSession();
    expect(session).toBeInstanceOf(Buffer);
    const second = await WireClient.dial(relay.port, {
      identity: identityOf('park'),
      tls: session ? { session } : {},
    });
    second.send(hello('park'));
    await second.expect('parked');
    expect(second.socket.isSessionReused()).toBe(false);
  });

  describe('frames', () => {
    const pairId = Buffer.alloc(16, 1);
    const fromClients: ClientFrame[] = [
      hello('park'),
      hello('connect'),
      { type: 'accept', pairId },
      { type: 'ping', token: 1 },
      { type: 'pong', token: 1 },
    ];
    const fromRelays: RelayFrame[] = [
      { type: 'parked', node: 'n', zone: '', incarnation: 1, pingIntervalMs: 1 },
      { type: 'offer', pairId },
      { type: 'waiting' },
      { type: 'paired', pairId, bridge: pairId, path: ['n'] },
      { type: 'draining', node: 'n' },
      { type: 'goaway', reconnectAfterMs: 1 },
      refusal('internal'),
    ];
    const all = [
      ...fromClients.map((frame) => ({ type: frame.type, bytes: encodeClientFrame(frame) })),
      ...fromRelays.map((frame) => ({ type: frame.type, bytes: encodeRelayFrame(frame) })),
    ];

    it('every one before HELLO', async () => {
      for (const { bytes } of all.filter(({ type }) => type !== 'hello')) {
        const client = await WireClient.dial(relay.port, { identity: identityOf('park') });
        client.send(bytes);
        expect(await client.expect('refused')).toMatchObject({ code: 'malformed' });
        client.close();
      }
    });

    it('every one while parked', async () => {
      for (const { type, bytes } of all) {
        const client = await dialAs('park', relay.port);
        client.send(bytes, encodeClientFrame({ type: 'ping', token: 9 }));
        const answer = await client.frame();
        if (type === 'ping') expect(answer).toEqual({ type: 'pong', token: 1 });
        else if (type === 'pong') expect(answer).toEqual({ type: 'pong', token: 9 });
        else expect(answer).toMatchObject({ type: 'refused', code: 'malformed' });
        client.close();
      }
    });

    it('every one while offered', async () => {
      for (const { type, bytes } of all) {
        const client = await dialAs('park', relay.port);
        const broker = await dialAs('connect', relay.port);
        const offer = await client.expect('offer');
        client.send(bytes);
        if (type === 'ping' || type === 'pong') {
          client.send({ type: 'accept', pairId: offer.pairId });
          await broker.expect('paired');
          expect(client.unread).toEqual({ frames: 0, bytes: 0 });
        } else {
          expect(await client.ended).toBe('reset');
          await broker.expect('waiting');
        }
        client.close();
        broker.close();
      }
    });

    it('every one from a broker is opaque: it reaches the bridge as it is', async () => {
      const broker = await dialAs('connect', relay.port);
      broker.send(...all.map(({ bytes }) => bytes));
      await broker.expect('waiting');
      const client = await dialAs('park', relay.port);
      await acceptOffer(client);
      await broker.expect('paired');
      const sent = Buffer.concat(all.map(({ bytes }) => bytes));
      expect(await client.opaque(sent.length)).toBe(sent.toString());
    });

    it('a PING that crosses an OFFER', async () => {
      const client = await dialAs('park', relay.port);
      const broker = await dialAs('connect', relay.port, { early: 'early' });
      const offer = await client.expect('offer');
      client.send(
        { type: 'ping', token: 5 },
        encodeClientFrame({ type: 'accept', pairId: offer.pairId }),
        'hi',
      );
      await broker.expect('paired');
      expect([await broker.opaque(2), await client.opaque(5)]).toEqual(['hi', 'early']);
      expect(client.unread).toEqual({ frames: 0, bytes: 0 });
    });

    it.each([
      ['HELLO of 1 KiB + 1', Buffer.concat([Buffer.of(0x03, 0xff), Buffer.alloc(1_023, 1)]), /1025 bytes/],
      ['an info_hash of 31 bytes', withInfoHashOf(31), /31 bytes/],
      ['an info_hash of 33 bytes', withInfoHashOf(33), /33 bytes/],
      ['a frame of length 0', Buffer.of(0, 0), /length 0/],
    ])('%s', async (_name, bytes, text) => {
      const client = await WireClient.dial(relay.port, { identity: identityOf('park') });
      client.send(bytes);
      const refused = { code: 'malformed', text: expect.stringMatching(text) };
      expect(await client.expect('refused')).toMatchObject(refused);
    });
  });

  it.each<[string, () => Promise<void>]>([
    [
      'the broker before ACCEPT',
      async () => {
        const client = await dialAs('park', relay.port);
        const broker = await dialAs('connect', relay.port);
        await client.expect('offer');
        broker.reset();
        expect(await client.ended).toBe('reset');
      },
    ],
    [
      'the bridge before ACCEPT',
      async () => {
        const client = await dialAs('park', relay.port);
        const broker = await dialAs('connect', relay.port);
        await client.expect('offer');
        client.reset();
        await broker.expect('waiting');
      },
    ],
    [
      'the broker after PAIRED',
      async () => {
        const client = await dialAs('park', relay.port);
        const broker = await dialAs('connect', relay.port);
        await acceptOffer(client);
        await broker.expect('paired');
        broker.reset();
        expect(await client.ended).toBe('reset');
      },
    ],
    [
      'the bridge after PAIRED',
      async () => {
        const client = await dialAs('park', relay.port);
        const broker = await dialAs('connect', relay.port);
        await acceptOffer(client);
        await broker.expect('paired');
        client.reset();
        expect(await broker.ended).toBe('reset');
      },
    ],
  ])('a reset of %s', async (_name, play) => {
    await play();
  });

  it('TLS that turns to garbage after the handshake', async () => {
    const client = await dialAs('park', relay.port);
    client.raw.write(Buffer.alloc(64, 0x17));
    expect(await client.ended).toBe('reset');
  });
});

/** A HELLO whose info_hash has `size` bytes, its length byte and the frame's included. */
function withInfoHashOf(size: number): Buffer {
  const good = encodeClientFrame(hello('park'));
  const bytes = Buffer.concat([good.subarray(0, 5), Buffer.of(size), Buffer.alloc(size), good.subarray(38)]);
  bytes.writeUInt16BE(bytes.length - 2);
  return bytes;
}

describe('after all that', () => {
  it('both relays have the descriptors that they had', async () => {
    for (const [beacon, count] of [
      [relay, before],
      [slowRelay, slowBefore],
    ] as const) {
      await expect.poll(() => beacon.descriptors(), { timeout: 5_000, interval: 10 }).toBe(count);
    }
  });

  it('both pair a bridge and a broker', async () => {
    await pairOnce(relay.port);
    await pairOnce(slowRelay.port);
  });

  it('both complained of nothing, and stop in good order', async () => {
    for (const beacon of [relay, slowRelay]) {
      const complaints = beacon.lines.filter(({ level }) => level !== 'info');
      expect(complaints).toEqual([
        expect.objectContaining({ msg: expect.stringContaining('any CA may use this relay') }),
      ]);
      expect(await beacon.stop()).toEqual({ code: 0, signal: null });
    }
  });
});
