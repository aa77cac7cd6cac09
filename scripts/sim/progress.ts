/** A run that was interrupted goes on where it was: what it came to so far, in a file. */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { BeaconError } from '../../src/base/errors.ts';
import { newTally, type Tally } from './report.ts';

export interface Progress {
  /** All results are of this commit; another one begins anew. */
  readonly commit: string;
  readonly runMs: number;
  readonly relays: number;
  readonly tally: Tally;
  /** Seeds below are done, and these as well. */
  from: number;
  done: number[];
}

/** Without uncommitted changes: those are named, as a seed is worth nothing without the source that it ran. */
export function commitOf(): string {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return '';
    }
  };
  const commit = git('rev-parse', '--short=12', 'HEAD');
  if (commit === '') return 'unknown';
  return git('status', '--porcelain', '--', 'src', 'test', 'scripts') === ''
    ? commit
    : `${commit} with changes`;
}

/** @param from the first seed of a run that begins. */
export function readProgress(
  file: string | undefined,
  begin: Pick<Progress, 'commit' | 'runMs' | 'relays' | 'from'>,
): Progress {
  const fresh = { ...begin, tally: newTally(), done: [] };
  if (file === undefined) return fresh;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return fresh;
  }
  const read: Progress = JSON.parse(text);
  for (const what of ['commit', 'runMs', 'relays'] as const)
    if (read[what] !== begin[what])
      throw new BeaconError(
        'config',
        `${file} is of a run with ${what} ${read[what]}, this one has ${begin[what]}; remove the file to begin anew`,
      );
  return read;
}

export function writeProgress(file: string | undefined, progress: Progress): void {
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(progress));
  renameSync(`${file}.new`, file);
}

/** A seed is done; seeds come back in any order. */
export function finished(progress: Progress, seed: number): void {
  const done = new Set([...progress.done, seed]);
  while (done.delete(progress.from)) progress.from += 1;
  progress.done = [...done];
}
