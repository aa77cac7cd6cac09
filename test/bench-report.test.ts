/** What benchmarks conclude from numbers; the numbers themselves are no matter for a test. */
import { describe, expect, it } from 'vitest';
import { barOf, TABLE } from '../scripts/bench/cluster-bars.ts';
import {
  atMost,
  notMeasured,
  percentile,
  rounded,
  spreadOf,
  tableOf,
  valuesOf,
} from '../scripts/bench/report.ts';

const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);

describe('percentile', () => {
  it.each([
    [50, 50],
    [99, 99],
    [99.1, 100],
    [100, 100],
    [0, 1],
  ])('the %d-th of 1 to 100 is %d', (percent, value) => {
    expect(percentile(hundred, percent)).toBe(value);
  });

  it('is a sample, the larger one of two, and NaN of none', () => {
    expect(percentile([3, 8], 51)).toBe(8);
    expect(percentile([], 50)).toBeNaN();
  });

  it('leaves the samples in their order', () => {
    const samples = [3, 1, 2];
    expect(spreadOf(samples)).toEqual({ count: 3, p50: 2, p90: 3, p99: 3, max: 3 });
    expect(samples).toEqual([3, 1, 2]);
  });

  it('is named with its unit for machines', () => {
    expect(valuesOf('pair', 'ms', spreadOf([1]))).toEqual({
      pair_samples: 1,
      pair_p50_ms: 1,
      pair_p90_ms: 1,
      pair_p99_ms: 1,
      pair_max_ms: 1,
    });
  });
});

describe('atMost', () => {
  const limit = { what: 'a', bar: 5, unit: 'ms', how: 'b' };

  it.each([
    [5, true],
    [5.01, false],
    [-1, true],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
  ])('%d against 5: met is %s', (measured, met) => {
    expect(atMost({ ...limit, measured }).met).toBe(met);
  });

  it('says the bar and the number alike', () => {
    const row = atMost({ ...limit, bar: 1_000, measured: 1_234.5, of: 'p99', more: 'of 10' });
    expect([row.bar, row.measured]).toEqual(['p99 at most 1,000 ms', 'p99 1,235 ms; of 10']);
  });
});

describe('tableOf', () => {
  it('marks a row that was not measured as missed', () => {
    const rows = [
      atMost({ what: 'a', bar: 1, measured: 1, unit: '', how: 'c' }),
      notMeasured('b', 'c', 'd\ne'),
    ];
    expect(tableOf(rows).slice(2)).toEqual([
      '| a | at most 1 | 1 | met | c |',
      '| b | c | not measured: d | missed |  |',
    ]);
  });

  it('has ten rows for a cluster, each with its bar', () => {
    expect(TABLE).toHaveLength(10);
    expect(new Set(TABLE.map(({ what }) => what)).size).toBe(10);
    expect(TABLE.map(({ what }) => barOf(what))).toEqual(TABLE.map(({ bar }) => bar));
    expect(TABLE.every(({ bar }) => bar.includes('at most'))).toBe(true);
  });
});

describe('rounded', () => {
  it.each([
    [0.123_4, '0.123'],
    [12.345, '12.3'],
    [123.6, '124'],
    [1_234.5, '1,235'],
    [0, '0'],
  ])('%d is %s', (value, text) => expect(rounded(value)).toBe(text));
});
