/** One parked connection: pings both ways, frames out of turn, the switch to opaque bytes, and every way to end. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { PING_INTERVAL_MS, PONG_TIMEOUT_MS, RELAY_SILENCE_MS } from '../../../src/base/limits.ts';
import { ParkedConnection } from '../../../src/bridge/parked-connection.ts';
import type { Link } from '../../../src/net/link.ts';
import { encodeRelayFrame } from '../../../src/wire/encode.ts';
import type { RelayFrame } from '../../../src/wire/frames.ts';
import { makePki } from '../../support/certificates.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import { PAIR_ID, PuppetClient, quiet } from '../../support/puppet-relay.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

interface Scene {
  readonly park: ParkedConnection;
  readonly relay: PuppetClient;
  readonly clock: ManualClock;
  /** What the handler was told, in order. */
  readonly told: string[];
  readonly paired: Link[];
}

async function scene({ parked = true } = {}): Promise<Scene> {
  const [near, far] = memoryLinks();
  const clock = new ManualClock();
  const told: string[] = [];
  const paired: Link[] = [];
  const park = new ParkedConnection(
    near,
    { infoHash: makePki().infoHash, instance: Buffer.alloc(16, 7), software: 'test/1', clock },
    {
      onParked: ({ node }) => told.push(`parked at ${node}`),
      onLeave: () => told.push('leave'),
      onDraining: (node) => told.push(`${node} drains`),
      onPaired: (link) => {
        told.push('paired');
        paired.push(link);
      },
      onEnd: ({ code }, parkedMs) => told.push(`end: ${code} after ${parkedMs}`),
    },
  );
  const relay = new PuppetClient(far);
  onTestFinished(() => {
    park.close();
    near.reset();
    far.reset();
    expect(clock.pending).toBe(0);
  });
  if (parked) relay.sendParked();
  await quiet();
  return { park, relay, clock, told, paired };
}

const PING: RelayFrame = { type: 'ping', token: 5 };

