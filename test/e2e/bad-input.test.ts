/**
 * What a public port meets, against a real relay. After each case the relay has as many descriptors open as before; at
 * the end it still pairs, and has complained of nothing. What takes long is in real-time.test.ts.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeClientFrame, encodeRelayFrame } from '../../src/wire/encode.ts';
import type { ClientFrame, RelayFrame } from '../../src/wire/frames.ts';
import { refusal } from '../../src/wire/refusal.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { clientHello, tcp, untilClosed } from '../support/strangers.ts';
import {
  acceptOffer,
  cutClients,
  dialAs,
  hello,
  identityOf,
  pairOnce,
  WireClient,
} from '../support/wire-client.ts';

let files: PkiDirectory;
let relay: BeaconProcess;
let before: number;

beforeAll(async () => {
  files = await makePkiDirectory();
  relay = await startBeacon(files.relayArgs());
  await pairOnce(relay.port);
  before = await relay.quiet();
});

afterAll(async () => {
  cutClients();
  await relay?.kill();
  await files?.remove();
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
    ['another ALPN', { ALPNProtocols: ['h2'] }, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
  ] as const)('%s', async (_name, { ...tls }, code) => {
    const options = { ...tls, ...('ALPNProtocols' in tls && { ALPNProtocols: [...tls.ALPNProtocols] }) };
    await expect(WireClient.dial(relay.port, { tls: options })).rejects.toMatchObject({ code });
  });

  it('no ALPN', async () => {
    const options = { identity: identityOf('park'), tls: { ALPNProtocols: [] } };
    // OpenSSL itself lets such a client in; the relay closes at once, without the REFUSED of one that is merely silent.
    const client = await WireClient.dial(relay.port, options);
    await client.ended;
    expect(client.unread.frames).toBe(0);
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
      { type: 'paired', pairId, bridge: pairId, path: [{ node: 'n', zone: '' }] },
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
  it('it pairs a bridge and a broker', () => pairOnce(relay.port));

  it('it has complained of nothing, and stops in good order', async () => {
    expect(relay.lines.filter(({ level }) => level !== 'info' && level !== 'debug')).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('any CA may use this relay') }),
    ]);
    expect(await relay.stop()).toEqual({ code: 0, signal: null });
  });
});
