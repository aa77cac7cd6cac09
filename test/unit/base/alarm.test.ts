import { expect, it } from 'vitest';
import { Alarm } from '../../../src/base/alarm.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const rung: number[] = [];
  const alarm = new Alarm(clock, () => rung.push(clock.now()));
  return { clock, rung, alarm, start: clock.now() };
}

it('rings once at the time that was set last', () => {
  const { clock, rung, alarm, start } = setUp();
  alarm.set(start + 100);
  alarm.set(start + 50);
  alarm.set(start + 50);
  clock.advance(200);
  expect(rung).toEqual([start + 50]);
});

it('rings at once for a time that has passed, and can be set again for the same time', () => {
  const { clock, rung, alarm, start } = setUp();
  clock.advance(10);
  alarm.set(start);
  clock.advance(0);
  alarm.set(start);
  clock.advance(0);
  expect(rung).toEqual([start + 10, start + 10]);
});

it('rings at a later time that was set last, without a timer for each', () => {
  const { clock, rung, alarm, start } = setUp();
  for (let at = 10; at <= 100; at += 1) {
    alarm.set(start + at);
    expect(clock.pending).toBe(1);
  }
  clock.advance(99);
  expect(rung).toEqual([]);
  clock.advance(1);
  expect(rung).toEqual([start + 100]);
  expect(clock.pending).toBe(0);
});

it('does not ring after cancel, nor when nothing is due', () => {
  const { clock, rung, alarm, start } = setUp();
  alarm.set(start + 10);
  alarm.cancel();
  alarm.set(start + 10);
  alarm.set(undefined);
  clock.advance(100);
  expect(rung).toEqual([]);
});
