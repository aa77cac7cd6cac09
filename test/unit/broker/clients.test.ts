/** Clients of a broker: how long they wait, how many, and what happens when their stream is refused. */
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  BROKER_STREAMS,
  CLIENT_EARLY_BYTES,
  RECONNECT_HEALTHY_MS,
  STREAM_ACCEPT_MS,
  STREAM_WAIT_MS,
  WAITING_STREAMS,
} from '../../../src/base/limits.ts';
import type { Link } from '../../../src/net/link.ts';
import { STREAM_REFUSAL_ADVICE } from '../../../src/tunnel/http2.ts';
import { brokerScene } from '../../support/broker-scene.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { quiet } from '../../support/puppet-relay.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

const RESET = ['error:ECONNRESET', 'close'];

describe('a client that comes before the tunnel', () => {
  it('is served when the tunnel comes, with all it sent meanwhile', async () => {
    const scene = await brokerScene();
    const client = scene.client();
    const seen = watch(client.stream);
    client.stream.write('early ');
    await scene.clock.advanceAsync(STREAM_WAIT_MS - 1);
    await scene.bridge();
    client.stream.end('and late');
    await settled(() => scene.arrived.length === 1);
    const [stream] = scene.arrived;
    const atBridge = stream && watch(stream.stream);
    await atBridge?.ended;
    expect(atBridge?.bytes.toString()).toBe('early and late');
    stream?.stream.end('answer');
    await seen.closed;
    expect(seen.bytes.toString()).toBe('answer');
    expect(seen.events).toEqual(['end', 'close']);
  });

  it(`is reset after ${STREAM_WAIT_MS} ms, with one warning for all`, async () => {
    const scene = await brokerScene();
    const waiting = [scene.client(), scene.client(), scene.client()].map(({ stream }) => watch(stream));
    await scene.clock.advanceAsync(STREAM_WAIT_MS - 1);
    expect(waiting.flatMap(({ events }) => events)).toEqual([]);
    await scene.clock.advanceAsync(1);
    await quiet();
    for (const { events } of waiting) expect(events).toEqual(RESET);
    expect(scene.warnings()).toEqual(['a client was turned away: no tunnel within 10 s']);
    expect(scene.broker.counts.of('noTunnel')).toBe(3);
  });

  it('is forgotten when it leaves', async () => {
    const scene = await brokerScene();
    const pending = scene.clock.pending;
    const client = scene.client();
    await quiet();
    expect(scene.clock.pending).toBe(pending + 1);
    client.reset();
    await quiet();
    expect(scene.clock.pending).toBe(pending);
    await scene.bridge();
    expect(scene.arrived).toEqual([]);
  });

  it(`may be one of ${WAITING_STREAMS}, not one more`, async () => {
    const scene = await brokerScene();
    const waiting = Array.from({ length: WAITING_STREAMS }, () => watch(scene.client().stream));
    await quiet();
    expect(waiting.flatMap(({ events }) => events)).toEqual([]);
    const last = watch(scene.client().stream);
    await last.closed;
    expect(last.events).toEqual(RESET);
    expect(waiting.flatMap(({ events }) => events)).toEqual([]);
    expect(scene.warnings()).toEqual(['a client was turned away: too many wait for a tunnel']);
  });
});

describe('a client of a full tunnel', () => {
  it('waits for a place', async () => {
    const scene = await brokerScene();
    await scene.bridge();
    const clients = Array.from({ length: BROKER_STREAMS }, () => scene.client());
    await settled(() => scene.broker.streams === BROKER_STREAMS, 20_000);
    expect(scene.broker.streams).toBe(BROKER_STREAMS);
    const next = scene.client();
    const seen = watch(next.stream);
    await quiet();
    expect(scene.arrived).toHaveLength(BROKER_STREAMS);
    clients[17]?.reset();
    await settled(() => scene.arrived.length === BROKER_STREAMS + 1);
    scene.arrived.at(-1)?.stream.end('served');
    await seen.ended;
    expect(seen.bytes.toString()).toBe('served');
  });
});

