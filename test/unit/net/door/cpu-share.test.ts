import { expect, it } from 'vitest';
import {
  HANDSHAKE_BATCH_MS,
  HANDSHAKE_CPU_PART,
  HANDSHAKE_CREDIT_MS,
  HANDSHAKE_LOOK_MS,
  HANDSHAKE_REST_MS,
} from '../../../../src/base/limits.ts';
import { CpuShare } from '../../../../src/net/door/cpu-share.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const COST_MS = 0.5;

/** A share on a loop that is busy, or idle, for all the time that passes between handshakes. */
function setUp(busy: boolean) {
  const clock = new ManualClock();
  let idle = 0;
  const share = new CpuShare(clock, () => idle);
  let used = 0;
  /** Starts as many as may start, each taking {@link COST_MS} of the clock; returns their number. */
  const batch = (): number => {
    const count = share.allowance();
    for (let at = 0; at < count; at += 1) {
      const charged = share.chargeUsual();
      clock.advance(COST_MS);
      used += COST_MS;
      share.measured(COST_MS, charged);
    }
    return count;
  };
  const rest = (ms: number): void => {
    clock.advance(ms);
    if (!busy) idle += ms;
  };
  /** For `ms`: handshakes whenever they may run, rests of a look between. Milliseconds that handshakes took. */
  const run = (ms: number): number => {
    used = 0;
    const until = clock.now() + ms;
    while (clock.now() < until) if (batch() === 0) rest(HANDSHAKE_LOOK_MS);
    return used;
  };
  return { clock, share, batch, rest, run };
}

it('after a rest a batch starts at once, and what was saved up covers more than one', () => {
  const { batch } = setUp(true);
  let started = 0;
  for (let count = batch(); count > 0; count = batch()) started += count;
  expect(started * COST_MS).toBeGreaterThanOrEqual(HANDSHAKE_CREDIT_MS);
  expect(started * COST_MS).toBeLessThan(2 * HANDSHAKE_CREDIT_MS + HANDSHAKE_BATCH_MS);
});

it('a batch is no longer than its limit, by what handshakes were found to take', () => {
  const { batch, rest, run } = setUp(true);
  run(1_000);
  rest(1_000);
  expect(batch() * COST_MS).toBeGreaterThan(HANDSHAKE_BATCH_MS / 2);
  rest(1_000);
  expect(batch() * COST_MS).toBeLessThanOrEqual(HANDSHAKE_BATCH_MS);
});

it('while there is other work handshakes get their part and no more', () => {
  const { run } = setUp(true);
  run(1_000);
  const part = run(10_000) / 10_000;
  expect(part).toBeGreaterThan(0.95 * HANDSHAKE_CPU_PART);
  expect(part).toBeLessThan(1.05 * HANDSHAKE_CPU_PART);
});

it('while there is none they get nearly all', () => {
  const { run } = setUp(false);
  expect(run(1_000)).toBeGreaterThan(600);
});

it('second halves count as well', () => {
  const { share, clock } = setUp(true);
  for (let left = HANDSHAKE_CREDIT_MS; left >= share.costMs; left -= share.costMs) share.chargeUsual();
  expect(share.allowance()).toBeGreaterThan(0);
  share.chargeUsual();
  expect(share.allowance()).toBe(0);
  clock.advance(share.costMs / HANDSHAKE_CPU_PART);
  expect(share.allowance()).toBeGreaterThan(0);
});

it('what accepting takes is not left for handshakes', () => {
  const { share, clock, batch, rest } = setUp(true);
  let started = 0;
  let accepted = 0;
  for (const until = clock.now() + 10_000; clock.now() < until; ) {
    for (let at = 0; at < 2; at += 1) share.chargeAccept();
    accepted += 2;
    started += batch();
    rest(HANDSHAKE_LOOK_MS);
  }
  const part = (started * COST_MS) / 10_000;
  expect(part).toBeLessThan(HANDSHAKE_CPU_PART - (0.1 * accepted) / 10_000);
  expect(part).toBeGreaterThan(0.1);
});

it('where accepting takes all there is, a batch still starts after the longest rest, and not before', () => {
  const { share, clock, batch } = setUp(true);
  for (let at = 0; at < 1_000; at += 1) share.chargeAccept();
  const starts: number[] = [];
  for (let ms = 0; ms < 10 * HANDSHAKE_REST_MS; ms += 1) {
    for (let at = 0; at < 20; at += 1) share.chargeAccept();
    clock.advance(1);
    if (batch() > 0) starts.push(clock.now());
  }
  expect(starts.length).toBeGreaterThanOrEqual(9);
  for (const [at, start] of starts.slice(1).entries())
    expect(start - (starts[at] as number)).toBeGreaterThanOrEqual(HANDSHAKE_REST_MS - HANDSHAKE_BATCH_MS);
});

it('what a flood of accepts took is forgotten soon after it', () => {
  const { share, clock, batch } = setUp(true);
  batch();
  for (let at = 0; at < 100_000; at += 1) share.chargeAccept();
  clock.advance(HANDSHAKE_REST_MS - 1);
  expect(share.allowance()).toBe(0);
  clock.advance(1);
  expect(share.allowance()).toBeGreaterThan(0);
});

it('a pause of the machine within a handshake is not held against those that follow', () => {
  const { share, clock, rest } = setUp(true);
  const charged = share.chargeUsual();
  clock.advance(60_000);
  share.measured(60_000, charged);
  rest(HANDSHAKE_BATCH_MS / HANDSHAKE_CPU_PART);
  expect(share.allowance()).toBeGreaterThan(0);
});
