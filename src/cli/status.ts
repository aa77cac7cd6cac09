/** `beacon status` */
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { askAdmin } from '../admin/client.ts';
import { inWords, type Status, type Table } from '../admin/status.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { adminCommand } from './admin-command.ts';
import { addExamples } from './help.ts';
import type { Host } from './host.ts';

/** Prints what a daemon is and knows. Exit code 0 where one answered, 1 where none did. */
export function statusCommand(host: Host, clock: Clock = systemClock): Command {
  const command = adminCommand<{ readonly json?: true }>(
    'status',
    'Show what a daemon of this machine is and knows.',
    'Show what a relay, bridge or broker of this machine is and knows: 0 where one answered, ready or not; 1 where none did.',
    host,
    async (address, { json }) => {
      const status = (await askAdmin(address, { method: 'GET', path: '/status' }, clock)) as Status;
      host.out(json ? `${JSON.stringify(status, null, 2)}\n` : screen(status, host.colors));
    },
  ).option('--json', 'Print JSON, for programs.');
  addExamples(command, [
    { text: 'Of the daemon with the usual settings:', lines: ['beacon status'] },
    { text: 'Of another one:', lines: ['beacon status --admin-addr 127.0.0.1:8091 --json'] },
  ]);
  return command;
}

/** Facts as pairs, tables below. */
function screen(status: Status, colors: boolean): string {
  const { facts, tables } = inWords(status);
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return [...lines, ...tables.flatMap((table) => ['', ...tableLines(table, colors)]), ''].join('\n');
}

function tableLines({ title, columns, rows }: Table, colors: boolean): readonly string[] {
  const heading = colors ? styleText('bold', title, { validateStream: false }) : title;
  if (rows.length === 0) return [`${heading}: none`];
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const lineOf = (cells: readonly string[]): string =>
    `  ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd();
  return [`${heading}:`, lineOf(columns), ...rows.map(lineOf)];
}