describe('a client whose stream is refused', () => {
  it.each(['unknownTarget', 'targetUnreachable', 'targetTls'] as const)(
    'sees a reset and no end, and the log says %s once',
    async (code) => {
      const scene = await brokerScene();
      await scene.bridge(() => Promise.reject(new BeaconError(code, 'no')));
      for (let count = 0; count < 3; count += 1) {
        const client = scene.client();
        const seen = watch(client.stream);
        client.stream.write('question');
        await seen.closed;
        expect(seen.events).toEqual(RESET);
        expect(seen.bytes).toHaveLength(0);
      }
      expect(scene.lines.filter(({ level }) => level === 'warn')).toEqual([
        {
          level: 'warn',
          message: `the bridge refused a stream (${code}): ${STREAM_REFUSAL_ADVICE[code]}`,
          fields: { code, target: 'vault' },
        },
      ]);
      expect(scene.broker.counts.of(code)).toBe(3);
      expect(scene.broker.counts.of('accepted')).toBe(0);
      expect(scene.broker.connected).toBe(true);
    },
  );

  it('is news for its own target only', async () => {
    const scene = await brokerScene();
    const asked: string[] = [];
    await scene.bridge((target) => {
      asked.push(target);
      if (target === 'vault') return Promise.resolve(memoryLinks()[0]);
      return Promise.reject(new BeaconError('unknownTarget', 'no'));
    });
    for (const target of ['db', 'vault', 'db', 'cache']) {
      const served = scene.broker.counts.of('accepted');
      const seen = watch(scene.client(target).stream);
      await (target === 'vault' ? settled(() => scene.broker.counts.of('accepted') > served) : seen.closed);
    }
    expect(asked).toEqual(['db', 'vault', 'db', 'cache']);
    const told = scene.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
    expect(told).toEqual([
      { code: 'unknownTarget', target: 'db' },
      { code: 'unknownTarget', target: 'cache' },
    ]);
    expect(scene.broker.counts.of('unknownTarget')).toBe(3);
    expect(scene.broker.counts.of('accepted')).toBe(1);
  });

  it('is reset when the bridge does not answer', async () => {
    const scene = await brokerScene();
    await scene.bridge(() => new Promise(() => {}));
    const seen = watch(scene.client().stream);
    await quiet();
    await scene.clock.advanceAsync(STREAM_ACCEPT_MS);
    await seen.closed;
    expect(seen.events).toEqual(RESET);
    expect(scene.warnings()).toEqual(['the bridge does not answer; is it overloaded, or stopped?']);
  });

  it('is given a stream of the next tunnel when the bridge left before it looked at the first', async () => {
    const scene = await brokerScene();
    const first = await scene.bridge();
    await scene.clock.advanceAsync(RECONNECT_HEALTHY_MS);
    const closing = first.close();
    // They cross the GOAWAY: the broker has not heard it yet.
    const clients = [scene.client(), scene.client()];
    expect(scene.broker.connected).toBe(true);
    const seen = clients.map(({ stream }) => watch(stream));
    for (const [number, { stream }] of clients.entries()) stream.end(`question ${number}`);
    await settled(() => scene.relay.clients.length === 2);
    await scene.bridge();
    await settled(() => scene.arrived.length === 2);
    const questions = await Promise.all(scene.arrived.map(async (stream) => answer(stream)));
    await Promise.all(seen.map(({ closed }) => closed));
    expect(questions.sort()).toEqual(['question 0', 'question 1']);
    expect(seen.map(({ bytes }) => bytes.toString())).toEqual(['question 0 answered', 'question 1 answered']);
    expect(scene.warnings()).toEqual([]);
    await closing;
  });

  it('is reset when the tunnel is cut before it was accepted: the bridge may have acted', async () => {
    const scene = await brokerScene();
    const bridge = await scene.bridge(() => new Promise(() => {}));
    const client = scene.client();
    const seen = watch(client.stream);
    client.stream.write('question');
    await quiet();
    expect(seen.events).toEqual([]);
    bridge.destroy();
    await seen.closed;
    expect(seen.events).toEqual(RESET);
  });
});

describe('a stream', () => {
  it('is reset at the bridge when the client goes before it is accepted', async () => {
    const reached = Promise.withResolvers<Link>();
    const scene = await brokerScene();
    await scene.bridge(() => reached.promise);
    const client = scene.client();
    client.stream.write('question');
    await quiet();
    client.reset();
    await settled(() => scene.lines.at(-1)?.message === 'a stream ended before its target was reached');
    expect(scene.lines.at(-1)).toMatchObject({ level: 'debug' });
    expect(scene.arrived).toEqual([]);
  });

  it('gets a bounded number of bytes before it is accepted', async () => {
    const reached = Promise.withResolvers<Link>();
    const scene = await brokerScene();
    await scene.bridge(() => reached.promise);
    const client = scene.client();
    let taken = 0;
    for (let count = 0; count < 100; count += 1)
      client.stream.write(Buffer.alloc(4_096), () => (taken += 4_096));
    await quiet();
    expect(taken).toBeGreaterThanOrEqual(CLIENT_EARLY_BYTES);
    expect(taken).toBeLessThan(4 * CLIENT_EARLY_BYTES);
    client.reset();
    await quiet();
  });

  it('passes a reset of the store on to the client, and one of the client on to the store', async () => {
    const scene = await brokerScene();
    await scene.bridge();
    const [one, other] = [scene.client(), scene.client()];
    const atClient = watch(one.stream);
    await settled(() => scene.arrived.length === 2);
    const atStore = scene.arrived[1] && watch(scene.arrived[1].stream);
    scene.arrived[0]?.reset();
    other.reset();
    await Promise.all([atClient.closed, atStore?.closed]);
    expect(atClient.events).toEqual(RESET);
    expect(atStore?.events).not.toContain('end');
  });
});

/** Reads a question to its end and answers it. */
async function answer({ stream }: Link): Promise<string> {
  const seen = watch(stream);
  await seen.ended;
  stream.end(`${seen.bytes} answered`);
  return seen.bytes.toString();
}
