import { describe, expect, it } from 'vitest';
import {
  PULL_PAGES,
  PULL_PAUSE_MAX_MS,
  PULL_PAUSE_MS,
  PULL_TIMEOUT_MS,
} from '../../../../src/base/limits.ts';
import { PullSchedule } from '../../../../src/cluster/directory/pull.ts';

describe('PullSchedule', () => {
  it('asks when the time has come, for what is missing', () => {
    const pull = new PullSchedule();
    expect([pull.deadline(), pull.start(9, 100)]).toEqual([undefined, undefined]);
    pull.plan(100, 'gap');
    expect([pull.deadline(), pull.start(9, 99)]).toEqual([100, undefined]);
    expect([pull.start(9, 100), pull.asked, pull.deadline()]).toEqual([9, 9, 100 + PULL_TIMEOUT_MS]);
    expect([pull.overdue(99 + PULL_TIMEOUT_MS), pull.overdue(100 + PULL_TIMEOUT_MS)]).toEqual([false, true]);
  });

  it('keeps the earlier of two plans, and the one that asks for more', () => {
    const pull = new PullSchedule();
    pull.plan(100, 'start');
    pull.plan(50, 'gap');
    pull.plan(80, 'gap');
    expect([pull.deadline(), pull.start(9, 50)]).toEqual([50, 0]);
  });

  it('plans nothing while one is under way', () => {
    const pull = new PullSchedule();
    pull.plan(0, 'gap');
    pull.start(9, 0);
    pull.plan(1, 'start');
    pull.end(10);
    expect(pull.deadline()).toBeUndefined();
  });

  it('drops its plan when nothing is missing', () => {
    const pull = new PullSchedule();
    pull.plan(100, 'start');
    pull.settle();
    expect(pull.deadline()).toBeUndefined();
  });

  it('pauses twice as long after each pull, up to a maximum, until a digest matches', () => {
    const pull = new PullSchedule();
    const pauses: number[] = [];
    for (let now = 0; pauses.length < 12; ) {
      pull.plan(now, 'start');
      const at = pull.deadline() ?? Number.NaN;
      pauses.push(at - now);
      pull.start(1, at);
      pull.end(at);
      now = at;
    }
    expect(pauses.slice(0, 4)).toEqual([0, PULL_PAUSE_MS, 2 * PULL_PAUSE_MS, 4 * PULL_PAUSE_MS]);
    expect(pauses.slice(-2)).toEqual([PULL_PAUSE_MAX_MS, PULL_PAUSE_MAX_MS]);
    pull.settle();
    pull.end(1_000_000);
    pull.plan(1_000_000, 'gap');
    expect(pull.deadline()).toBe(1_000_000 + PULL_PAUSE_MS);
  });

  it('asks for page after page, but not for ever', () => {
    const pull = new PullSchedule();
    pull.plan(0, 'gap');
    pull.start(0, 0);
    for (let page = 2; page <= PULL_PAGES; page += 1) expect(pull.next(page, page)).toBe(true);
    expect([pull.asked, pull.deadline()]).toEqual([PULL_PAGES, PULL_PAGES + PULL_TIMEOUT_MS]);
    expect(pull.next(PULL_PAGES + 1, 0)).toBe(false);
  });
});
