import { AssertionError } from 'node:assert';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import { REFUSED_LINGER_MS } from '../../../../src/base/limits.ts';
import { Channel } from '../../../../src/cluster/forward/channel.ts';
import { encodeHolderFrame, holderFrames } from '../../../../src/wire/forward-codec.ts';
import type { HolderFrame } from '../../../../src/wire/forward-frames.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { memoryLinks } from '../../../support/memory-link.ts';
import { watch } from '../../../support/streams.ts';

const QUEUED = encodeHolderFrame({ type: 'queued' });
const READY = encodeHolderFrame({ type: 'ready' });

/** A channel that reads a holder's frames; `onFrame` is what its owner does. */
function open(onFrame: (frame: HolderFrame, channel: Channel<HolderFrame>) => void = () => {}) {
  const clock = new ManualClock();
  const [near, far] = memoryLinks();
  const told: string[] = [];
  const channel: Channel<HolderFrame> = new Channel(near, holderFrames(), clock, {
    onFrame: (frame) => {
      told.push(frame.type);
      onFrame(frame, channel);
    },
    onLost: ({ code }) => void told.push(`lost ${code}`),
    onFault: () => void told.push('fault'),
    onDone: () => void told.push('done'),
  });
  channel.start();
  onTestFinished(() => {
    near.reset();
    far.reset();
  });
  const say = async (...bytes: readonly Buffer[]): Promise<void> => {
    far.stream.write(Buffer.concat(bytes));
    await settle();
    await settle();
  };
  return { clock, channel, far, seen: watch(far.stream), told, say };
}

describe('frames', () => {
  it('come one by one, and stop where the owner says so', async () => {
    const { told, say, channel } = open((frame, own) => {
      if (frame.type === 'ready') own.release();
    });
    await say(QUEUED, QUEUED, READY, QUEUED);
    expect(told).toEqual(['queued', 'queued', 'ready', 'done']);
    const rest = watch(channel.link.stream);
    await settle();
    expect(rest.bytes).toEqual(QUEUED);
  });

  it('are no longer read after a reset, nor after the last word', async () => {
    for (const end of ['reset', 'finish'] as const) {
      const { told, say, channel } = open((_, own) => own[end]());
      await say(QUEUED, READY);
      await say(READY);
      channel.reset();
      expect(told).toEqual(['queued', 'done']);
    }
  });

  it('are not sent after the last word', async () => {
    const { channel, seen, told, far } = open();
    channel.send(QUEUED);
    channel.finish(READY);
    channel.finish(QUEUED);
    channel.send(QUEUED);
    await seen.ended;
    expect(seen.bytes).toEqual(Buffer.concat([QUEUED, READY]));
    far.stream.end();
    await seen.closed;
    await settle();
    channel.send(QUEUED);
    expect(told).toEqual(['done']);
  });
});

describe('what goes wrong', () => {
  it('is told once, and the rest is the owner’s: it may still say why', async () => {
    const { told, say, channel, seen } = open();
    await say(Buffer.from('00017f', 'hex'));
    await say(QUEUED);
    expect(told).toEqual(['lost malformed']);
    channel.finish(READY);
    await seen.ended;
    expect(seen.bytes).toEqual(READY);
  });

  it('in the owner is a loss with its code, or a fault', async () => {
    const judged = open(() => {
      throw new BeaconError('untrusted', 'not you');
    });
    await judged.say(QUEUED);
    expect(judged.told).toEqual(['queued', 'lost untrusted']);
    const broken = open(() => {
      throw new TypeError('boom');
    });
    await broken.say(QUEUED);
    expect(broken.told).toEqual(['queued', 'fault', 'lost internal']);
  });

  it('after the owner has handed it over resets the link', async () => {
    const { told, say, seen } = open((_, own) => {
      own.release();
      throw new TypeError('boom');
    });
    await say(QUEUED);
    await seen.closed;
    expect([told, seen.events]).toEqual([
      ['queued', 'done', 'fault'],
      ['error:ECONNRESET', 'close'],
    ]);
  });
});

describe('silence', () => {
  it('is broken by any byte', async () => {
    const { told, say } = open((_, own) => own.expectSilence());
    await say(QUEUED);
    expect(told).toEqual(['queued']);
    await say(Buffer.from([0]));
    expect(told).toEqual(['queued', 'lost malformed']);
  });

  it('ends with the release, and nothing is put back', async () => {
    const { channel, say, told } = open((_, own) => own.expectSilence());
    await say(QUEUED);
    const seen = watch(channel.release().stream);
    await say(READY);
    expect([told, seen.bytes]).toEqual([['queued', 'done'], READY]);
  });
});

describe('the end', () => {
  it('is waited for 2 s, then forced', async () => {
    const { channel, clock, seen, told } = open();
    channel.finish();
    await clock.advanceAsync(REFUSED_LINGER_MS - 1);
    expect([told, seen.events]).toEqual([[], ['end']]);
    await clock.advanceAsync(1);
    await seen.closed;
    expect(told).toEqual(['done']);
    expect(clock.pending).toBe(0);
  });

  it('by an error of the stream while it is waited for is the end', async () => {
    const { channel, clock, far, told } = open();
    channel.finish();
    await settle();
    far.reset();
    await settle();
    expect([told, clock.pending]).toEqual([['done'], 0]);
  });

  it('cannot be handed over', () => {
    const { channel } = open();
    channel.finish();
    expect(() => channel.release()).toThrow(AssertionError);
  });
});
