/** The first frames of a leg, at the broker and in general: who gets in, who does not, and that nothing is left behind. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { LEG_OPENING_MS } from '../../../src/base/limits.ts';
import { systemRandom } from '../../../src/base/random.ts';
import {
  dataHeader,
  encodeTunnelFrame,
  TUNNEL_VERSION,
  type TunnelFrame,
  TunnelFrameDecoder,
} from '../../../src/tunnel/frames.ts';
import type { Leg } from '../../../src/tunnel/leg.ts';
import { attachLeg } from '../../../src/tunnel/open-leg.ts';
import { attachMac, type Exchange } from '../../../src/tunnel/session/attach.ts';
import type { SessionStream } from '../../../src/tunnel/session-stream.ts';
import { checkLeaks, settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../support/memory-link.ts';
import { KEY, SESSION, sessionPair } from '../../support/session-pair.ts';
import { watch } from '../../support/streams.ts';

checkLeaks();

const NONCE = Buffer.alloc(32, 9);

interface Attempt {
  readonly outcome: Promise<string>;
  /** Says something as the bridge. */
  say(...frames: readonly (TunnelFrame | Buffer)[]): void;
  /** Frames of the broker, as they come. */
  readonly heard: TunnelFrame[];
  /** The exchange, once ATTACH and CHALLENGE are through. */
  exchange(): Exchange;
  readonly peer: MemoryLink;
  readonly abort: AbortController;
}

/** A leg that the test answers, for a session of `broker`. */
async function attempt(broker: SessionStream, clock: ManualClock): Promise<Attempt> {
  const [link, peer] = memoryLinks();
  onTestFinished(() => {
    link.reset();
    peer.reset();
  });
  const heard: TunnelFrame[] = [];
  const decoder = new TunnelFrameDecoder({
    onData: () => {},
    onClose: () => {},
    onFrame: (frame) => heard.push(frame),
  });
  peer.stream.on('data', (bytes: Buffer) => decoder.push(bytes));
  const abort = new AbortController();
  const { signal } = abort;
  const options = { id: 2, link, path: [], clock, random: systemRandom, signal };
  const outcome = attachLeg(broker, options).then(
    (leg: Leg) => `leg ${leg.id}`,
    ({ code }: { code: string }) => code,
  );
  peer.stream.write(Buffer.of(TUNNEL_VERSION));
  await settled(() => heard.length > 0);
  return {
    outcome,
    heard,
    peer,
    abort,
    say: (...frames) => {
      const bytes = frames.map((frame) => (Buffer.isBuffer(frame) ? frame : encodeTunnelFrame(frame)));
      peer.stream.write(Buffer.concat(bytes));
    },
    exchange: () => {
      const [first] = heard;
      if (first?.type !== 'attach') throw new Error('no ATTACH');
      return { key: KEY, session: SESSION, brokerNonce: first.nonce, bridgeNonce: NONCE };
    },
  };
}

async function scene(): Promise<
  Attempt & { broker: SessionStream; clock: ManualClock; unharmed: () => Promise<void> }
> {
  const clock = new ManualClock();
  const { broker, bridge } = await sessionPair({ clock });
  const at = await attempt(broker, clock);
  const unharmed = async (): Promise<void> => {
    const seen = watch(bridge);
    broker.write('still here');
    await settled(() => seen.bytes.length > 0);
    expect(seen.bytes.toString()).toBe('still here');
    expect(broker.legs).toHaveLength(1);
  };
  return { ...at, broker, clock, unharmed };
}

const challenge: TunnelFrame = { type: 'challenge', nonce: NONCE };

