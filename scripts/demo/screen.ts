/** What the demo prints. */
import { styleText } from 'node:util';
import { DemoError } from './children.ts';

export function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function heading(text: string): void {
  line(`\n  ${styleText('bold', text)}`);
}

export function row(name: string, where: string, what: string, pid: number): void {
  line(`    ${name.padEnd(8)}${where.padEnd(26)}${what.padEnd(50)}${styleText('dim', `pid ${pid}`)}`);
}

/** A result. One that does not hold ends the demo. */
export function check(holds: boolean, text: string, detail = ''): void {
  const sign = holds ? styleText('green', 'ok') : styleText('red', 'NO');
  line(`    ${sign}  ${text.padEnd(84)}${styleText('dim', detail)}`.trimEnd());
  if (!holds) throw new DemoError(`this does not hold: ${text}`);
}

export function bytes(count: number): string {
  return `${(count / 1_048_576).toFixed(count % 1_048_576 === 0 ? 0 : 1)} MiB`;
}

export function milliseconds(ms: number): string {
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}
