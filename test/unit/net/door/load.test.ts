import { expect, it } from 'vitest';
import { LOOP_DELAY_MS } from '../../../../src/base/limits.ts';
import { Load, type Shortage } from '../../../../src/net/door/load.ts';

function setUp() {
  const changes: [Shortage, boolean][] = [];
  const load = new Load({ onChange: (short, isShort) => void changes.push([short, isShort]) });
  return {
    load,
    changes,
    late: (...delays: number[]) => {
      for (const delayP99Ms of delays) load.look({ delayP99Ms, memoryPart: 0 });
    },
    uses: (...parts: number[]) => {
      for (const memoryPart of parts) load.look({ delayP99Ms: 0, memoryPart });
    },
  };
}

it('is short of time after two looks in a row past 100 ms', () => {
  const { late, changes, load } = setUp();
  late(LOOP_DELAY_MS, LOOP_DELAY_MS, LOOP_DELAY_MS);
  late(5_000, 0, 5_000, 0);
  expect(changes).toEqual([]);
  late(LOOP_DELAY_MS + 1, LOOP_DELAY_MS + 1);
  expect(changes).toEqual([['eventLoop', true]]);
  expect(load.status).toEqual({
    short: 'eventLoop',
    sample: { delayP99Ms: LOOP_DELAY_MS + 1, memoryPart: 0 },
    times: { eventLoop: 1, memory: 0 },
  });
});

it('has time again after one look on time', () => {
  const { late, changes } = setUp();
  late(200, 200, 200, LOOP_DELAY_MS + 1);
  expect(changes).toEqual([['eventLoop', true]]);
  late(LOOP_DELAY_MS);
  expect(changes).toEqual([
    ['eventLoop', true],
    ['eventLoop', false],
  ]);
  late(200);
  expect(changes).toHaveLength(2);
});

it('is short of memory past 85 %, until 80 %', () => {
  const { uses, changes, load } = setUp();
  uses(0.85);
  expect(changes).toEqual([]);
  uses(0.851);
  expect(changes).toEqual([['memory', true]]);
  uses(0.849, 0.801);
  expect(load.status.short).toBe('memory');
  uses(0.8);
  expect(changes).toEqual([
    ['memory', true],
    ['memory', false],
  ]);
  uses(0.849);
  expect(changes).toHaveLength(2);
  expect(load.status.short).toBeUndefined();
});

it('counts how often, each by itself', () => {
  const { load } = setUp();
  for (let at = 0; at < 3; at += 1) {
    load.look({ delayP99Ms: 200, memoryPart: 0.9 });
    load.look({ delayP99Ms: 200, memoryPart: 0.9 });
    load.look({ delayP99Ms: 0, memoryPart: at === 2 ? 0 : 0.9 });
  }
  expect(load.status.times).toEqual({ eventLoop: 3, memory: 1 });
});
