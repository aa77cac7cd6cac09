/** Spare sockets to one holder, over links in memory. */
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../../src/base/errors.ts';
import {
  FORWARD_HEADER_MS,
  FORWARD_SPARE_AGE_MS,
  FORWARD_SPARE_PAUSE_MS,
  FORWARD_SPARES,
  FORWARD_SPARES_KEPT_MS,
} from '../../../../src/base/limits.ts';
import { Spares } from '../../../../src/cluster/forward/spares.ts';
import type { Link } from '../../../../src/net/link.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';
import { type MemoryLink, memoryLinks } from '../../../support/memory-link.ts';
import { watch } from '../../../support/streams.ts';

interface Scene {
  readonly clock: ManualClock;
  readonly spares: Spares;
  /** The holder's ends, in the order of the dials. */
  readonly holder: MemoryLink[];
  readonly told: string[];
  /** What the next dials come to. Default: a link. */
  fail: boolean;
}

function scene(count = FORWARD_SPARES): Scene {
  const clock = new ManualClock();
  const holder: MemoryLink[] = [];
  const told: string[] = [];
  const made: Scene = {
    clock,
    holder,
    told,
    fail: false,
    spares: new Spares({
      count,
      clock,
      dial: () => {
        if (made.fail) return Promise.reject(new BeaconError('unreachable', 'nobody there'));
        const [near, far] = memoryLinks();
        holder.push(far);
        return Promise.resolve<Link>(near);
      },
      onIdle: () => void told.push('idle'),
    }),
  };
  return made;
}

/** As many as are kept, open. */
async function filled(count = FORWARD_SPARES): Promise<Scene> {
  const made = scene(count);
  made.spares.replenish();
  await made.clock.advanceAsync(count * FORWARD_SPARE_PAUSE_MS);
  expect(made.spares.size).toBe(count);
  return made;
}

describe('spares', () => {
  it('are opened one at a time, after a pause, up to their number', async () => {
    const { clock, spares, holder } = scene();
    spares.replenish();
    spares.replenish();
    await clock.advanceAsync(FORWARD_SPARE_PAUSE_MS - 1);
    expect(holder).toHaveLength(0);
    for (let have = 1; have <= FORWARD_SPARES; have += 1) {
      await clock.advanceAsync(have === 1 ? 1 : FORWARD_SPARE_PAUSE_MS);
      expect(spares.size).toBe(have);
    }
    await clock.advanceAsync(FORWARD_SPARE_AGE_MS - FORWARD_SPARES * FORWARD_SPARE_PAUSE_MS);
    expect(holder).toHaveLength(FORWARD_SPARES);
    spares.close();
    expect(clock.pending).toBe(0);
  });

  it('are handed out paused, with nothing of ours on them', async () => {
    const { clock, spares, holder } = await filled(1);
    const link = spares.take() ?? expect.unreachable();
    expect(spares.size).toBe(0);
    expect(spares.take()).toBeUndefined();
    expect(clock.pending).toBe(0);
    holder[0]?.stream.write('hello');
    await settle();
    expect(link.stream.isPaused()).toBe(true);
    expect(watch(link.stream).events).toEqual([]);
    link.reset();
  });

  it.each(['end', 'reset', 'write'] as const)('that the holder spoils by %s are replaced', async (how) => {
    const { clock, spares, holder } = await filled(2);
    if (how === 'end') holder[0]?.stream.end();
    else if (how === 'write') holder[0]?.stream.write('surprise');
    else holder[0]?.reset();
    await settle();
    await settle();
    expect(spares.size).toBe(1);
    await clock.advanceAsync(FORWARD_SPARE_PAUSE_MS);
    expect([spares.size, holder.length]).toEqual([2, 3]);
    spares.close();
  });

  it('that are old are replaced, before the holder loses its patience', async () => {
    expect(FORWARD_SPARE_AGE_MS).toBeLessThan(FORWARD_HEADER_MS);
    const { clock, spares, holder } = await filled(1);
    const seen = watch(holder[0]?.stream ?? expect.unreachable());
    await clock.advanceAsync(FORWARD_SPARE_AGE_MS - 1);
    expect(seen.events).toEqual([]);
    await clock.advanceAsync(1 + FORWARD_SPARE_PAUSE_MS);
    expect(seen.events).toContain('close');
    expect([spares.size, holder.length]).toEqual([1, 2]);
    spares.close();
  });

  it('are let go once no forward has gone there for long', async () => {
    const { clock, spares, told } = await filled(1);
    await clock.advanceAsync(FORWARD_SPARES_KEPT_MS + FORWARD_SPARE_AGE_MS);
    expect([spares.size, clock.pending, told]).toEqual([0, 0, ['idle']]);
    spares.replenish();
    await clock.advanceAsync(FORWARD_SPARE_PAUSE_MS);
    expect(spares.size).toBe(1);
    spares.close();
  });

  it('are not dialled again and again where nobody answers', async () => {
    const made = scene(2);
    made.fail = true;
    made.spares.replenish();
    await made.clock.advanceAsync(FORWARD_SPARES_KEPT_MS);
    expect([made.spares.size, made.clock.pending, made.told]).toEqual([0, 0, ['idle']]);
  });

  it('are all closed, those on their way as well', async () => {
    const { clock, spares, holder } = await filled(2);
    spares.take()?.reset();
    spares.replenish();
    clock.advance(FORWARD_SPARE_PAUSE_MS);
    spares.close();
    await settle();
    expect(holder.every(({ stream }) => stream.destroyed)).toBe(true);
    spares.replenish();
    expect([spares.size, clock.pending]).toEqual([0, 0]);
  });

  it('of the number 0 are none', async () => {
    const { clock, spares, told } = scene(0);
    spares.replenish();
    expect([spares.take(), clock.pending, told]).toEqual([undefined, 0, ['idle']]);
  });
});
