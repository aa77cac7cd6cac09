/** The origin's state machine over a link in memory, the holder played by the test. */
import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import {
  FORWARD_JOIN_TIMEOUT_MS,
  FORWARD_SIGN_MS,
  FORWARD_SILENCE_MS,
  REFUSED_LINGER_MS,
} from '../../../../src/base/limits.ts';
import { encodeHolderFrame } from '../../../../src/wire/forward-codec.ts';
import type { HolderFrame } from '../../../../src/wire/forward-frames.ts';
import { settle } from '../../../support/manual-clock.ts';
import { watch } from '../../../support/streams.ts';
import { BRIDGE, FORWARD, JOINED, NOT_HERE, type OriginEnd, originEnd, REQUEST, YEAR_MS } from './ends.ts';

const QUEUED: HolderFrame = { type: 'queued' };
const READY: HolderFrame = { type: 'ready' };
const DRAINING: HolderFrame = { type: 'refused', code: 'draining' };

/** The steps before JOINED, and what has been told by then. */
const STEPS: Record<string, { reach: (end: OriginEnd) => Promise<void>; told: string[] }> = {
  asking: { reach: (end) => end.dialled(), told: [] },
  queued: {
    reach: async (end) => {
      await end.dialled();
      await end.far.say(QUEUED);
    },
    told: ['queued'],
  },
  taken: {
    reach: async (end) => {
      await end.dialled();
      await end.far.say(READY);
    },
    told: ['ready'],
  },
};

/** At READY with the answer not given yet. */
async function asked(): Promise<OriginEnd> {
  const end = originEnd({ onReady: () => {} });
  await end.dialled();
  await end.far.say(READY);
  return end;
}

describe('an origin', () => {
  it('asks, stands in line, takes and is joined', async () => {
    const end = originEnd();
    await end.dialled();
    expect(end.far.frames).toEqual([FORWARD]);
    for (let times = 0; times < 3; times += 1) await end.far.say(QUEUED);
    expect(end.told).toEqual(['queued']);
    await end.far.say(READY);
    expect(end.far.types).toEqual(['forward', 'take']);
    await end.far.say(QUEUED, QUEUED);
    await end.far.say(JOINED);
    expect(end.told).toEqual(['queued', 'ready', 'done', `joined ${BRIDGE}`]);
    const atOrigin = watch(end.joined[0]?.stream ?? expect.unreachable());
    end.joined[0]?.stream.write('ping');
    await end.far.say(Buffer.from('pong'));
    expect(atOrigin.bytes.toString()).toBe('pong');
    expect(end.far.seen.bytes.subarray(-4).toString()).toBe('ping');
  });

  it('loses no byte of the bridge, wherever the stream is cut', async () => {
    const opaque = Buffer.from([0, 1, 0x12, 0, 5, 0x99, 1]);
    const after = Buffer.concat([encodeHolderFrame(QUEUED), encodeHolderFrame(JOINED), opaque]);
    for (let at = 0; at <= after.length; at += 1) {
      const end = originEnd();
      await end.dialled();
      await end.far.say(READY);
      if (at > 0) await end.far.say(after.subarray(0, at));
      if (at < after.length) await end.far.say(after.subarray(at));
      const [link] = end.joined;
      expect(link?.stream.isPaused()).toBe(true);
      const atOrigin = watch(link?.stream ?? expect.unreachable());
      await settle();
      expect(atOrigin.bytes).toEqual(opaque);
    }
  });

  it('has no limit left once it is joined', async () => {
    const end = originEnd();
    await STEPS['taken']?.reach(end);
    await end.far.say(JOINED);
    expect(end.clock.pending).toBe(0);
    const atOrigin = watch(end.joined[0]?.stream ?? expect.unreachable());
    await end.clock.advanceAsync(YEAR_MS);
    await end.far.say(Buffer.from('still here'));
    expect(atOrigin.bytes.toString()).toBe('still here');
    expect(end.told).toEqual(['ready', 'done', `joined ${BRIDGE}`]);
    // And is not ours any more.
    end.outgoing.cancel();
    end.outgoing.abort();
    end.outgoing.take();
    await settle();
    expect(atOrigin.events).toEqual([]);
  });

  it('declines, ends, and hears no more', async () => {
    const end = originEnd({ onReady: () => end.outgoing.decline() });
    await end.dialled();
    await end.far.say(READY);
    expect(end.far.types).toEqual(['forward', 'decline']);
    expect(end.far.seen.events).toEqual(['end']);
    await end.far.say(NOT_HERE);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual(['ready', 'done']);
    end.outgoing.cancel();
  });

  it('resets a holder that does not close after DECLINE', async () => {
    const end = originEnd({ onReady: () => end.outgoing.decline() });
    await end.dialled();
    await end.far.say(READY);
    await end.clock.advanceAsync(REFUSED_LINGER_MS - 1);
    expect(end.told).toEqual(['ready']);
    await end.clock.advanceAsync(1);
    await end.far.seen.closed;
    expect(end.far.seen.events).toEqual(['end', 'error:ECONNRESET', 'close']);
    expect(end.told).toEqual(['ready', 'done']);
  });
});

