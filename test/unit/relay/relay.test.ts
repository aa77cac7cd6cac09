import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import {
  ACCEPT_TIMEOUT_MS,
  BROKER_WAIT_MS,
  DRAIN_TIMEOUT_DEFAULT_MS,
  HELLO_TIMEOUT_MS,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  REFUSED_LINGER_MS,
} from '../../../src/base/limits.ts';
import { createLog } from '../../../src/base/log.ts';
import { systemRandom } from '../../../src/base/random.ts';
import { ProofMemory } from '../../../src/pki/proof-memory.ts';
import { Relay } from '../../../src/relay/relay.ts';
import { encodeClientFrame } from '../../../src/wire/encode.ts';
import { ALPN } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks, until } from '../../support/leaks.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { relayCredentials, relayTrust } from '../../support/net-links.ts';
import { startRelay } from '../../support/relay.ts';
import {
  acceptOffer,
  cutClients,
  dialAs,
  hello,
  identityOf,
  pairUp,
  WireClient,
} from '../../support/wire-client.ts';

checkLeaks();
afterEach(cutClients);

const pki = makePki();
const stranger = makePki({ fresh: true });

/** A broker and a bridge at the ends of a splice. */
describe('pairing', () => {
  it('tells a bridge where it is parked', async () => {
    const { relay, clock, port } = await startRelay();
    const bridge = await WireClient.dial(port, { identity: identityOf('park') });
    bridge.send(hello('park'));
    expect(await bridge.frame()).toEqual({
      type: 'parked',
      node: 'relay-0',
      zone: 'eu-1',
      incarnation: Math.floor(clock.wall()),
      pingIntervalMs: PING_INTERVAL_MS,
    });
    expect(relay.parked).toBe(1);
  });

  it('joins a bridge that came first and a broker, early bytes and all', async () => {
    const { relay, port } = await startRelay();
    const instance = Buffer.alloc(16, 5);
    const bridge = await dialAs('park', port, { more: { instance } });
    const broker = await dialAs('connect', port, { early: 'from the broker' });
    const pairId = await acceptOffer(bridge, 'from the bridge');
    expect(await broker.frame()).toEqual({
      type: 'paired',
      pairId,
      bridge: instance,
      path: [{ node: 'relay-0', zone: 'eu-1' }],
    });
    expect(await broker.opaque(15)).toBe('from the bridge');
    expect(await bridge.opaque(15)).toBe('from the broker');
    expect([relay.parked, relay.splices]).toEqual([0, 1]);
  });

  it('joins a broker that came first and a bridge', async () => {
    const { port } = await startRelay();
    const broker = await dialAs('connect', port, { early: 'from the broker' });
    await broker.expect('waiting');
    const bridge = await dialAs('park', port);
    await acceptOffer(bridge);
    await broker.expect('paired');
    broker.send(', twice');
    bridge.send('from the bridge');
    expect(await bridge.opaque(22)).toBe('from the broker, twice');
    expect(await broker.opaque(15)).toBe('from the bridge');
  });

  it('keeps early bytes through an offer that nobody accepts', async () => {
    const { clock, port } = await startRelay();
    const older = await dialAs('park', port);
    const newer = await dialAs('park', port);
    const broker = await dialAs('connect', port, { early: 'early' });
    await newer.expect('offer');
    clock.advance(ACCEPT_TIMEOUT_MS);
    expect(await newer.ended).toBe('reset');
    expect(newer.unread).toEqual({ frames: 0, bytes: 0 });
    await acceptOffer(older);
    await broker.expect('paired');
    expect(await older.opaque(5)).toBe('early');
  });

  it('passes one end on alone, and the other later', async () => {
    const { relay, port } = await startRelay();
    const { bridge, broker } = await pairUp(port);
    broker.send('a question');
    broker.end();
    expect(await bridge.opaque(10)).toBe('a question');
    expect(await bridge.ended).toBe('end');
    bridge.send('an answer');
    expect(await broker.opaque(9)).toBe('an answer');
    bridge.end();
    expect(await broker.ended).toBe('end');
    await until(() => relay.splices === 0);
  });

  it.each(['bridge', 'broker'] as const)('passes a reset of the %s on', async (who) => {
    const { relay, port } = await startRelay();
    const pair = await pairUp(port);
    pair[who].reset();
    expect(await pair[who === 'bridge' ? 'broker' : 'bridge'].ended).toBe('reset');
    await until(() => relay.splices === 0);
  });

  it('resets the bridge when the broker resets before ACCEPT', async () => {
    const { relay, port } = await startRelay();
    const bridge = await dialAs('park', port);
    const broker = await dialAs('connect', port);
    await bridge.expect('offer');
    broker.reset();
    expect(await bridge.ended).toBe('reset');
    expect([relay.parked, relay.splices]).toEqual([0, 0]);
  });

  it('goes on with the next bridge when one resets before ACCEPT', async () => {
    const { port } = await startRelay();
    const bridge = await dialAs('park', port);
    const broker = await dialAs('connect', port, { early: 'early' });
    await bridge.expect('offer');
    bridge.reset();
    await broker.expect('waiting');
    const next = await dialAs('park', port);
    await acceptOffer(next);
    await broker.expect('paired');
    expect(await next.opaque(5)).toBe('early');
  });

  it('cuts a bridge that accepts another pair id, and keeps its broker', async () => {
    const { port } = await startRelay();
    const bridge = await dialAs('park', port);
    const broker = await dialAs('connect', port);
    await bridge.expect('offer');
    bridge.send({ type: 'accept', pairId: Buffer.alloc(16) });
    expect(await bridge.ended).toBe('reset');
    await broker.expect('waiting');
  });

  it('reaches the bridge that is wanted, and none that is not', async () => {
    const { port } = await startRelay();
    const [one, two] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const first = await dialAs('park', port, { more: { instance: one } });
    const second = await dialAs('park', port, { more: { instance: two } });
    const broker = await dialAs('connect', port, { more: { wanted: two } });
    await acceptOffer(second);
    expect((await broker.expect('paired')).bridge).toEqual(two);
    const other = await dialAs('connect', port, { more: { except: [two] } });
    await acceptOffer(first);
    expect((await other.expect('paired')).bridge).toEqual(one);
  });

  it('shows the demo what it passes on, and that the rest is not in it', async () => {
    const seen: string[] = [];
    const { port } = await startRelay({ tap: (direction, chunk) => seen.push(`${direction} ${chunk}`) });
    const { bridge, broker } = await pairUp(port);
    broker.send('question');
    await bridge.opaque(8);
    bridge.send('answer');
    await broker.opaque(6);
    expect(seen).toEqual(['aToB question', 'bToA answer']);
  });
});

