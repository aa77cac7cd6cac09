/** What every benchmark prints: percentiles of samples, a table of bars met or missed, the same as JSON. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

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

/** A number that is not to be exceeded. */
export interface Limit {
  readonly what: string;
  readonly bar: number;
  readonly unit: string;
  /** Before the number in both columns, for example `p99`. */
  readonly of?: string;
}

/** What is measured and what it must reach, where that is more than a number. */
export interface Head {
  readonly what: string;
  readonly bar: string;
}

export interface AtMost extends Limit {
  readonly measured: number;
  readonly how: string;
  /** After the measured number. */
  readonly more?: string;
  readonly values?: Readonly<Record<string, number>>;
}

/** A row with one limit. What could not be measured (NaN) is missed. */
export function atMost({ measured, how, more, values, ...limit }: AtMost): Row {
  return {
    what: limit.what,
    bar: barText(limit),
    measured: `${withUnit(limit, measured)}${more === undefined ? '' : `; ${more}`}`,
    met: measured <= limit.bar,
    how,
    values: values ?? { measured },
  };
}

/** A limit as people read it. */
export function barText({ of, bar, unit }: Limit): string {
  return `${of === undefined ? '' : `${of} `}at most ${rounded(bar)} ${unit}`.trimEnd();
}

/** What and bar of a row, as the table has them. */
export function headOf(row: Limit | Head): Head {
  return 'unit' in row ? { what: row.what, bar: barText(row) } : row;
}

/** A measured value of `limit` as people read it. */
export function withUnit({ of, unit }: Limit, measured: number): string {
  return `${of === undefined ? '' : `${of} `}${rounded(measured)} ${unit}`.trimEnd();
}

/** A row that is missed because nothing could be measured. */
export function notMeasured(what: string, bar: string, why: string): Row {
  return { what, bar, measured: `not measured: ${firstLine(why)}`, met: false, how: '', values: {} };
}

/** Three digits, or all before the point, with commas between thousands. */
export function rounded(value: number): string {
  const short = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return short.toLocaleString('en-US');
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

/** Tasks that wanted to run at once, per core, in the minute before this program began. */
const LOAD = (loadavg()[0] ?? 0) / cpus().length;
/** Past it, times say more about what else ran than about us. */
const BUSY = 0.5;

/** Prints the table, writes `json` where a file is named, and sets the exit code: 1 when a row was missed. */
export function finish(benchmark: string, rows: readonly Row[], json: string | undefined): void {
  const missed = rows.filter((row) => !row.met).length;
  const machine = { cpus: cpus().length, node: process.version, loadBefore: LOAD };
  console.log(tableOf(rows).join('\n'));
  const result = missed === 0 ? 'every bar met' : `${missed} of ${rows.length} bars missed`;
  console.log(`\n${result}; ${machine.cpus} cores, Node ${machine.node}`);
  if (LOAD > BUSY)
    console.log(`other work ran before (load ${rounded(LOAD)} a core): repeat on a machine at rest`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ benchmark, ...machine, rows }, undefined, 2)}\n`);
  process.exitCode = missed === 0 ? 0 : 1;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
