/** The origin's state machine on a socket that was opened in advance. */
import { describe, expect, it } from 'vitest';
import { FORWARD_SILENCE_MS } from '../../../../src/base/limits.ts';
import { encodeHolderFrame } from '../../../../src/wire/forward-codec.ts';
import type { HolderFrame } from '../../../../src/wire/forward-frames.ts';
import { settle } from '../../../support/manual-clock.ts';
import { memoryLinks } from '../../../support/memory-link.ts';
import { watch } from '../../../support/streams.ts';
import { BRIDGE, FORWARD, JOINED, originEnd, REQUEST } from './ends.ts';

const QUEUED: HolderFrame = { type: 'queued' };
const READY: HolderFrame = { type: 'ready' };

describe('on a spare socket', () => {
  it('asks at once, without a dial', async () => {
    const [spare, holder] = memoryLinks();
    const seen = watch(holder.stream);
    const end = originEnd({}, REQUEST, spare);
    await settle();
    expect(seen.bytes.length).toBeGreaterThan(0);
    holder.stream.write(encodeHolderFrame(READY));
    await settle();
    await settle();
    holder.stream.write(encodeHolderFrame(JOINED));
    await settle();
    await settle();
    expect(end.told).toEqual(['ready', 'done', `joined ${BRIDGE}`]);
    expect(end.left).toEqual([]);
    end.joined[0]?.reset();
  });

  it.each(['end', 'reset'] as const)('that the holder closed by %s, dials and asks again', async (how) => {
    const [spare, holder] = memoryLinks();
    const end = originEnd({}, REQUEST, spare);
    if (how === 'end') holder.stream.end();
    else holder.reset();
    await settle();
    await settle();
    expect(end.told).toEqual([]);
    await end.dialled();
    expect(end.far.frames).toEqual([FORWARD]);
    await end.far.say(READY);
    await end.far.say(JOINED);
    expect(end.told).toEqual(['ready', 'done', `joined ${BRIDGE}`]);
    end.joined[0]?.reset();
    holder.reset();
  });

  it('that the holder closed after its first word, has failed', async () => {
    const [spare, holder] = memoryLinks();
    const end = originEnd({}, REQUEST, spare);
    holder.stream.write(encodeHolderFrame(QUEUED));
    await settle();
    await settle();
    holder.reset();
    await settle();
    expect(end.told).toEqual(['queued', 'done', 'failed unreachable closed']);
  });

  it('that stays silent, is given up after 2 s like any other', async () => {
    const [spare] = memoryLinks();
    const end = originEnd({}, REQUEST, spare);
    await end.clock.advanceAsync(FORWARD_SILENCE_MS - 1);
    expect(end.told).toEqual([]);
    await end.clock.advanceAsync(1);
    expect(end.told).toEqual(['done', 'failed unreachable unreachable']);
  });

  it('can be cancelled while it dials again', async () => {
    const [spare, holder] = memoryLinks();
    const end = originEnd({}, REQUEST, spare);
    holder.reset();
    await settle();
    end.outgoing.cancel();
    await settle();
    expect(end.told).toEqual(['done']);
  });
});