describe('time', () => {
  it('pings a parked bridge, keeps it for its PONG, and cuts it without one', async () => {
    const { relay, clock, port } = await startRelay();
    const bridge = await dialAs('park', port);
    clock.advance(PING_INTERVAL_MS);
    const { token } = await bridge.expect('ping');
    bridge.send({ type: 'pong', token }, encodeClientFrame({ type: 'ping', token: 77 }));
    expect(await bridge.expect('pong')).toEqual({ type: 'pong', token: 77 });
    clock.advance(PING_INTERVAL_MS);
    await bridge.expect('ping');
    clock.advance(PONG_TIMEOUT_MS);
    expect(relay.parked).toBe(0);
    expect(await bridge.ended).toBe('reset');
  });

  it('refuses a broker for which no bridge comes, and says what to compare', async () => {
    const { clock, port } = await startRelay();
    const broker = await dialAs('connect', port, { early: 'early' });
    await broker.expect('waiting');
    clock.advance(BROKER_WAIT_MS);
    const { code, text } = await broker.expect('refused');
    expect([code, text]).toEqual(['noBridge', expect.stringContaining('`beacon info-hash` on both sides')]);
    expect(await broker.ended).toBe('end');
  });

  it('refuses a client that sends no whole HELLO', async () => {
    const { clock, port } = await startRelay();
    const client = await WireClient.dial(port);
    client.send(encodeClientFrame(hello('park')).subarray(0, 40));
    await settle();
    clock.advance(HELLO_TIMEOUT_MS);
    // The end of a handshake reaches the client before the relay has seen it.
    while (client.unread.frames === 0) {
      await settle();
      clock.advance(HELLO_TIMEOUT_MS);
    }
    expect(await client.expect('refused')).toMatchObject({ code: 'timeout' });
  });

  it('counts a deadline although something happens all the time', async () => {
    const { clock, port } = await startRelay();
    const broker = await dialAs('connect', port);
    await broker.expect('waiting');
    for (let turn = 0; turn < 5; turn += 1) {
      clock.advance(BROKER_WAIT_MS / 5 - 1);
      (await dialAs('park', port, { pki: stranger })).close();
    }
    clock.advance(5);
    expect(await broker.expect('refused')).toMatchObject({ code: 'noBridge' });
  });
});

