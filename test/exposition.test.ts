import { describe, expect, it } from 'vitest';
import { parseExposition } from './support/exposition.ts';

const HEAD = '# HELP a_total Text.\n# TYPE a_total counter\n';
const GAUGE = '# HELP g Text.\n# TYPE g gauge\n';
const HISTOGRAM = '# HELP h Text.\n# TYPE h histogram\n';

describe('the parser of expositions', () => {
  it('reads families, labels and values', () => {
    const text = `${HEAD}a_total 1\n\n${GAUGE}g{x="1",y="a \\"b\\""} -0.5e-3\ng{x="2",y=""} 0\n`;
    const all = parseExposition(text);
    expect(all.get('a_total')).toMatchObject({ type: 'counter', series: [{ value: 1, labels: {} }] });
    expect(all.get('g')?.series).toMatchObject([
      { value: -0.0005, labels: { x: '1' } },
      { labels: { x: '2' } },
    ]);
  });

  it('reads histograms', () => {
    const text = `${HISTOGRAM}h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3.5\nh_count 2\n`;
    expect(parseExposition(text).get('h')?.series.length).toBe(4);
  });

  it.each([
    ['no end of line', `${HEAD}a_total 1`],
    ['a sample without TYPE', 'a_total 1\n'],
    ['a second HELP', `${HEAD}${HEAD}`],
    ['TYPE without HELP', '# TYPE g gauge\n'],
    ['an unknown type', '# HELP g T.\n# TYPE g number\n'],
    ['a family without TYPE', '# HELP g T.\n'],
    ['a series twice', `${GAUGE}g{a="1",b="2"} 1\ng{b="2",a="1"} 1\n`],
    ['a label twice', `${GAUGE}g{a="1",a="2"} 1\n`],
    ['a broken label', `${GAUGE}g{a=1} 1\n`],
    ['an escape that is none', `${GAUGE}g{a="\\x"} 1\n`],
    ['no value', `${GAUGE}g\n`],
    ['a value that is none', `${GAUGE}g undefined\n`],
    ['NaN', `${GAUGE}g NaN\n`],
    ['a counter that is negative', `${HEAD}a_total -1\n`],
    ['a counter without _total', '# HELP a T.\n# TYPE a counter\na 1\n'],
    ['a gauge with _total', '# HELP a_total T.\n# TYPE a_total gauge\n'],
    ['a gauge with samples of a histogram', `${GAUGE}g_sum 1\n`],
    ['buckets that fall', `${HISTOGRAM}h_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n`],
    [
      'bounds that fall',
      `${HISTOGRAM}h_bucket{le="2"} 1\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n`,
    ],
    ['no bucket for all', `${HISTOGRAM}h_bucket{le="1"} 2\nh_sum 1\nh_count 2\n`],
    ['a count of its own', `${HISTOGRAM}h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 3\n`],
    ['no sum', `${HISTOGRAM}h_bucket{le="+Inf"} 2\nh_count 2\n`],
  ])('refuses %s', (_name, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
