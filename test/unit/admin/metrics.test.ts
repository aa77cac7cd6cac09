import { describe, expect, it } from 'vitest';
import { each, Metrics, one, state } from '../../../src/admin/metrics.ts';
import { parseExposition } from '../../support/exposition.ts';
import { sumOf } from '../../support/metrics.ts';

const NAME = { help: 'Of this test.' };

describe('Metrics', () => {
  it('counts events by label, from 0 where there is none', async () => {
    const metrics = new Metrics();
    const plain = metrics.counter({ ...NAME, name: 'a_total' });
    const labelled = metrics.counter({ ...NAME, name: 'b_total', labels: ['why'] });
    const read = async () => parseExposition(await metrics.text());
    expect(sumOf(await read(), 'a_total')).toBe(0);
    expect((await read()).get('b_total')?.series).toEqual([]);
    plain();
    plain({}, 3);
    labelled({ why: 'x' });
    expect(sumOf(await read(), 'a_total')).toBe(4);
    expect(sumOf(await read(), 'b_total', { why: 'x' })).toBe(1);
  });

  it('looks up values at each scrape, and forgets those that are gone', async () => {
    const metrics = new Metrics();
    let members: Record<string, number> = { a: 1, b: 2 };
    metrics.gauge({ ...NAME, name: 'm', labels: ['of'] }, () => each('of', members));
    metrics.total({ ...NAME, name: 't_total' }, () => one(7));
    expect(sumOf(parseExposition(await metrics.text()), 'm')).toBe(3);
    members = { a: 5 };
    const read = parseExposition(await metrics.text());
    expect(read.get('m')?.series).toEqual([{ name: 'm', labels: { of: 'a' }, value: 5 }]);
    expect(sumOf(read, 't_total')).toBe(7);
  });

  it('collects what several metrics show once for each scrape', async () => {
    const metrics = new Metrics();
    let looks = 0;
    const status = metrics.oncePerScrape(() => ({ looks: ++looks }));
    metrics.value('first', NAME.help, () => status().looks);
    metrics.value('second', NAME.help, () => status().looks);
    metrics.value('none', NAME.help, () => undefined);
    for (const scrape of [1, 2]) {
      const read = parseExposition(await metrics.text());
      expect([sumOf(read, 'first'), sumOf(read, 'second'), looks]).toEqual([scrape, scrape, scrape]);
      expect(read.get('none')?.series).toEqual([]);
    }
  });

  it('puts durations into buckets', async () => {
    const metrics = new Metrics();
    const observe = metrics.histogram({ ...NAME, name: 'd_seconds', labels: ['way'] }, [0.1, 1]);
    for (const seconds of [0.05, 0.5, 5]) observe(seconds, { way: 'x' });
    const read = parseExposition(await metrics.text());
    const bucket = (le: string) => sumOf(read, 'd_seconds_bucket', { le });
    expect([bucket('0.1'), bucket('1'), bucket('+Inf')]).toEqual([1, 2, 3]);
    expect(sumOf(read, 'd_seconds_sum')).toBeCloseTo(5.55);
  });

  it('is one for each process: nothing is shared', async () => {
    const [first, second] = [new Metrics(), new Metrics()];
    first.counter({ ...NAME, name: 'a_total' })();
    second.counter({ ...NAME, name: 'a_total' });
    expect(sumOf(parseExposition(await second.text()), 'a_total')).toBe(0);
  });

  it('escapes what labels hold', async () => {
    const metrics = new Metrics();
    metrics.gauge({ ...NAME, name: 'm', labels: ['of'] }, () => [[1, { of: 'a"b\\c\nd' }]]);
    expect(parseExposition(await metrics.text()).get('m')?.series[0]?.labels['of']).toBe('a\\"b\\\\c\\nd');
  });
});

it('samples: one, each, state', () => {
  expect([...one(3)]).toEqual([[3]]);
  expect([...one(undefined)]).toEqual([]);
  expect([...each('k', { a: 1, b: 0 })]).toEqual([
    [1, { k: 'a' }],
    [0, { k: 'b' }],
  ]);
  expect([...state('s', ['x', 'y'], 'y')]).toEqual([
    [0, { s: 'x' }],
    [1, { s: 'y' }],
  ]);
});
