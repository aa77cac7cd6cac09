import { expect, it } from 'vitest';
import { Patience } from '../../../../src/cluster/forward/patience.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

function start(): { clock: ManualClock; patience: Patience; calls: number[] } {
  const clock = new ManualClock();
  return { clock, patience: new Patience(clock), calls: [] };
}

it('calls back once, after its time', () => {
  const { clock, patience, calls } = start();
  patience.arm(100, () => calls.push(clock.now()));
  clock.advance(99);
  expect(calls).toEqual([]);
  clock.advance(1_000);
  expect(calls).toEqual([100]);
  expect(clock.pending).toBe(0);
});

it('begins anew when it is armed again', () => {
  const { clock, patience, calls } = start();
  patience.arm(100, () => calls.push(1));
  clock.advance(99);
  patience.arm(100, () => calls.push(2));
  clock.advance(99);
  expect(calls).toEqual([]);
  clock.advance(1);
  expect(calls).toEqual([2]);
});

it('gives what came during a stall of ours one turn to be read', () => {
  const { clock, patience, calls } = start();
  patience.arm(100, () => calls.push(1));
  // The timer fires; the turn after it finds the answer in the socket.
  clock.after(100, () => patience.cancel());
  clock.advance(1_000);
  expect(calls).toEqual([]);
  expect(clock.pending).toBe(0);
});
