/** What is released: the version, the commit, and the one date that all of it carries. */
import { readFileSync } from 'node:fs';
import { CommandError, output } from '../command.ts';

const manifest: { readonly name: string; readonly version: string } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);

/** The name of the package. */
export const PACKAGE = manifest.name;
/** For example `0.1.0`. package.json is the only place where it is written. */
export const VERSION = manifest.version;

/** Seconds since 1970: SOURCE_DATE_EPOCH, or the date of the newest commit, or 0 where there is neither. */
export function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (!given) return Number(git(['log', '-1', '--format=%ct']) ?? '0');
  if (!/^\d{1,10}$/.test(given))
    throw new Error(`SOURCE_DATE_EPOCH is not a number of seconds since 1970: ${given}`);
  return Number(given);
}

/** The commit, with `-dirty` behind it where the checkout has changes, or `unknown` outside of a repository. */
export function revision(): string {
  const commit = git(['rev-parse', 'HEAD']);
  if (commit === undefined) return 'unknown';
  return git(['status', '--porcelain']) === '' ? commit : `${commit}-dirty`;
}

function git(args: readonly string[]): string | undefined {
  try {
    return output('git', args);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
