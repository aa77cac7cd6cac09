/**
 * Looks for what no line of a log may say in every line of every process that a test starts: addresses, host:port,
 * info_hashes. It knows nothing of how the product masks them. Fields that nobody wrote down count as well.
 * log-leaks-setup.ts fails the test.
 */
import { readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';

/** What an operator asked for by a flag: fields of records, by record, that may say anything. */
const ASKED_FOR: Readonly<Record<string, readonly string[]>> = {
  splice: ['peer', 'info_hash'],
  stream: ['broker'],
};
/** ISO 8601: digits and colons. */
const TIMES = ['time', 'start'];

/** Fields in the first columns of the tables of docs/logs.md. */
const DOCUMENTED: ReadonlySet<string> = new Set(
  [...readFileSync('docs/logs.md', 'utf8').matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(
    ([, names = '']) => names.replaceAll('`', '').split(', '),
  ),
);

const found: string[] = [];

/** Remembers what is wrong with `lines`, for {@link takeLeaks}. */
export function noteLeaks(lines: readonly string[]): void {
  for (const line of lines)
    for (const leak of leaksIn(line)) found.push(`${JSON.stringify(leak)} in the line ${line}`);
}

/** What was found since the last call, in the processes of this test file. */
export function takeLeaks(): string[] {
  return found.splice(0);
}

/** What `line` of stderr gives away. At `debug` networks may be named, above it not even these. */
export function leaksIn(line: string): string[] {
  // The last word of a command that could not start, to the person who typed it.
  if (line.startsWith('beacon: ')) return [];
  // A line of a trace that names a place in Node itself: `node:events:514:20`.
  if (/^ +at .*\(?node:[\w/]+:\d+:\d+\)?$/.test(line)) return [];
  if (!line.startsWith('{')) return leaksInText(line, false);
  const { level, record = '', ...fields } = JSON.parse(line) as Record<string, unknown>;
  const exempt = [...TIMES, ...(ASKED_FOR[String(record)] ?? [])];
  const unknown = Object.keys(fields).filter((name) => !DOCUMENTED.has(name));
  return [
    ...unknown.map((name) => `${name}, a field that docs/logs.md does not have,`),
    ...Object.entries(fields)
      .filter(([name]) => !exempt.includes(name))
      .flatMap(([, value]) => leaksInText(JSON.stringify(value), level === 'debug')),
  ];
}

function leaksInText(text: string, networks: boolean): string[] {
  const matches = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([match]) => match);
  return [
    ...matches(/(?:\d+\.)+\d+(?:\/\d+)?/g).filter((each) => {
      const [ip = '', bits] = each.split('/');
      return isIPv4(ip) && !(networks && bits === '24' && ip.endsWith('.0'));
    }),
    ...matches(/(?<!\w)[\da-f:.]*:[\da-f.]*:[\da-f:.]*(?:\/\d+)?/gi).filter((each) => {
      const [ip = '', bits] = each.split('/');
      const isIp = isIPv6(ip) || isIPv6(ip.replace(/[.:]$/, ''));
      return isIp && !(networks && bits === '48' && ip.endsWith('::'));
    }),
    // Not the files that errors of OpenSSL name: `../ssl/record.c:80`.
    ...matches(/(?<![\w./-])[a-z][\w.-]*:\d{2,5}\b/gi),
    ...matches(/\b[a-z]+:\/\/[^\s/[]+/gi),
    ...matches(/\blocalhost\b/g),
    ...matches(/[\da-f]{64}/gi),
  ];
}