describe.each(Object.entries(STEPS))('in step %s', (_, { reach, told }) => {
  it.each([
    ['NOTHERE', NOT_HERE, 'failed notHere 7 42'],
    ['REFUSED', DRAINING, 'failed refused draining'],
  ])('%s ends it, and both sides end', async (_name, frame, failure) => {
    const end = originEnd();
    await reach(end);
    await end.far.say(frame);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual([...told, failure, 'done']);
    expect(end.far.seen.events).toEqual(['end', 'close']);
  });

  it('a holder that goes silent is given up after 2 s', async () => {
    const end = originEnd();
    await reach(end);
    await end.clock.advanceAsync(FORWARD_SILENCE_MS - 1);
    expect(end.told).toEqual(told);
    await end.clock.advanceAsync(1);
    await end.far.seen.closed;
    expect(end.told).toEqual([...told, 'done', 'failed unreachable unreachable']);
    expect(end.far.seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it('cancel shows the holder an abort, and nothing is told any more', async () => {
    const end = originEnd();
    await reach(end);
    end.outgoing.cancel();
    end.outgoing.cancel();
    await end.far.seen.closed;
    await end.clock.advanceAsync(YEAR_MS);
    expect(end.told).toEqual([...told, 'done']);
    expect(end.far.seen.events).toEqual(['error:ECONNRESET', 'close']);
  });

  it.each(['end', 'reset'] as const)('a holder that leaves by %s is unreachable', async (how) => {
    const end = originEnd();
    await reach(end);
    if (how === 'end') end.far.link.stream.end();
    else end.far.link.reset();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual([...told, 'done', 'failed unreachable closed']);
  });

  it.each([
    ['an unknown frame', Buffer.from('00017f', 'hex')],
    ['an oversize frame', Buffer.from('03ff13', 'hex')],
    ['a frame of beacon/1', Buffer.from('00052100000007', 'hex')],
    ["an origin's frame", Buffer.from('000102', 'hex')],
    ['noise', Buffer.from('HTTP/1.1 400 Bad Request\r\n')],
  ])('%s is answered with an abort', async (_name, bytes) => {
    const end = originEnd();
    await reach(end);
    await end.far.say(bytes);
    await end.far.seen.closed;
    expect(end.told).toEqual([...told, 'done', 'failed unreachable malformed']);
    expect(end.far.seen.events).toEqual(['error:ECONNRESET', 'close']);
  });
});

describe('silence', () => {
  it('is broken by QUEUED, for as long as that comes', async () => {
    const end = originEnd();
    await end.dialled();
    for (let at = 0; at < 60_000; at += FORWARD_SIGN_MS) {
      await end.far.say(QUEUED);
      await end.clock.advanceAsync(FORWARD_SIGN_MS);
    }
    expect(end.told).toEqual(['queued']);
    await end.clock.advanceAsync(FORWARD_SILENCE_MS);
    expect(end.told).toEqual(['queued', 'done', 'failed unreachable unreachable']);
  });

  it('is not the only limit between TAKE and JOINED', async () => {
    const end = originEnd();
    await STEPS['taken']?.reach(end);
    for (let at = 0; at < FORWARD_JOIN_TIMEOUT_MS; at += FORWARD_SIGN_MS) {
      expect(end.told).toEqual(['ready']);
      await end.far.say(QUEUED);
      await end.clock.advanceAsync(FORWARD_SIGN_MS);
    }
    expect(end.told).toEqual(['ready', 'done', 'failed unreachable unreachable']);
  });
});

describe('frames out of place', () => {
  it.each([
    ['JOINED before READY', [JOINED]],
    ['a second READY', [READY, READY]],
  ])('%s: an abort', async (_, frames) => {
    const end = originEnd();
    await end.dialled();
    await end.far.say(...frames);
    await end.far.seen.closed;
    expect(end.told.at(-1)).toBe('failed unreachable malformed');
  });

  it.each([
    ['QUEUED', QUEUED],
    ['JOINED', JOINED],
  ])('%s before the answer to READY: an abort', async (_, frame) => {
    const end = await asked();
    await end.far.say(frame);
    expect(end.told).toEqual(['ready', 'done', 'failed unreachable malformed']);
    // Too late, and harmless.
    end.outgoing.take();
    end.outgoing.decline();
    await end.far.seen.closed;
    expect(end.far.types).toEqual(['forward']);
  });

  it('the holder may take READY back', async () => {
    const end = await asked();
    await end.far.say(NOT_HERE);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual(['ready', 'failed notHere 7 42', 'done']);
  });
});

describe('a dial', () => {
  it('that fails is told with its error', async () => {
    const end = originEnd();
    await end.dialFails(new BeaconError('untrusted', 'somebody else'));
    expect([end.told, end.left]).toEqual([['done', 'failed unreachable untrusted'], [false]]);
  });

  it.each([
    ['before it begins', false],
    ['while it is under way', true],
  ])('that is cancelled %s is told to nobody', async (_, begun) => {
    const end = originEnd();
    if (begun) await settle();
    end.outgoing.cancel();
    await settle();
    expect([end.told, end.left]).toEqual([['done'], [false]]);
  });

  it('that succeeds in the turn in which it is cancelled leaves no socket', async () => {
    const end = originEnd();
    await settle();
    const done = end.dialled();
    end.outgoing.cancel();
    await done;
    await end.far.seen.closed;
    expect([end.told, end.left]).toEqual([['done'], [false]]);
    expect(end.far.seen.events).toEqual(['error:ECONNRESET', 'close']);
  });
});

describe('the place at the gate', () => {
  it.each([
    ['QUEUED', QUEUED],
    ['READY', READY],
    ['NOTHERE', NOT_HERE],
    ['REFUSED', DRAINING],
  ])('is given back at the first word of the holder: %s', async (_, frame) => {
    const end = originEnd();
    await end.dialled();
    expect(end.left).toEqual([]);
    await end.far.say(frame);
    expect(end.left).toEqual([true]);
    end.outgoing.cancel();
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.left).toEqual([true]);
  });

  it.each([
    ['silence', (end: OriginEnd) => end.clock.advance(FORWARD_SILENCE_MS)],
    ['an abort', (end: OriginEnd) => end.far.link.reset()],
    ['our own cancel', (end: OriginEnd) => end.outgoing.cancel()],
  ])('is given back after %s, which is no sign of life', async (_, happen) => {
    const end = originEnd();
    await end.dialled();
    happen(end);
    await end.far.seen.closed;
    await settle();
    expect(end.left).toEqual([false]);
  });
});

describe('mistakes of ours', () => {
  it('are asserted: an answer before READY, a request that breaks the limits', async () => {
    const end = originEnd();
    await end.dialled();
    expect(() => end.outgoing.take()).toThrow(AssertionError);
    expect(() => end.outgoing.decline()).toThrow(AssertionError);
    end.outgoing.cancel();
    expect(() => originEnd({}, { ...REQUEST, pairId: 'cc' })).toThrow(AssertionError);
  });

  it('in onReady end the forward', async () => {
    const end = originEnd({
      onReady: () => {
        throw new TypeError('boom');
      },
    });
    await end.dialled();
    await end.far.say(READY);
    await end.far.seen.closed;
    expect(end.told).toEqual(['ready', 'fault', 'done', 'failed unreachable internal']);
  });

  it('in onJoined reset the link that nobody took', async () => {
    const end = originEnd({
      onJoined: () => {
        throw new TypeError('boom');
      },
    });
    await STEPS['taken']?.reach(end);
    await end.far.say(JOINED);
    await end.far.seen.closed;
    expect(end.told).toEqual(['ready', 'done', `joined ${BRIDGE}`, 'fault']);
    expect(end.far.seen.events).toEqual(['error:ECONNRESET', 'close']);
  });
});
