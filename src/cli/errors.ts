/**
 * How a failure ends a command: one line on stderr and an exit code. It is for who has typed the command, and names what was
 * typed, addresses too; logs, which go to others as well, do not.
 */
import { CommanderError } from 'commander';
import { BeaconError, messageOf } from '../base/errors.ts';
import { mask } from '../base/mask.ts';

export const EXIT_OK = 0;
/** Something went wrong while the command ran. */
export const EXIT_FAILED = 1;
/** A person must correct the command line, a variable or a file. */
export const EXIT_USAGE = 2;

export interface ReportOptions {
  /** Add the stack trace and the causes, for a developer. */
  readonly debug: boolean;
  /** Where the text goes; it ends in a line feed. */
  readonly write: (text: string) => void;
}

/** Tells a person about `error` and returns the exit code for it. */
export function reportError(error: unknown, { debug, write }: ReportOptions): number {
  // commander has printed its help or its error already
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  const known = error instanceof BeaconError;
  const hint =
    known || debug ? '' : ' (this is a bug in beacon: run again with --log-level debug and report it)';
  write(`beacon: ${oneLine(messageOf(error))}${hint}\n`);
  if (debug) write(mask(traceOf(error), 'network'));
  return known && error.code === 'config' ? EXIT_USAGE : EXIT_FAILED;
}

/** commander's error text as one line of ours; `command` is for example `beacon relay`. */
export function usageLine(text: string, command: string): string {
  const message = oneLine(text)
    .replace(/^error: /, '')
    .replace(/ ?\(Did you mean (.*)\?\)$/, '; did you mean $1?')
    .replace(/[.]$/, '');
  return `beacon: ${message}${message.endsWith('?') ? '' : '.'} See '${command} --help'.\n`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}

function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const cause =
    error.cause === undefined ? '' : `caused by ${messageOf(error.cause)}\n${traceOf(error.cause)}`;
  return `${error.stack ?? error.name}\n${cause}`;
}
