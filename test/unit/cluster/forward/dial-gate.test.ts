import { expect, it } from 'vitest';
import type { BeaconError } from '../../../../src/base/errors.ts';
import { FORWARD_DIALS, FORWARD_SILENCE_MS } from '../../../../src/base/limits.ts';
import { DialGate, type Leave } from '../../../../src/cluster/forward/dial-gate.ts';
import { ManualClock, settle } from '../../../support/manual-clock.ts';

const NEVER = new AbortController().signal;

/** A gate, those inside by their number, and how it ended for those who did not get in. */
function start() {
  const clock = new ManualClock();
  const gate = new DialGate(clock, 'holder-0');
  const inside = new Map<number, Leave>();
  const turnedAway: string[] = [];
  const enter = (id: number, signal = NEVER): void => {
    gate.enter(signal).then(
      (leave) => inside.set(id, leave),
      (error: BeaconError) => turnedAway.push(`${id} ${error.code}`),
    );
  };
  const leave = async (id: number, alive: boolean): Promise<void> => {
    inside.get(id)?.(alive);
    inside.delete(id);
    await settle();
  };
  return { clock, gate, inside, turnedAway, enter, leave };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, id) => id);

it('lets so many in, and the next when one leaves, first come first served', async () => {
  const { gate, inside, enter, leave } = start();
  expect(gate.idle).toBe(true);
  for (const id of numbers(FORWARD_DIALS + 2)) enter(id);
  await settle();
  expect([...inside.keys()]).toEqual(numbers(FORWARD_DIALS));
  await leave(3, true);
  expect([inside.size, inside.has(FORWARD_DIALS)]).toEqual([FORWARD_DIALS, true]);
  await leave(5, false);
  expect([inside.size, inside.has(FORWARD_DIALS + 1)]).toEqual([FORWARD_DIALS, true]);
  for (const id of [...inside.keys()]) {
    expect(gate.idle).toBe(false);
    await leave(id, true);
  }
  expect(gate.idle).toBe(true);
  // As good as new.
  for (const id of numbers(FORWARD_DIALS + 1)) enter(id);
  await settle();
  expect(inside.size).toBe(FORWARD_DIALS);
});

it('turns all away who wait once the holder has answered nobody for 2 s', async () => {
  const { clock, inside, turnedAway, enter, leave } = start();
  // A gate that was idle for long has not been silent.
  clock.advance(10 * FORWARD_SILENCE_MS);
  for (const id of numbers(FORWARD_DIALS + 4)) enter(id);
  await settle();
  clock.advance(FORWARD_SILENCE_MS - 1);
  await leave(0, true);
  // That was a sign of life.
  clock.advance(FORWARD_SILENCE_MS - 1);
  await leave(1, false);
  expect([inside.size, turnedAway]).toEqual([FORWARD_DIALS, []]);
  clock.advance(1);
  await leave(2, false);
  expect(turnedAway).toEqual([`${FORWARD_DIALS + 2} unreachable`, `${FORWARD_DIALS + 3} unreachable`]);
  expect(inside.size).toBe(FORWARD_DIALS - 1);
});

it('forgets one that is cancelled while it waits', async () => {
  const { inside, turnedAway, enter, leave } = start();
  for (const id of numbers(FORWARD_DIALS)) enter(id);
  const cancelled = new AbortController();
  enter(100, cancelled.signal);
  const late = new AbortController();
  enter(101, late.signal);
  cancelled.abort();
  await settle();
  expect(turnedAway).toEqual(['100 closed']);
  await leave(0, true);
  expect(inside.has(101)).toBe(true);
  // Inside it is the dial's to end.
  late.abort();
  await settle();
  expect(turnedAway).toEqual(['100 closed']);
});