describe('a leg that a broker attaches', () => {
  it('is taken when the bridge proves itself, and the rest of the read is for the session', async () => {
    const { broker, outcome, say, heard, exchange } = await scene();
    say(challenge);
    await settled(() => heard.length === 2);
    expect(heard[1]).toEqual({ type: 'prove', offset: 0, mac: attachMac('broker', exchange(), 0) });
    const seen = watch(broker);
    const mac = attachMac('bridge', exchange(), 0);
    say({ type: 'prove', offset: 0, mac }, dataHeader(0, 5), Buffer.from('hello'));
    expect(await outcome).toBe('leg 2');
    await settled(() => seen.bytes.length > 0);
    expect(seen.bytes.toString()).toBe('hello');
    expect(broker.legs).toHaveLength(2);
  });

  it.each<[string, (exchange: Exchange) => Buffer]>([
    ['with a wrong MAC', (exchange) => attachMac('bridge', { ...exchange, key: Buffer.alloc(32) }, 0)],
    ["with the broker's own PROVE, reflected", (exchange) => attachMac('broker', exchange, 0)],
    ['with a PROVE for another offset', (exchange) => attachMac('bridge', exchange, 1)],
    [
      'with a PROVE of another attempt',
      (exchange) => attachMac('bridge', { ...exchange, brokerNonce: Buffer.alloc(32, 1) }, 0),
    ],
  ])('is refused to a bridge %s; the session is unharmed', async (_how, macOf) => {
    const { outcome, say, exchange, unharmed, peer } = await scene();
    const seen = watch(peer.stream);
    say(challenge, { type: 'prove', offset: 0, mac: macOf(exchange()) });
    expect(await outcome).toBe('proofInvalid');
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    await unharmed();
  });

  it.each<[string, (TunnelFrame | Buffer)[]]>([
    ['bytes', [Buffer.concat([dataHeader(0, 1), Buffer.from('x')])]],
    ['a PROVE without CHALLENGE', [{ type: 'prove', offset: 0, mac: Buffer.alloc(32) }]],
    ['a second CHALLENGE', [challenge, challenge]],
    ['an ACK', [{ type: 'ack', offset: 0, limit: 0 }]],
    ['an ABORT', [{ type: 'abort' }]],
    ['a frame that there is not', [Buffer.from('44000000', 'hex')]],
  ])('is refused to a bridge that says %s; the session is unharmed', async (_what, frames) => {
    const { outcome, say, unharmed } = await scene();
    say(...frames);
    expect(await outcome).toBe('malformed');
    await unharmed();
  });

  it('ends the session when the bridge proves an offset that was never sent', async () => {
    const { broker, outcome, say, exchange } = await scene();
    const seen = watch(broker);
    say(challenge, { type: 'prove', offset: 99, mac: attachMac('bridge', exchange(), 99) });
    expect(await outcome).toBe('closed');
    await seen.closed;
    expect(seen.events).toEqual(['error:malformed', 'close']);
    expect(broker.errored?.message).toMatch(/proof of an attachment at 99/);
  });

  it.each(['ends', 'is cut'])('rejects when the link %s before that', async (what) => {
    const { outcome, peer, unharmed } = await scene();
    if (what === 'ends') peer.stream.end();
    else peer.reset();
    expect(await outcome).toBe('closed');
    await unharmed();
  });

  it('rejects when it is given up', async () => {
    const { outcome, abort, peer, unharmed } = await scene();
    const seen = watch(peer.stream);
    abort.abort();
    expect(await outcome).toBe('closed');
    await seen.closed;
    await unharmed();
  });

  it(`rejects after ${LEG_OPENING_MS} ms`, async () => {
    const { broker, clock, outcome, peer } = await scene();
    const seen = watch(peer.stream);
    await clock.advanceAsync(LEG_OPENING_MS - 1);
    expect(seen.events).toEqual([]);
    await clock.advanceAsync(1);
    expect(await outcome).toBe('timeout');
    await seen.closed;
    expect(broker.legs).toHaveLength(1);
  });

  it.each(['is not established', 'is over'])('resets the link when the session %s', async (what) => {
    const clock = new ManualClock();
    const { broker } = await sessionPair({ clock, established: what === 'is over' });
    if (what === 'is over') broker.destroy();
    const [link, peer] = memoryLinks();
    const seen = watch(peer.stream);
    const { signal } = new AbortController();
    const options = { id: 2, link, path: [], clock, random: systemRandom, signal };
    await expect(attachLeg(broker, options)).rejects.toMatchObject({ code: 'closed' });
    await seen.closed;
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
  });
});
