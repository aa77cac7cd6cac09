/** The holder's state machine over a link in memory, the origin played by the test. */
import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import {
  CONTROL_BUFFER_BYTES,
  FORWARD_HEADER_MS,
  FORWARD_PATIENCE_MS,
  FORWARD_SIGN_MS,
  FORWARD_SILENCE_MS,
  REFUSED_LINGER_MS,
} from '../../../../src/base/limits.ts';
import { encodeOriginFrame } from '../../../../src/wire/forward-codec.ts';
import type { OriginFrame } from '../../../../src/wire/forward-frames.ts';
import { settle } from '../../../support/manual-clock.ts';
import { watch } from '../../../support/streams.ts';
import { BRIDGE, FORWARD, type HolderEnd, holderEnd, JOINED, NOT_HERE, REQUEST, YEAR_MS } from './ends.ts';

const TAKE: OriginFrame = { type: 'take' };
const DECLINE: OriginFrame = { type: 'decline' };

/** The steps after FORWARD, and what has been told by then. */
const STEPS: Record<string, { reach: (end: HolderEnd) => Promise<void>; told: string[]; said: string[] }> = {
  waiting: { reach: (end) => end.far.say(FORWARD), told: ['request'], said: [] },
  queued: {
    reach: async (end) => {
      await end.far.say(FORWARD);
      end.incoming.queued();
      await settle();
    },
    told: ['request'],
    said: ['queued'],
  },
  ready: {
    reach: async (end) => {
      await end.far.say(FORWARD);
      end.incoming.ready();
      await settle();
    },
    told: ['request'],
    said: ['ready'],
  },
  taken: {
    reach: async (end) => {
      await end.far.say(FORWARD);
      end.incoming.ready();
      await end.far.say(TAKE);
    },
    told: ['request', 'answer yes'],
    said: ['ready'],
  },
};

async function expectAbort(end: HolderEnd): Promise<void> {
  await end.far.seen.closed;
  await settle();
  expect(end.far.seen.events).toEqual(['error:ECONNRESET', 'close']);
}

describe('a holder', () => {
  it('hands out the request, and joins it to a bridge', async () => {
    const end = holderEnd();
    await end.far.say(FORWARD);
    expect(end.told).toEqual(['request']);
    expect([end.incoming.id, end.incoming.request]).toEqual([3, REQUEST]);
    end.incoming.queued();
    end.incoming.queued();
    await end.clock.advanceAsync(2 * FORWARD_SIGN_MS);
    end.incoming.ready();
    await end.clock.advanceAsync(FORWARD_SIGN_MS);
    expect(end.far.types).toEqual(['queued', 'queued', 'queued', 'ready']);
    await end.far.say(TAKE);
    await end.clock.advanceAsync(2 * FORWARD_SIGN_MS);
    const link = end.incoming.join(BRIDGE);
    await settle();
    expect(end.far.frames.slice(4)).toEqual([{ type: 'queued' }, { type: 'queued' }, JOINED]);
    expect(end.told).toEqual(['request', 'answer yes', 'done']);
    const atHolder = watch(link.stream);
    link.stream.write('from the bridge');
    await end.far.say(Buffer.from('from the broker'));
    expect(atHolder.bytes.toString()).toBe('from the broker');
    expect(end.far.seen.bytes.toString()).toMatch(/from the bridge$/);
  });

  it('reads a request however it is cut', async () => {
    const whole = encodeOriginFrame(FORWARD);
    for (let at = 1; at < whole.length; at += 1) {
      const end = holderEnd({ onRequest: (forward) => forward.drop() });
      await end.far.say(whole.subarray(0, at));
      expect(end.told).toEqual([]);
      await end.far.say(whole.subarray(at));
      expect(end.told).toEqual(['request', 'done']);
    }
  });

  it('has no limit left once it is joined', async () => {
    const end = holderEnd();
    await STEPS['taken']?.reach(end);
    const link = end.incoming.join(BRIDGE);
    expect(end.clock.pending).toBe(0);
    const atHolder = watch(link.stream);
    await end.clock.advanceAsync(YEAR_MS);
    await end.far.say(Buffer.from('still here'));
    expect(atHolder.bytes.toString()).toBe('still here');
    expect(end.told).toEqual(['request', 'answer yes', 'done']);
    // And is not ours any more.
    end.incoming.drop();
    end.incoming.refuse('draining');
    await settle();
    expect([atHolder.events, end.far.seen.events]).toEqual([[], []]);
  });

  it('is done with an origin that declines', async () => {
    const end = holderEnd();
    await STEPS['ready']?.reach(end);
    await end.far.say(DECLINE);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual(['request', 'answer no', 'done']);
    expect(end.far.seen.events).toEqual(['end', 'close']);
  });
});

