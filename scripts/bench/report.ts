/** What every benchmark prints: percentiles of samples, a table of bars met or missed, the same as JSON. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** One bar of a benchmark and what was measured against it. */
export interface Row {
  readonly what: string;
  readonly bar: string;
  readonly measured: string;
  readonly met: boolean;
  /** How it was measured, in a few words. */
  readonly how: string;
  /** All numbers behind `measured`, by name with unit, for machines. */
  readonly values: Readonly<Record<string, number>>;
}

/** Quantiles of a series, each one a sample that was really taken. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * The nearest-rank percentile: the smallest sample that at least `percent` of 100 are at or below. No interpolation, so
 * the 99th of fewer than 100 samples is the largest. NaN of none.
 */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function spreadOf(samples: readonly number[]): Spread {
  return {
    count: samples.length,
    p50: percentile(samples, 50),
    p90: percentile(samples, 90),
    p99: percentile(samples, 99),
    max: percentile(samples, 100),
  };
}

/** `spread` for {@link Row.values}: `NAME_p50_UNIT` and so on. */
export function valuesOf(
  name: string,
  unit: string,
  { count, ...quantiles }: Spread,
): Record<string, number> {
  const entries = Object.entries(quantiles).map(([key, value]) => [`${name}_${key}_${unit}`, value]);
  return { [`${name}_samples`]: count, ...Object.fromEntries(entries) };
}

export interface AtMost {
  readonly what: string;
  readonly bar: number;
  readonly measured: number;
  readonly unit: string;
  readonly how: string;
  /** Before the number in both columns, for example `p99`. */
  readonly of?: string;
  /** After the measured number. */
  readonly more?: string;
  readonly values?: Readonly<Record<string, number>>;
}

/** A row whose bar is one number that is not to be exceeded. What could not be measured (NaN) is missed. */
export function atMost({ what, bar, measured, unit, how, of, more, values }: AtMost): Row {
  const name = of === undefined ? '' : `${of} `;
  const text = (value: number): string => `${rounded(value)} ${unit}`.trimEnd();
  return {
    what,
    bar: `${name}at most ${text(bar)}`,
    measured: `${name}${text(measured)}${more === undefined ? '' : `; ${more}`}`,
    met: measured <= bar,
    how,
    values: values ?? { measured },
  };
}

/** A row that is missed because nothing could be measured. */
export function notMeasured(what: string, bar: string, why: string): Row {
  return { what, bar, measured: `not measured: ${firstLine(why)}`, met: false, how: '', values: {} };
}

/** Three digits that count, or all before the point. */
export function rounded(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** The rows as a Markdown table, one string a line. */
export function tableOf(rows: readonly Row[]): string[] {
  const head = ['what', 'bar', 'measured', 'result', 'how it was measured'];
  const lines = rows.map(({ what, bar, measured, met, how }) => [
    what,
    bar,
    measured,
    met ? 'met' : 'missed',
    how,
  ]);
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
}

/** Prints the table, writes `json` where a file is named, and sets the exit code: 1 when a row was missed. */
export function finish(benchmark: string, rows: readonly Row[], json: string | undefined): void {
  const missed = rows.filter((row) => !row.met).length;
  const machine = { cpus: cpus().length, node: process.version };
  console.log(tableOf(rows).join('\n'));
  const result = missed === 0 ? 'every bar met' : `${missed} of ${rows.length} bars missed`;
  console.log(`\n${result}; ${machine.cpus} cores, Node ${machine.node}`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ benchmark, ...machine, rows }, undefined, 2)}\n`);
  process.exitCode = missed === 0 ? 0 : 1;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
