import { describe, expect, it } from 'vitest';
import { PAIRING_WINDOW_MS, PARKS_MAX } from '../../../src/base/limits.ts';
import { ParkPlan } from '../../../src/bridge/park-plan.ts';

describe('a park plan', () => {
  it('is calm when the last pairing is no longer recent', () => {
    const plan = new ParkPlan(4);
    expect(plan.calmInMs(0)).toBe(0);
    plan.paired(1_000);
    plan.paired(2_000);
    expect(plan.calmInMs(2_000)).toBe(PAIRING_WINDOW_MS);
    const calmAt = 2_000 + PAIRING_WINDOW_MS;
    expect([plan.calmInMs(calmAt - 1), plan.target(calmAt - 1)]).toEqual([1, 5]);
    expect([plan.calmInMs(calmAt), plan.target(calmAt)]).toEqual([0, 4]);
  });

  it('keeps the set number while nobody pairs', () => {
    expect(new ParkPlan(4).target(0)).toBe(4);
  });

  it('adds what was paired lately, and forgets it', () => {
    const plan = new ParkPlan(4);
    plan.paired(0);
    plan.paired(1_000);
    expect(plan.target(1_000)).toBe(6);
    expect(plan.target(PAIRING_WINDOW_MS - 1)).toBe(6);
    expect(plan.target(PAIRING_WINDOW_MS)).toBe(5);
    expect(plan.target(PAIRING_WINDOW_MS + 1_000)).toBe(4);
  });

  it(`never wants more than ${PARKS_MAX}`, () => {
    const plan = new ParkPlan(4);
    for (let count = 0; count < PARKS_MAX - 4; count += 1) plan.paired(0);
    expect(plan.target(0)).toBe(PARKS_MAX);
    plan.paired(0);
    expect(plan.target(0)).toBe(PARKS_MAX);
    expect(new ParkPlan(PARKS_MAX).target(0)).toBe(PARKS_MAX);
  });

  it('remembers a bounded number of pairings, the latest', () => {
    const plan = new ParkPlan(1);
    for (let at = 0; at < 10 * PARKS_MAX; at += 1) plan.paired(at);
    expect(plan.target(PAIRING_WINDOW_MS + 10 * PARKS_MAX - 3)).toBe(3);
  });
});
