/**
 * Reads the text format of Prometheus, version 0.0.4, and refuses what a lenient reader would pass over: samples without
 * HELP and TYPE, a series twice, names and labels that are none, histograms whose buckets fall or do not add up.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram';

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  readonly series: readonly Series[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;
const TYPES: readonly string[] = ['counter', 'gauge', 'histogram'];

/** By name. Throws at the first line that is wrong. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, { name: string; help: string; type?: MetricType; series: Series[] }>();
  const seen = new Set<string>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const [, keyword = '', subject = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (!NAME.test(subject)) fail('no name');
      if (families.has(subject)) fail('a second HELP');
      families.set(subject, { name: subject, help: rest, series: [] });
    } else if (keyword === 'TYPE') {
      const family = families.get(subject);
      if (!family || family.type || family.series.length > 0) fail('a TYPE out of place');
      else if (!TYPES.includes(rest)) fail('an unknown type');
      else family.type = rest as MetricType;
    } else {
      const series = parseSeries(line, fail);
      const key = `${series.name} ${JSON.stringify(Object.entries(series.labels).toSorted())}`;
      if (seen.has(key)) fail('the same series twice');
      seen.add(key);
      const family =
        families.get(series.name) ?? families.get(series.name.replace(/_(bucket|sum|count)$/, ''));
      if (!family?.type) return fail('a sample without HELP and TYPE');
      family.series.push(series);
    }
  }
  return new Map([...families].map(([name, family]) => [name, checked(family)]));
}

function parseSeries(line: string, fail: (why: string) => never): Series {
  const match = /^([^{\s]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (!match) return fail('no sample');
  const [, name = '', labelText = '', valueText = ''] = match;
  if (!NAME.test(name)) fail('no name');
  const labels: Record<string, string> = {};
  for (let at = 0; at < labelText.length; at = LABEL.lastIndex) {
    LABEL.lastIndex = at;
    const [, label = '', value = ''] = LABEL.exec(labelText) ?? fail('a broken label');
    if (label in labels) fail('a label twice');
    labels[label] = value;
  }
  if (!/^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.test(valueText)) fail('no number');
  return { name, labels, value: Number(valueText.replace('Inf', 'Infinity')) };
}

function checked({ name, help, type, series }: Omit<Family, 'type'> & { type?: MetricType }): Family {
  const fail = (why: string): never => {
    throw new Error(`${name}: ${why}`);
  };
  if (!type) return fail('has no TYPE');
  if ((type === 'counter') !== name.endsWith('_total')) fail('counters, and only they, end in _total');
  if (type !== 'gauge' && series.some(({ value }) => !(value >= 0))) fail('falls below 0');
  if (series.some(({ value }) => !Number.isFinite(value))) fail('has a value that is none');
  if (type === 'histogram') checkHistogram(name, series, fail);
  else if (series.some((each) => each.name !== name)) fail('has samples of other names');
  return { name, help, type, series };
}

function checkHistogram(name: string, series: readonly Series[], fail: (why: string) => never): void {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const { le: _le, ...labels } = one.labels;
    const key = JSON.stringify(labels);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  for (const group of groups.values()) {
    const buckets = group.filter((one) => one.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('Inf', 'Infinity')));
    const rises = (values: readonly number[], strictly: boolean): boolean =>
      values.every(
        (value, at) => at === 0 || value > (values[at - 1] ?? 0) || (!strictly && value === values[at - 1]),
      );
    if (!rises(bounds, true)) fail('has bounds that do not rise');
    if (
      !rises(
        buckets.map(({ value }) => value),
        false,
      )
    )
      fail('has buckets that fall');
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) fail('has no bucket for all');
    const count = group.filter((one) => one.name === `${name}_count`);
    const sum = group.filter((one) => one.name === `${name}_sum`);
    if (count.length !== 1 || sum.length !== 1) fail('has no count or no sum');
    if (count[0]?.value !== buckets.at(-1)?.value) fail('has buckets that do not add up');
  }
}
