/** How a Connection ends: by its client, or by a refusal. */
import { describe, expect, it } from 'vitest';
import { EARLY_BYTES, REFUSED_LINGER_MS } from '../../../src/base/limits.ts';
import { encodeClientFrame } from '../../../src/wire/encode.ts';
import { refusal } from '../../../src/wire/refusal.ts';
import { settle } from '../../support/manual-clock.ts';
import { framesIn, helloOf, inState, PAIR_ID, setUp, typesIn } from '../../support/relay-connection.ts';
import { watch } from '../../support/streams.ts';

describe('the end of a client', () => {
  const before = ['hello', 'parked', 'offered', 'waiting'] as const;

  it.each(before)('by an end in %s is its end altogether', async (state) => {
    const { client, connection, clock, told } = await inState(state);
    const seen = watch(client);
    client.end();
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect([told, connection.state, clock.pending]).toEqual([['gone'], 'gone', 0]);
  });

  it.each([...before, 'refused'] as const)('by a reset in %s is noticed once', async (state) => {
    const { reset, connection, clock, told } = await inState(state);
    reset();
    await settle();
    expect([told, connection.state, clock.pending]).toEqual([['gone'], 'gone', 0]);
    connection.drop();
    connection.refuse(refusal('internal'));
    connection.send({ type: 'waiting' });
    expect([told, connection.state, clock.pending]).toEqual([['gone'], 'gone', 0]);
  });

  it.each([...before, 'refused'] as const)(
    'by an error in %s counts though the stream does not close, as with TLS',
    async (state) => {
      const { connection, told } = await inState(state);
      connection.link.stream.emit('error', new Error('bad record mac'));
      expect([told, connection.state]).toEqual([['gone'], 'gone']);
    },
  );

  it('after it was spliced is not ours to report', async () => {
    const { reset, clock, told } = await inState('spliced');
    reset();
    await settle();
    expect([told, clock.pending]).toEqual([[], 0]);
  });
});

describe('refuse', () => {
  it.each(['hello', 'parked', 'waiting'] as const)('in %s says why and ends', async (state) => {
    const { client, connection, clock, told } = await inState(state);
    const seen = watch(client);
    connection.refuse(refusal('notAllowed', { text: 'not here' }));
    await seen.ended;
    expect(framesIn(seen)).toEqual([refusal('notAllowed', { text: 'not here' })]);
    expect([told, connection.state]).toEqual([[], 'refused']);
    client.end();
    await seen.closed;
    await settle();
    expect([told, connection.state, clock.pending]).toEqual([['gone'], 'gone', 0]);
  });

  it.each(['offered', 'accepted'])('%s is a reset: the bridge reads no frames any more', async (state) => {
    const { client, connection, told } = await inState('offered');
    if (state === 'accepted') client.write(encodeClientFrame({ type: 'accept', pairId: PAIR_ID }));
    await settle();
    expect(connection.state).toBe(state);
    told.length = 0;
    connection.refuse(refusal('internal'));
    const seen = watch(client);
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(told).toEqual(['gone']);
  });

  it('is said once, and nothing after it', async () => {
    const { client, connection } = await inState('parked');
    const seen = watch(client);
    connection.refuse(refusal('notAllowed'));
    connection.refuse(refusal('internal'));
    connection.send({ type: 'ping', token: 1 });
    connection.offer(PAIR_ID);
    await seen.ended;
    expect(typesIn(seen)).toEqual(['refused']);
  });

  it('reaches a client that has ended already', async () => {
    const { client } = setUp({ onHello: (each) => each.refuse(refusal('notAllowed')) });
    const seen = watch(client);
    client.end(encodeClientFrame(helloOf('park')));
    await seen.closed;
    expect([typesIn(seen), seen.events]).toEqual([['refused'], ['end', 'close']]);
  });

  it('reads on and throws away, so that the client gets to read it', async () => {
    const { client, connection } = await inState('waiting');
    client.write(Buffer.alloc(4 * EARLY_BYTES));
    await settle();
    connection.refuse(refusal('noBridge'));
    client.write(Buffer.alloc(64 * EARLY_BYTES));
    const seen = watch(client);
    await seen.ended;
    while (client.writableLength > 0) await settle();
    expect(typesIn(seen)).toEqual(['refused']);
  });

  it('cuts a client that does not close within 2 s', async () => {
    const { client, connection, clock, told } = await inState('parked');
    const seen = watch(client);
    connection.refuse(refusal('notAllowed'));
    await seen.ended;
    clock.advance(REFUSED_LINGER_MS - 1);
    expect(told).toEqual([]);
    clock.advance(1);
    expect([told, connection.state, clock.pending]).toEqual([['gone'], 'gone', 0]);
    await seen.closed;
    expect(seen.events).toEqual(['end', 'error:ECONNRESET', 'close']);
  });
});
