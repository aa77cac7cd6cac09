/** The sessions of a bridge: who begins one, who joins one, and who does neither; the owner unharmed every time. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { BRIDGE_TUNNELS, LEG_OPENING_MS } from '../../../src/base/limits.ts';
import { systemRandom } from '../../../src/base/random.ts';
import {
  dataHeader,
  encodeTunnelFrame,
  TUNNEL_VERSION,
  type TunnelFrame,
  TunnelFrameDecoder,
} from '../../../src/tunnel/frames.ts';
import { attachMac, type Exchange } from '../../../src/tunnel/session/attach.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { memoryLinks } from '../../support/memory-link.ts';
import {
  type BridgeSide,
  bridgeSide,
  KEY,
  SESSION,
  type SessionPair,
  sessionPair,
} from '../../support/session-pair.ts';
import { type Watched, watch } from '../../support/streams.ts';

checkLeaks();

const VERSION = Buffer.of(TUNNEL_VERSION);
const NONCE = Buffer.alloc(32, 1);
const ATTACH: TunnelFrame = { type: 'attach', session: SESSION, nonce: NONCE };

/** Somebody at the other end of a leg. */
class Somebody {
  readonly heard: TunnelFrame[] = [];
  readonly seen: Watched;
  readonly #link;

  constructor(side: BridgeSide) {
    const [link, peer] = memoryLinks();
    this.#link = peer;
    const decoder = new TunnelFrameDecoder({
      onData: () => {},
      onClose: () => {},
      onFrame: (frame) => this.heard.push(frame),
    });
    peer.stream.on('data', (bytes: Buffer) => decoder.push(bytes));
    this.seen = watch(peer.stream);
    onTestFinished(() => {
      link.reset();
      peer.reset();
    });
    side.sessions.accept(link);
    peer.stream.write(VERSION);
  }

  say(...frames: readonly (TunnelFrame | Buffer)[]): void {
    const bytes = frames.map((frame) => (Buffer.isBuffer(frame) ? frame : encodeTunnelFrame(frame)));
    this.#link.stream.write(Buffer.concat(bytes));
  }

  leave(how: 'ends' | 'is cut'): void {
    if (how === 'ends') this.#link.stream.end();
    else this.#link.reset();
  }

  /** Says ATTACH and waits for the challenge; what a proof for it is made of. */
  async challenged(
    attach: TunnelFrame & { type: 'attach' } = { ...ATTACH, type: 'attach', session: SESSION, nonce: NONCE },
  ): Promise<Exchange> {
    this.say(attach);
    await settled(() => this.heard.length > 0);
    const [challenge] = this.heard;
    if (challenge?.type !== 'challenge') throw new Error('no CHALLENGE');
    return { key: KEY, session: attach.session, brokerNonce: attach.nonce, bridgeNonce: challenge.nonce };
  }
}

function prove(offset: number, mac: Buffer): TunnelFrame {
  return { type: 'prove', offset, mac };
}

/** The owner's bytes go both ways, over the owner's one leg. */
async function unharmed({ broker, bridge }: SessionPair): Promise<void> {
  const [atBroker, atBridge] = [watch(broker), watch(bridge)];
  broker.write('to the store');
  bridge.write('to the pod');
  await settled(() => atBroker.bytes.length > 0 && atBridge.bytes.length > 0);
  expect([atBroker.bytes.toString(), atBridge.bytes.toString()]).toEqual(['to the pod', 'to the store']);
  expect(bridge.legs).toHaveLength(1);
}