describe('a parked connection', () => {
  it('says HELLO and waits', async () => {
    const { relay, told, park } = await scene();
    expect(relay.frames).toMatchObject([{ type: 'hello', role: 'park', software: 'test/1' }]);
    expect(told).toEqual(['parked at relay-0']);
    expect(park.parked).toBe(true);
  });

  it('answers pings, and sends its own with new tokens', async () => {
    const { relay, clock } = await scene();
    relay.send(PING);
    await quiet();
    expect(relay.frames.at(-1)).toEqual({ type: 'pong', token: 5 });
    await clock.advanceAsync(PING_INTERVAL_MS);
    expect(relay.frames.at(-1)).toEqual({ type: 'ping', token: 1 });
    relay.send({ type: 'pong', token: 1 });
    await quiet();
    await clock.advanceAsync(PING_INTERVAL_MS);
    expect(relay.frames.at(-1)).toEqual({ type: 'ping', token: 2 });
  });

  it(`leaves a relay that does not answer within ${PONG_TIMEOUT_MS} ms`, async () => {
    const { relay, clock, told } = await scene();
    await clock.advanceAsync(PING_INTERVAL_MS + PONG_TIMEOUT_MS - 1);
    expect(told).toHaveLength(1);
    // The answer to something else is none.
    relay.send({ type: 'pong', token: 99 });
    await quiet();
    await clock.advanceAsync(1);
    expect(told.at(-1)).toBe(`end: timeout after ${PING_INTERVAL_MS + PONG_TIMEOUT_MS}`);
    await quiet();
    expect(relay.gone).toBe(true);
  });

  it.each([
    ['shorter', 6_000, 6_000],
    ['far too short', 0, PONG_TIMEOUT_MS],
    ['longer', 60_000, PING_INTERVAL_MS],
  ])('pings by the interval of the relay, within bounds: %s', async (_what, asked, kept) => {
    const { relay, clock } = await scene({ parked: false });
    relay.sendParked(asked);
    await quiet();
    await clock.advanceAsync(kept - 1);
    expect(relay.count('ping')).toBe(0);
    await clock.advanceAsync(1);
    expect(relay.count('ping')).toBe(1);
  });

  it(`leaves a relay that says nothing to HELLO for ${RELAY_SILENCE_MS} ms`, async () => {
    const { clock, told } = await scene({ parked: false });
    await clock.advanceAsync(RELAY_SILENCE_MS - 1);
    expect(told).toEqual([]);
    await clock.advanceAsync(1);
    expect(told).toEqual(['end: timeout after 0']);
  });

  it('hands the link over at OFFER; ACCEPT is the last frame, and no opaque byte is lost', async () => {
    const { relay, told, paired, clock } = await scene();
    const offer = encodeRelayFrame({ type: 'offer', pairId: PAIR_ID });
    relay.link.stream.write(Buffer.concat([encodeRelayFrame(PING), offer, Buffer.from('opaque')]));
    await quiet();
    expect(told).toEqual(['parked at relay-0', 'paired']);
    expect(relay.frames.slice(1)).toEqual([
      { type: 'pong', token: 5 },
      { type: 'accept', pairId: PAIR_ID },
    ]);
    expect(clock.pending).toBe(0);
    const [link] = paired;
    const seen = link && watch(link.stream);
    relay.link.stream.end(' bytes');
    await seen?.ended;
    expect(seen?.bytes.toString()).toBe('opaque bytes');
    link?.reset();
  });

  it('is told of GOAWAY when its time has come, once, and stays a park', async () => {
    const { relay, clock, told } = await scene();
    relay.send({ type: 'goaway', reconnectAfterMs: 4_000 });
    relay.send({ type: 'goaway', reconnectAfterMs: 1_000 });
    relay.send({ type: 'draining', node: 'relay-1' });
    await quiet();
    await clock.advanceAsync(3_999);
    expect(told.slice(1)).toEqual(['relay-1 drains']);
    await clock.advanceAsync(6_000);
    expect(told.slice(2)).toEqual(['leave']);
    relay.send({ type: 'offer', pairId: PAIR_ID });
    await quiet();
    expect(told.at(-1)).toBe('paired');
  });

  it.each([
    ['notAllowed', false],
    ['draining', true],
  ] as const)('ends with the refusal %s', async (code, parked) => {
    const { relay, told } = await scene({ parked });
    relay.refuse(code);
    await quiet();
    expect(told.at(-1)).toBe(`end: ${code} after 0`);
  });

  const outOfTurn: readonly (readonly [string, boolean, RelayFrame])[] = [
    ['PARKED twice', true, { type: 'parked', node: 'x', zone: '', incarnation: 1, pingIntervalMs: 1 }],
    ['WAITING', true, { type: 'waiting' }],
    ['PAIRED', true, { type: 'paired', pairId: PAIR_ID, bridge: PAIR_ID, path: [{ node: 'x', zone: '' }] }],
    ['OFFER before PARKED', false, { type: 'offer', pairId: PAIR_ID }],
    ['PING before PARKED', false, PING],
    ['GOAWAY before PARKED', false, { type: 'goaway', reconnectAfterMs: 0 }],
  ];
  it.each(outOfTurn)('ends at %s', async (_what, parked, frame) => {
    const { relay, told, park } = await scene({ parked });
    relay.send(frame);
    await quiet();
    expect(told.at(-1)).toBe('end: malformed after 0');
    expect(park.parked).toBe(false);
  });

  it('ends at bytes that are no frame', async () => {
    const { relay, told } = await scene();
    relay.link.stream.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    await quiet();
    expect(told.at(-1)).toMatch(/^end: malformed/);
  });

  it.each(['ends', 'resets'])('ends when the relay %s the connection', async (how) => {
    const { relay, told } = await scene();
    if (how === 'ends') relay.link.stream.end();
    else relay.link.reset();
    await quiet();
    expect(told.at(-1)).toBe('end: closed after 0');
  });

  it('ends when the relay asks and asks and reads no answer', async () => {
    const { relay, told } = await scene();
    relay.link.stream.pause();
    for (let count = 0; count < 20_000 && told.length === 1; count += 1) {
      relay.send(PING);
      if (count % 100 === 0) await quiet();
    }
    expect(told.at(-1)).toBe('end: timeout after 0');
  });

  it('says nothing after it was closed', async () => {
    const { park, relay, told, clock } = await scene();
    park.close();
    relay.send({ type: 'offer', pairId: PAIR_ID });
    relay.link.reset();
    await quiet();
    await clock.advanceAsync(60_000);
    expect(told).toEqual(['parked at relay-0']);
  });
});