describe('close', () => {
  it('tells whoever still reads frames, and cuts the rest', async () => {
    const { relay, port } = await startRelay();
    const { bridge, broker } = await pairUp(port);
    const parked = await dialAs('park', port);
    const silent = await WireClient.dial(port);
    const waiting = await dialAs('connect', port, { more: { wanted: Buffer.alloc(16, 9) } });
    await waiting.expect('waiting');
    const closed = relay.close();
    for (const client of [parked, waiting, silent]) {
      expect(await client.expect('refused')).toMatchObject({ code: 'draining' });
      expect(await client.ended).toBe('end');
      client.end();
    }
    expect([await bridge.ended, await broker.ended]).toEqual(['reset', 'reset']);
    await closed;
    expect([relay.parked, relay.splices]).toEqual([0, 0]);
    await expect(WireClient.dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('does not wait for ever for a client that stays', async () => {
    const { relay, clock, port } = await startRelay();
    const parked = await dialAs('park', port);
    let closed = false;
    const closing = relay.close().then(() => {
      closed = true;
    });
    await parked.expect('refused');
    await settle();
    expect(closed).toBe(false);
    clock.advance(REFUSED_LINGER_MS);
    await closing;
  });

  it('resets an offered bridge, which reads no frames any more', async () => {
    const { relay, port } = await startRelay();
    const bridge = await dialAs('park', port);
    const broker = await dialAs('connect', port);
    await bridge.expect('offer');
    const closed = relay.close();
    expect(await bridge.ended).toBe('reset');
    await broker.expect('waiting');
    expect(await broker.expect('refused')).toMatchObject({ code: 'draining' });
    broker.end();
    await closed;
  });

  it('lets nobody in whose handshake was under way', async () => {
    const { relay, clock, port } = await startRelay();
    const stays = await dialAs('park', port);
    const raw = connectTcp(port, '127.0.0.1');
    await once(raw, 'connect');
    // Accepted in order: once the second is served, the first is in.
    await dialAs('park', port);
    const closed = relay.close();
    await stays.expect('refused');
    const { ca } = relayTrust();
    const late = connectTls({ socket: raw, ca: [...ca], ALPNProtocols: [ALPN] });
    late.on('error', () => {});
    late.write(encodeClientFrame(hello('park')));
    await new Promise((resolve) => late.once('close', resolve));
    clock.advance(REFUSED_LINGER_MS);
    await closed;
  });

  it('may come before anybody was there, and twice', async () => {
    const { relay } = await startRelay();
    await relay.close();
    await relay.close();
  });
});

describe('what it writes down', () => {
  it('holds no address and no info_hash at info and above, and no port of a client at all', async () => {
    const { lines, port } = await startRelay();
    const { bridge, broker } = await pairUp(port);
    bridge.end();
    broker.end();
    await Promise.all([bridge.ended, broker.ended]);
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    expect(text).not.toContain(pki.infoHash);
    expect(text).not.toContain('127.0.0.1');
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });
});

it('says in one line why it cannot listen', async () => {
  const { port } = await startRelay();
  const second = new Relay({
    host: '127.0.0.1',
    port,
    credentials: relayCredentials(),
    node: 'relay-1',
    zone: '',
    policy: () => ({ allowUnproven: false, allowed: undefined, memory: new ProofMemory() }),
    drainTimeoutMs: DRAIN_TIMEOUT_DEFAULT_MS,
    clock: new ManualClock(),
    random: systemRandom,
    log: createLog({ level: 'error', format: 'json', write: () => {} }),
  });
  await expect(second.listen()).rejects.toSatisfy(
    (error) => error instanceof BeaconError && error.code === 'config' && /in use/.test(error.message),
  );
  await second.close();
});
