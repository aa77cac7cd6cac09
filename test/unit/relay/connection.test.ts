import { describe, expect, it } from 'vitest';
import {
  CONTROL_BUFFER_BYTES,
  EARLY_BYTES,
  HELLO_TIMEOUT_MS,
  PARKED_BYTES,
  REFUSED_LINGER_MS,
} from '../../../src/base/limits.ts';
import type { Connection } from '../../../src/relay/connection.ts';
import { encodeClientFrame } from '../../../src/wire/encode.ts';
import type { ClientFrame } from '../../../src/wire/frames.ts';
import { refusal } from '../../../src/wire/refusal.ts';
import { settle } from '../../support/manual-clock.ts';
import {
  FRAMES,
  framesIn,
  helloOf,
  inState,
  PAIR_ID,
  STATES,
  type State,
  setUp,
  TEXT,
  typesIn,
} from '../../support/relay-connection.ts';
import { type Watched, watch } from '../../support/streams.ts';

describe('each frame in each state', () => {
  const OPAQUE = 'opaque';
  const MALFORMED = ['violation malformed'];
  const ACCEPTED = [`accept ${PAIR_ID.toString('hex')}`];
  const table: Record<State, Record<ClientFrame['type'], string[] | typeof OPAQUE>> = {
    hello: { hello: ['hello park'], ping: MALFORMED, pong: MALFORMED, accept: MALFORMED },
    parked: { hello: MALFORMED, ping: [], pong: ['pong 8'], accept: MALFORMED },
    offered: { hello: MALFORMED, ping: [], pong: ['pong 8'], accept: ACCEPTED },
    waiting: { hello: OPAQUE, ping: OPAQUE, pong: OPAQUE, accept: OPAQUE },
    refused: { hello: [], ping: [], pong: [], accept: [] },
    spliced: { hello: OPAQUE, ping: OPAQUE, pong: OPAQUE, accept: OPAQUE },
  };
  const cases = STATES.flatMap((state) => FRAMES.map((frame) => ({ state, frame, type: frame.type })));

  it.each(cases)('$type in $state', async ({ state, frame }) => {
    const { client, connection, told } = await inState(state);
    const expected = table[state][frame.type];
    const bytes = encodeClientFrame(frame);
    client.write(bytes);
    await settle();
    expect(told).toEqual(expected === OPAQUE ? [] : expected);
    if (expected !== OPAQUE) return;
    const { stream } = connection.state === 'spliced' ? connection.link : connection.release();
    const seen = watch(stream);
    await settle();
    expect(seen.bytes).toEqual(bytes);
  });

  it('a PING in parked is answered with its token', async () => {
    const { client } = await inState('parked');
    const seen = watch(client);
    client.write(encodeClientFrame({ type: 'ping', token: 7 }));
    await settle();
    expect(framesIn(seen)).toEqual([{ type: 'pong', token: 7 }]);
  });
});

describe('the switch to opaque bytes', () => {
  it.each([TEXT.length, 1, 7])('keeps bytes behind HELLO, in chunks of %i', async (size) => {
    const { client, connection, told } = setUp();
    const bytes = Buffer.concat([encodeClientFrame(helloOf('connect')), TEXT]);
    if (size === TEXT.length) client.write(bytes);
    else for (let at = 0; at < bytes.length; at += size) client.write(bytes.subarray(at, at + size));
    await settle();
    expect(told).toEqual(['hello connect']);
    const seen = watch(connection.release().stream);
    client.write('!');
    await settle();
    expect(seen.bytes.toString()).toBe(`${TEXT}!`);
  });

  it.each([TEXT.length, 1, 7])('keeps bytes behind ACCEPT, in chunks of %i', async (size) => {
    let seen: Watched | undefined;
    const { client, connection } = await inState('offered', {
      onAccept: (each) => {
        seen = watch(each.release().stream);
      },
    });
    const bytes = Buffer.concat([encodeClientFrame({ type: 'accept', pairId: PAIR_ID }), TEXT]);
    if (size === TEXT.length) client.write(bytes);
    else for (let at = 0; at < bytes.length; at += size) client.write(bytes.subarray(at, at + size));
    client.write('!');
    await settle();
    expect(connection.state).toBe('spliced');
    expect(seen?.bytes.toString()).toBe(`${TEXT}!`);
  });

  it('keeps bytes behind ACCEPT when the relay takes the link over later', async () => {
    const { client, connection } = await inState('offered');
    client.write(Buffer.concat([encodeClientFrame({ type: 'accept', pairId: PAIR_ID }), TEXT]));
    client.write('!');
    await settle();
    expect(connection.link.stream.isPaused()).toBe(true);
    const seen = watch(connection.release().stream);
    await settle();
    expect(seen.bytes.toString()).toBe(`${TEXT}!`);
  });

  it('sends nothing after OFFER, though a PING crosses it', async () => {
    const { client, connection, told } = await inState('parked');
    const seen = watch(client);
    client.write(encodeClientFrame({ type: 'ping', token: 1 }));
    connection.offer(PAIR_ID);
    await settle();
    connection.send({ type: 'ping', token: 9 });
    connection.offer(PAIR_ID);
    client.write(
      Buffer.concat(FRAMES.filter(({ type }) => type !== 'hello').map((frame) => encodeClientFrame(frame))),
    );
    await settle();
    expect(told).toEqual(['pong 8', `accept ${PAIR_ID.toString('hex')}`]);
    expect(typesIn(seen)).toEqual(['offer']);
  });

  it('passes a whole talk that comes byte by byte', async () => {
    const { client, connection, told } = setUp();
    for (const frame of [helloOf('park'), { type: 'pong', token: 8 } as const]) {
      for (const byte of encodeClientFrame(frame)) client.write(Buffer.of(byte));
    }
    await settle();
    connection.offer(PAIR_ID);
    for (const byte of encodeClientFrame({ type: 'accept', pairId: PAIR_ID })) client.write(Buffer.of(byte));
    await settle();
    expect(told).toEqual(['hello park', 'pong 8', `accept ${PAIR_ID.toString('hex')}`]);
  });

  it('reads 16 KiB of early bytes, then stops, and loses none', async () => {
    const { client, connection } = setUp();
    const early = Buffer.alloc(10 * EARLY_BYTES, 'early bytes, none like the other: 0123456789');
    client.write(Buffer.concat([encodeClientFrame(helloOf('connect')), early.subarray(0, 100)]));
    for (let at = 100; at < early.length; at += 1_000) client.write(early.subarray(at, at + 1_000));
    await settle();
    expect(connection.link.stream.isPaused()).toBe(true);
    // One more buffer at each end, as with any stream; the rest waits at the client.
    expect(client.writableLength).toBeGreaterThan(early.length - 4 * EARLY_BYTES);
    const seen = watch(connection.release().stream);
    while (seen.bytes.length < early.length) await settle();
    expect(seen.bytes.equals(early)).toBe(true);
  });

  it('goes on reading below 16 KiB, so that a broker that leaves is noticed', async () => {
    const { client, told } = await inState('waiting');
    client.write(Buffer.alloc(EARLY_BYTES - 1));
    client.end();
    await settle();
    expect(told).toEqual(['gone']);
  });
});