describe('a request', () => {
  it.each([0, 2, 255])('with hop count %i is refused malformed', async (hops) => {
    const end = holderEnd();
    await end.far.say({ ...FORWARD, hops });
    end.far.link.stream.end();
    await end.far.seen.closed;
    expect(end.far.frames).toEqual([{ type: 'refused', code: 'malformed' }]);
    expect(end.told).toEqual(['done']);
  });

  it("in another node's name is aborted, whatever else it says", async () => {
    const end = holderEnd({}, 'origin-1');
    await end.far.say({ ...FORWARD, hops: 2 });
    await expectAbort(end);
    expect(end.told).toEqual(['done', 'lost untrusted']);
    expect(end.far.seen.bytes).toHaveLength(0);
  });

  it('of another version is refused, so that the origin can ask with the one before', async () => {
    const end = holderEnd();
    await end.far.say(Buffer.from('0003010200', 'hex'));
    end.far.link.stream.end();
    await end.far.seen.closed;
    expect(end.far.frames).toEqual([{ type: 'refused', code: 'unsupportedVersion' }]);
    expect(end.told).toEqual(['lost unsupportedVersion', 'done']);
  });

  it.each([
    ['oversize', Buffer.concat([Buffer.from('03ff01', 'hex'), Buffer.alloc(1_022)])],
    ['of length 0', Buffer.from('0000', 'hex')],
    ['cut short', Buffer.from('00040101' + '2001', 'hex')],
    ['of an unknown type', Buffer.from('00017f', 'hex')],
    ['of a holder', Buffer.from('000111', 'hex')],
    ['TAKE at once', Buffer.from('000102', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s is aborted without a word', async (_, bytes) => {
    const end = holderEnd();
    await end.far.say(bytes);
    await expectAbort(end);
    expect(end.told).toEqual(['done', 'lost malformed']);
    expect(end.far.seen.bytes).toHaveLength(0);
  });

  it('that does not come, or not whole, is given up after 90 s', async () => {
    for (const begun of [Buffer.alloc(0), encodeOriginFrame(FORWARD).subarray(0, 40)]) {
      const end = holderEnd();
      await end.clock.advanceAsync(FORWARD_HEADER_MS / 2);
      await end.far.say(begun);
      await end.clock.advanceAsync(FORWARD_HEADER_MS / 2);
      await expectAbort(end);
      expect(end.told).toEqual(['done', 'lost timeout']);
    }
  });

  it.each(['end', 'reset'] as const)(
    'that ends by %s before it is whole is nobody’s business',
    async (how) => {
      const end = holderEnd();
      await end.far.say(encodeOriginFrame(FORWARD).subarray(0, 40));
      if (how === 'end') end.far.link.stream.end();
      else end.far.link.reset();
      await end.far.seen.closed;
      await settle();
      expect(end.told).toEqual(['done', 'lost closed']);
    },
  );
});

describe.each(Object.entries(STEPS))('in step %s', (step, { reach, told, said }) => {
  it.each(['end', 'reset'] as const)('an origin that leaves by %s is gone, once', async (how) => {
    const end = holderEnd();
    await reach(end);
    if (how === 'end') end.far.link.stream.end();
    else end.far.link.reset();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual([...told, 'done', 'lost closed', 'gone']);
    // Whatever comes too late is harmless.
    end.incoming.queued();
    end.incoming.ready();
    end.incoming.notHere(1, 2);
    end.incoming.refuse('internal');
    end.incoming.drop();
    await end.clock.advanceAsync(YEAR_MS);
    expect(end.told).toHaveLength(told.length + 3);
  });

  it('drop shows the origin an abort and tells nothing', async () => {
    const end = holderEnd();
    await reach(end);
    end.incoming.drop();
    end.incoming.drop();
    await expectAbort(end);
    expect(end.told).toEqual([...told, 'done']);
  });

  it.each([
    ['notHere', (end: HolderEnd) => end.incoming.notHere(7, 42), NOT_HERE],
    ['refuse', (end: HolderEnd) => end.incoming.refuse('draining'), { type: 'refused', code: 'draining' }],
  ] as const)('%s is the last word', async (_, speak, frame) => {
    const end = holderEnd();
    await reach(end);
    speak(end);
    end.incoming.notHere(9, 9);
    end.incoming.refuse('internal');
    await settle();
    expect(end.far.types.slice(0, -1)).toEqual(said);
    expect(end.far.frames.at(-1)).toEqual(frame);
    // The origin's answer may have crossed it.
    await end.far.say(TAKE);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual([...told, 'done']);
    expect(end.far.seen.events).toEqual(['end', 'close']);
  });

  it('an origin that does not close after the last word is reset after 2 s', async () => {
    const end = holderEnd();
    await reach(end);
    end.incoming.refuse('draining');
    await end.clock.advanceAsync(REFUSED_LINGER_MS - 1);
    expect(end.told).toEqual(told);
    await end.clock.advanceAsync(1);
    await end.far.seen.closed;
    expect(end.told).toEqual([...told, 'done']);
    expect(end.far.seen.events).toEqual(['end', 'error:ECONNRESET', 'close']);
  });

  const outOfPlace: [string, OriginFrame | Buffer][] = [
    ['a second FORWARD', FORWARD],
    ['an oversize frame', Buffer.from('03ff02', 'hex')],
  ];
  if (step !== 'ready') outOfPlace.push(['TAKE', TAKE], ['DECLINE', DECLINE]);
  // Before that it may be the beginning of a frame.
  if (step === 'taken') outOfPlace.push(['one byte', Buffer.from([0])]);
  it.each(outOfPlace)('%s out of place ends it', async (_, bytes) => {
    const end = holderEnd();
    await reach(end);
    await end.far.say(bytes);
    await expectAbort(end);
    expect(end.told).toEqual([...told, 'done', 'lost malformed', 'gone']);
  });
});

describe('time', () => {
  it('that the origin has runs out while it waits: refused timeout, and gone', async () => {
    const end = holderEnd({ onRequest: (forward) => forward.queued() });
    await end.far.say({ ...FORWARD, timeLeftMs: 700 });
    await end.clock.advanceAsync(699);
    expect(end.told).toEqual(['request']);
    await end.clock.advanceAsync(1);
    end.far.link.stream.end();
    await end.far.seen.closed;
    expect(end.told).toEqual(['request', 'gone', 'done']);
    expect(end.far.frames.at(-1)).toEqual({ type: 'refused', code: 'timeout' });
  });

  it('that the origin has is a day at the most, whatever it says', async () => {
    const end = holderEnd();
    await end.far.say({ ...FORWARD, timeLeftMs: 2 ** 32 - 1 });
    end.clock.advance(FORWARD_PATIENCE_MS - 1);
    expect(end.told).toEqual(['request']);
    end.clock.advance(1);
    expect(end.told).toEqual(['request', 'gone']);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await settle();
    expect(end.told).toEqual(['request', 'gone', 'done']);
  });

  it('that the origin has does not count once its answer is due', async () => {
    const end = holderEnd({ onRequest: (forward) => forward.ready() });
    await end.far.say({ ...FORWARD, timeLeftMs: 700 }, TAKE);
    await end.clock.advanceAsync(60_000);
    expect(end.told).toEqual(['request', 'answer yes']);
    end.incoming.drop();
  });

  it('to answer READY is 2 s: a slot is held meanwhile', async () => {
    const end = holderEnd();
    await STEPS['ready']?.reach(end);
    await end.clock.advanceAsync(FORWARD_SILENCE_MS - 1);
    expect(end.told).toEqual(['request']);
    await end.clock.advanceAsync(1);
    await expectAbort(end);
    expect(end.told).toEqual(['request', 'done', 'lost timeout', 'gone']);
  });

  it('is told every 500 ms while bridges are offered, and no longer', async () => {
    const end = holderEnd();
    await STEPS['taken']?.reach(end);
    await end.clock.advanceAsync(4 * FORWARD_SIGN_MS);
    expect(end.far.types).toEqual(['ready', 'queued', 'queued', 'queued', 'queued']);
    end.incoming.notHere(7, 43);
    end.far.link.stream.end();
    await end.far.seen.closed;
    await end.clock.advanceAsync(YEAR_MS);
    expect(end.far.types.at(-1)).toBe('notHere');
  });
});

describe('an origin', () => {
  it('may send nothing between TAKE and JOINED, not even in the same chunk', async () => {
    const end = holderEnd();
    await STEPS['ready']?.reach(end);
    await end.far.say(TAKE, Buffer.from('x'));
    await expectAbort(end);
    expect(end.told).toEqual(['request', 'done', 'lost malformed', 'gone']);
  });

  it('that does not read what it is told is dropped', async () => {
    const end = holderEnd({ onRequest: (forward) => forward.queued() });
    end.far.link.stream.pause();
    await end.far.say({ ...FORWARD, timeLeftMs: 2 ** 32 - 1 });
    const frames = Math.ceil((16_384 + 16_384 + CONTROL_BUFFER_BYTES) / 3) + 2;
    end.clock.advance(frames * FORWARD_SIGN_MS);
    for (let turn = 0; turn < 100 && end.told.length < 2; turn += 1) {
      await settle();
      end.clock.advance(1_000 * FORWARD_SIGN_MS);
    }
    expect(end.told).toEqual(['request', 'done', 'lost closed', 'gone']);
  });
});

describe('mistakes of ours', () => {
  it('are asserted: READY twice, a join without a yes', async () => {
    const end = holderEnd();
    await STEPS['ready']?.reach(end);
    expect(() => end.incoming.ready()).toThrow(AssertionError);
    expect(() => end.incoming.join(BRIDGE)).toThrow(AssertionError);
    end.incoming.drop();
    expect(() => end.incoming.join(BRIDGE)).toThrow(AssertionError);
  });

  it.each(['onRequest', 'onAnswer'] as const)('in %s end that forward only', async (name) => {
    const boom = (): never => {
      throw new TypeError('boom');
    };
    const end = holderEnd({ onRequest: (forward) => forward.ready(), [name]: boom });
    await end.far.say(FORWARD);
    if (name === 'onAnswer') await end.far.say(TAKE);
    await expectAbort(end);
    expect(end.told.slice(-4)).toEqual(['fault', 'done', 'lost internal', 'gone']);
  });
});
