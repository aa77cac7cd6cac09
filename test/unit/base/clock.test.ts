import { describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';

describe('systemClock', () => {
  it('goes forward by the time that a timer waited', async () => {
    const before = systemClock.now();
    await new Promise<void>((resolve) => systemClock.after(20, resolve));
    // libuv counts whole milliseconds, so a timer may fire up to one early.
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(19);
  });

  it('tells the time of day apart from durations', () => {
    expect(Math.abs(systemClock.wall() - Date.now())).toBeLessThan(1_000);
    expect(systemClock.now()).toBeLessThan(systemClock.wall());
  });

  it('repeats until it is cancelled, and a cancelled timer does not run', async () => {
    const ran: string[] = [];
    const never = systemClock.after(1, () => ran.push('never'));
    never.cancel();
    never.cancel();
    await new Promise<void>((resolve) => {
      const timer = systemClock.every(1, () => {
        if (ran.push('again') < 3) return;
        timer.cancel();
        systemClock.after(10, resolve);
      });
    });
    expect(ran).toEqual(['again', 'again', 'again']);
  });
});

describe('sleep', () => {
  /** Whether a sleep of 100 ms is over, and the timers it leaves, after `advance`. */
  async function state(clock: ManualClock, sleeping: Promise<void>): Promise<[boolean, number]> {
    let over = false;
    void sleeping.then(() => {
      over = true;
    });
    await settle();
    return [over, clock.pending];
  }

  it('ends after its time', async () => {
    const clock = new ManualClock();
    const sleeping = sleep(clock, 100);
    clock.advance(99);
    expect(await state(clock, sleeping)).toEqual([false, 1]);
    clock.advance(1);
    expect(await state(clock, sleeping)).toEqual([true, 0]);
  });

  it('ends without an error when the signal aborts, and leaves no timer', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const sleeping = sleep(clock, 100, stop.signal);
    expect(await state(clock, sleeping)).toEqual([false, 1]);
    stop.abort();
    expect(await state(clock, sleeping)).toEqual([true, 0]);
  });

  it('does not begin when the signal has aborted before', async () => {
    const clock = new ManualClock();
    expect(await state(clock, sleep(clock, 100, AbortSignal.abort()))).toEqual([true, 0]);
  });
});