describe('bad clients', () => {
  it('a HELLO of 1 KiB + 1 is refused by its length alone', async () => {
    const { client, told } = setUp();
    client.write(Buffer.of(0x03, 0xff, 0x01));
    await settle();
    expect(told).toEqual(['violation malformed']);
  });

  it('the largest frame that is allowed is read', async () => {
    const { client, told } = setUp();
    const frame = encodeClientFrame(helloOf('park'));
    const longest = Buffer.concat([frame, Buffer.alloc(1_024 - frame.length)]);
    longest.writeUInt16BE(1_022);
    client.write(longest);
    await settle();
    expect(told).toEqual(['hello park']);
  });

  it.each([
    ['nothing', 0],
    ['half a HELLO', 30],
  ])('%s within 5 s is refused timeout', async (_name, bytes) => {
    const { client, clock, told } = setUp();
    client.write(encodeClientFrame(helloOf('park')).subarray(0, bytes + 1));
    await settle();
    clock.advance(HELLO_TIMEOUT_MS - 1);
    expect(told).toEqual([]);
    clock.advance(1);
    expect(told).toEqual(['violation timeout']);
  });

  it.each(['parked', 'offered', 'waiting', 'spliced'] as const)('may be silent in %s', async (state) => {
    const { clock, told } = await inState(state);
    clock.advance(3_600_000);
    expect([told, clock.pending]).toEqual([[], 0]);
  });

  it('one that never reads is dropped once 16 KiB of frames wait for it', async () => {
    const { client, connection, told } = await inState('parked');
    let sent = 0;
    while (connection.state === 'parked' && sent < 100_000) {
      connection.send({ type: 'ping', token: sent });
      sent += 1;
      expect(connection.link.stream.writableLength).toBeLessThanOrEqual(CONTROL_BUFFER_BYTES + 7);
    }
    expect(told).toEqual(['gone']);
    // What the link itself holds comes on top.
    expect(sent * 7).toBeGreaterThan(CONTROL_BUFFER_BYTES);
    const seen = watch(client);
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it.each([
    ['offered', (connection: Connection) => connection.offer(PAIR_ID)],
    ['refused', (connection: Connection) => connection.refuse(refusal('internal'))],
  ])('one that never reads is dropped, and once, when it would be %s', async (_name, last) => {
    const { clock, connection, told } = await inState('parked');
    while (connection.link.stream.writableLength <= CONTROL_BUFFER_BYTES) {
      connection.send({ type: 'ping', token: 0 });
    }
    last(connection);
    await settle();
    clock.advance(2 * REFUSED_LINGER_MS);
    expect([connection.state, told, clock.pending]).toEqual(['gone', ['gone'], 0]);
  });

  it('one that sends more than 4 KiB of frames between two PINGs is refused', async () => {
    const { client, connection, told } = await inState('parked');
    const frame = encodeClientFrame({ type: 'pong', token: 8 });
    const most = Math.floor(PARKED_BYTES / frame.length);
    for (let round = 0; round < 3; round += 1) {
      for (let sent = 0; sent < most; sent += 1) client.write(frame);
      await settle();
      expect(connection.state).toBe('parked');
      connection.send({ type: 'ping', token: round });
    }
    expect(told).toEqual(Array.from({ length: 3 * most }, () => 'pong 8'));
    told.length = 0;
    for (let sent = 0; sent <= most; sent += 1) client.write(frame);
    await settle();
    expect(told.slice(most)).toEqual(['violation malformed']);
  });

  it('what a handler throws is told as a fault and goes no further', async () => {
    const fault = new RangeError('a defect');
    const { client, told } = setUp({
      onHello: () => {
        throw fault;
      },
    });
    client.write(encodeClientFrame(helloOf('park')));
    await settle();
    expect(told).toEqual([`violation ${fault}`]);
  });
});
