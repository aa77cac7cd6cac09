import { describe, expect, it } from 'vitest';
import { DESCRIPTORS_COUNT_MS, FULL_LINE_MS, LOAD_LOOK_MS } from '../../../../src/base/limits.ts';
import { Capacity } from '../../../../src/net/door/capacity.ts';
import type { LoadSample } from '../../../../src/net/door/load.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { recordingLog } from '../../../support/recording-log.ts';

function setUp(limit = 100) {
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  const paused: boolean[] = [];
  const process = { others: 10, sockets: 0, stopped: 0 };
  let sample: LoadSample = { delayP99Ms: 0, memoryPart: 0 };
  const capacity = new Capacity({
    clock,
    log,
    onPaused: (is) => void paused.push(is),
    descriptors: { limit, count: () => process.others + process.sockets },
    watchLoad: () => ({
      sample: () => sample,
      stop: () => {
        process.stopped += 1;
      },
    }),
  });
  capacity.start();
  return {
    capacity,
    clock,
    lines,
    paused,
    process,
    /** Looks twice at such a load. */
    load: (next: Partial<LoadSample>) => {
      sample = { delayP99Ms: 0, memoryPart: 0, ...next };
      clock.advance(2 * LOAD_LOOK_MS);
    },
    fill: () => {
      while (capacity.admit()) process.sockets += 1;
    },
    empty: () => {
      for (; process.sockets > 0; process.sockets -= 1) capacity.released();
    },
    levels: () => lines.map(({ level }) => level),
  };
}

describe('a pause', () => {
  it('begins and ends with the load, and the doors stay open', () => {
    const { capacity, load, paused } = setUp();
    load({ delayP99Ms: 101 });
    expect(capacity.status).toMatchObject({ admitting: true, paused: true, reason: 'eventLoop' });
    expect(capacity.admit()).toBe(true);
    load({ delayP99Ms: 100 });
    expect(capacity.status).toMatchObject({ admitting: true, paused: false, reason: undefined });
    expect(paused).toEqual([true, false]);
  });

  it('lasts while either is short', () => {
    const { capacity, load, paused } = setUp();
    load({ delayP99Ms: 200 });
    load({ delayP99Ms: 200, memoryPart: 0.9 });
    load({ memoryPart: 0.9 });
    expect([paused, capacity.status.reason]).toEqual([[true], 'memory']);
    load({});
    expect(paused).toEqual([true, false]);
  });
});

describe('descriptors', () => {
  it('are kept free by closing the door, not by a pause', () => {
    const { capacity, fill, empty, paused, process } = setUp();
    fill();
    expect(process.sockets + process.others).toBe(90);
    expect(capacity.status).toMatchObject({ admitting: false, paused: false, reason: 'descriptors' });
    empty();
    expect(capacity.status).toMatchObject({ admitting: true, reason: undefined });
    expect(paused).toEqual([]);
  });

  it('are looked at while full, though nobody knocks', () => {
    const { capacity, clock, process } = setUp();
    process.others = 95;
    expect(capacity.admit()).toBe(false);
    process.others = 10;
    clock.advance(DESCRIPTORS_COUNT_MS + LOAD_LOOK_MS);
    expect(capacity.status.admitting).toBe(true);
  });
});

describe('the log', () => {
  it('says once that it is full and once that this is over, without addresses', () => {
    const { fill, empty, load, lines, levels } = setUp();
    fill();
    fill();
    empty();
    load({ memoryPart: 0.9 });
    load({});
    expect(levels()).toEqual(['warn', 'info', 'warn', 'info']);
    expect(lines.map(({ fields }) => fields)).toEqual([undefined, undefined, undefined, undefined]);
    expect(lines[0]?.message).toContain('raise the limit of open files');
  });

  it('is not flooded by who fills it again and again', () => {
    const { fill, empty, levels, clock } = setUp();
    for (let round = 0; round < 50; round += 1) {
      fill();
      empty();
    }
    expect(levels()).toEqual(['warn', 'info']);
    clock.advance(FULL_LINE_MS);
    fill();
    empty();
    expect(levels()).toEqual(['warn', 'info', 'warn', 'info']);
  });
});

it('looks at nothing once stopped, and stops once', () => {
  const { capacity, clock, process } = setUp();
  capacity.stop();
  capacity.stop();
  expect([clock.pending, process.stopped]).toEqual([0, 1]);
});