describe('a session', () => {
  it('is begun by NEW, and joined by whoever has its key', async () => {
    const pair = await sessionPair();
    expect([pair.side.sessions.size, pair.side.sessions.opening]).toEqual([1, 0]);
    const { leg } = await pair.add();
    expect([leg.id, pair.bridge.legs.length, pair.broker.legs.length]).toEqual([2, 2, 2]);
    expect([pair.side.sessions.size, pair.side.sessions.opening]).toEqual([1, 0]);
    expect(pair.side.failed).toEqual([]);
  });

  it('is forgotten when it is gone', async () => {
    const { broker, bridge, side } = await sessionPair();
    broker.destroy();
    await Promise.all([broker.gone, bridge.gone]);
    await settled(() => side.sessions.size === 0);
    expect(side.sessions.size).toBe(0);
  });

  it('is not begun twice: the second leg is reset, the owner is unharmed', async () => {
    const pair = await sessionPair();
    const thief = new Somebody(pair.side);
    thief.say({ type: 'new', session: SESSION });
    await thief.seen.closed;
    expect(thief.seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(pair.side.failed).toEqual(['malformed']);
    await unharmed(pair);
  });

  it.each<[string, (exchange: Exchange) => Buffer]>([
    ['a wrong MAC', (exchange) => attachMac('broker', { ...exchange, key: Buffer.alloc(32) }, 0)],
    ['a MAC of zeroes', () => Buffer.alloc(32)],
    ['a MAC in the role of the bridge', (exchange) => attachMac('bridge', exchange, 0)],
    [
      'a MAC for another session',
      (exchange) => attachMac('broker', { ...exchange, session: Buffer.alloc(16) }, 0),
    ],
    ['a MAC for another offset', (exchange) => attachMac('broker', exchange, 7)],
  ])('is not joined with %s; the owner is unharmed', async (_what, macOf) => {
    const pair = await sessionPair();
    const thief = new Somebody(pair.side);
    thief.say(prove(0, macOf(await thief.challenged())));
    await thief.seen.closed;
    expect(thief.heard.map(({ type }) => type)).toEqual(['challenge']);
    expect(pair.side.failed).toEqual(['proofInvalid']);
    await unharmed(pair);
  });

  it('is not joined by a PROVE that was good once, replayed with its nonce', async () => {
    const pair = await sessionPair();
    const owner = new Somebody(pair.side);
    const good = attachMac('broker', await owner.challenged(), 0);
    owner.say(prove(0, good));
    await settled(() => pair.bridge.legs.length === 2);
    owner.leave('is cut');
    await settled(() => pair.bridge.legs.length === 1);
    const thief = new Somebody(pair.side);
    await thief.challenged();
    thief.say(prove(0, good));
    await thief.seen.closed;
    expect(pair.side.failed).toEqual(['proofInvalid']);
    await unharmed(pair);
  });

  it('is not joined by the PROVE of the bridge, reflected to it on another leg', async () => {
    const pair = await sessionPair();
    const owner = new Somebody(pair.side);
    owner.say(prove(0, attachMac('broker', await owner.challenged(), 0)));
    await settled(() => owner.heard.some(({ type }) => type === 'prove'));
    const reflected = owner.heard.find(({ type }) => type === 'prove');
    owner.leave('is cut');
    await settled(() => pair.bridge.legs.length === 1);
    const thief = new Somebody(pair.side);
    await thief.challenged();
    if (reflected) thief.say(reflected);
    await thief.seen.closed;
    expect(pair.side.failed).toEqual(['proofInvalid']);
    await unharmed(pair);
  });

  it('that nobody knows is answered just like one that there is, up to the proof', async () => {
    const pair = await sessionPair();
    const guesser = new Somebody(pair.side);
    const exchange = await guesser.challenged({
      type: 'attach',
      session: Buffer.alloc(16, 99),
      nonce: NONCE,
    });
    guesser.say(prove(0, attachMac('broker', exchange, 0)));
    await guesser.seen.closed;
    expect(guesser.seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(pair.side.failed).toEqual(['proofInvalid']);
    await unharmed(pair);
  });

  it('is not joined before its inner handshake is over, not even with what will be its key', async () => {
    const pair = await sessionPair({ established: false });
    const early = new Somebody(pair.side);
    early.say(prove(0, attachMac('broker', await early.challenged(), 0)));
    await early.seen.closed;
    expect(pair.side.failed).toEqual(['proofInvalid']);
    for (const stream of [pair.broker, pair.bridge]) stream.establish(KEY);
    await unharmed(pair);
  });

  it('ends at once when a right MAC goes with an offset that was never sent', async () => {
    const { side, bridge } = await sessionPair();
    const seen = watch(bridge);
    const owner = new Somebody(side);
    owner.say(prove(99, attachMac('broker', await owner.challenged(), 99)));
    await seen.closed;
    expect(seen.events).toEqual(['error:malformed', 'close']);
    await settled(() => owner.heard.some(({ type }) => type === 'abort'));
    owner.leave('ends');
    await settled(() => side.sessions.size === 0);
    expect(side.sessions.size).toBe(0);
  });

  it('is not harmed when others get an offset out of bounds wrong as well', async () => {
    const pair = await sessionPair();
    const thief = new Somebody(pair.side);
    const exchange = { ...(await thief.challenged()), key: Buffer.alloc(32) };
    thief.say(prove(2 ** 50, attachMac('broker', exchange, 2 ** 50)));
    await thief.seen.closed;
    await unharmed(pair);
  });
});

describe('a leg that comes to nothing', () => {
  it.each<[string, (TunnelFrame | Buffer)[]]>([
    ['bytes', [Buffer.concat([dataHeader(0, 1), Buffer.from('x')])]],
    ['PROVE', [prove(0, Buffer.alloc(32))]],
    ['CHALLENGE', [{ type: 'challenge', nonce: NONCE }]],
    ['ATTACH twice', [ATTACH, ATTACH]],
    ['NEW after ATTACH', [ATTACH, { type: 'new', session: Buffer.alloc(16, 8) }]],
    ['an ACK', [{ type: 'ack', offset: 0, limit: 0 }]],
    ['nonsense', [Buffer.from('GET / HTTP/1.1')]],
  ])('says %s, and is reset', async (_what, frames) => {
    const side = bridgeSide(new ManualClock());
    const somebody = new Somebody(side);
    somebody.say(...frames);
    await somebody.seen.closed;
    expect(somebody.seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(side.failed).toEqual(['malformed']);
    await settled(() => side.sessions.opening === 0);
    expect([side.sessions.size, side.sessions.opening]).toEqual([0, 0]);
  });

  it.each(['ends', 'is cut'] as const)('%s, and is forgotten', async (how) => {
    const clock = new ManualClock();
    const side = bridgeSide(clock);
    const somebody = new Somebody(side);
    await somebody.challenged();
    expect(side.sessions.opening).toBe(1);
    somebody.leave(how);
    await settled(() => side.failed.length > 0);
    expect(side.failed).toEqual(['closed']);
    expect([side.sessions.opening, clock.pending]).toEqual([0, 0]);
  });

  it.each(['silent', 'challenged'])(`is given ${LEG_OPENING_MS} ms when it is %s`, async (how) => {
    const clock = new ManualClock();
    const side = bridgeSide(clock);
    const somebody = new Somebody(side);
    if (how === 'challenged') await somebody.challenged();
    await clock.advanceAsync(LEG_OPENING_MS - 1);
    expect(somebody.seen.events).toEqual([]);
    await clock.advanceAsync(1);
    await somebody.seen.closed;
    expect([side.failed, clock.pending]).toEqual([['timeout'], 0]);
  });

  it('is cut, without a word in the log, when the bridge stops; none is taken after that', async () => {
    const clock = new ManualClock();
    const side = bridgeSide(clock);
    const early = new Somebody(side);
    await early.challenged();
    side.sessions.close();
    const late = new Somebody(side);
    await Promise.all([early.seen.closed, late.seen.closed]);
    await settled(() => side.sessions.opening === 0);
    expect([side.failed, side.sessions.opening, clock.pending]).toEqual([[], 0, 0]);
  });
});

describe(`a bridge with ${BRIDGE_TUNNELS} sessions`, () => {
  it('refuses another one, and takes further legs of those', async () => {
    const clock = new ManualClock();
    const pair = await sessionPair({ clock });
    const others = Array.from({ length: BRIDGE_TUNNELS - 1 }, () => new Somebody(pair.side));
    for (const other of others) other.say({ type: 'new', session: systemRandom.bytes(16) });
    await settled(() => pair.side.sessions.size === BRIDGE_TUNNELS);
    const late = new Somebody(pair.side);
    late.say({ type: 'new', session: systemRandom.bytes(16) });
    await late.seen.closed;
    expect(late.seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(pair.side.failed).toEqual(['tooMany']);
    await pair.add();
    expect(pair.bridge.legs).toHaveLength(2);
    for (const other of others) other.leave('is cut');
    await settled(() => pair.side.sessions.size === 1);
    expect(pair.side.sessions.size).toBe(1);
  });
});

describe('every broker of a bridge', () => {
  it('is told to get off a node', async () => {
    const pair = await sessionPair();
    for (const stream of pair.side.sessions.all) stream.leave('relay-1');
    await settled(() => pair.events.length > 0);
    expect(pair.events).toEqual(['leave relay-1']);
  });
});
