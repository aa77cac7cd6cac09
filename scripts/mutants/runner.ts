/**
 * Shows that tests can fail: plants one fault after the other in a copy of the project, and runs a command there that is
 * to find it. The work tree is left alone.
 */
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';

/** One fault. */
export interface Mutant {
  /** What is wrong with it, in a few words. */
  readonly name: string;
  /** From the top of the project. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface MutantRun {
  readonly mutants: readonly Mutant[];
  /** Files and folders to copy, from the top of the project. node_modules is there as well. */
  readonly copied: readonly string[];
  /** Run in the copy. Exit code 0: nothing was found. */
  readonly command: readonly [string, ...string[]];
  /** A command that takes longer has found that something hangs. */
  readonly timeoutMs: number;
  /** Finds in what the command printed, as its groups, where the fault was seen and what was seen. */
  readonly seen: RegExp;
  /** Called with each result as it comes. */
  readonly onResult?: (result: MutantResult) => void;
  /** The project. Default: the working directory. */
  readonly top?: string;
}

export interface MutantResult {
  readonly name: string;
  readonly file: string;
  /** Where the command saw it, if it came to say so, and what it saw; undefined: the mutant survived. */
  readonly finding: readonly [place: string, what: string] | undefined;
  /** Milliseconds that the command took. */
  readonly ms: number;
}

/** The text of a file with the fault in it. Throws AssertionError where the fault does not fit any more. */
export function planted(text: string, { name, file, find, replace }: Mutant): string {
  const parts = text.split(find);
  assert.equal(parts.length, 2, `${file} holds ${parts.length - 1} times, not once, what '${name}' replaces`);
  return parts.join(replace);
}

/** One after the other. Rejects with `config` where the command finds fault with the project as it is. */
export async function runMutants(run: MutantRun): Promise<MutantResult[]> {
  const { mutants, copied, top = process.cwd(), onResult } = run;
  const copy = mkdtempSync(join(tmpdir(), 'beacon-mutants-'));
  try {
    for (const path of copied) cpSync(resolve(top, path), join(copy, path), { recursive: true });
    symlinkSync(resolve(top, 'node_modules'), join(copy, 'node_modules'));
    const healthy = await tryIn(copy, run);
    if (healthy.finding !== undefined)
      throw new BeaconError('config', `without any mutant this was found: ${healthy.finding.join(' ')}`);
    const results: MutantResult[] = [];
    for (const mutant of mutants) {
      const path = join(copy, mutant.file);
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, planted(text, mutant));
      const result = { name: mutant.name, file: mutant.file, ...(await tryIn(copy, run)) };
      writeFileSync(path, text);
      onResult?.(result);
      results.push(result);
    }
    return results;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

async function tryIn(cwd: string, run: MutantRun): Promise<Pick<MutantResult, 'finding' | 'ms'>> {
  const [file, ...args] = run.command;
  const start = systemClock.now();
  const env = { ...process.env, NO_COLOR: '1' };
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  let isLate = false;
  const timer = systemClock.after(run.timeoutMs, () => {
    isLate = true;
    child.kill('SIGKILL');
  });
  const end = await new Promise<number | string | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done(code ?? signal));
  }).finally(() => timer.cancel());
  const ms = Math.round(systemClock.now() - start);
  return { finding: end === 0 ? undefined : findingOf(printed, isLate ? 'a hang' : `end ${end}`, run), ms };
}

function findingOf(printed: string, end: string, { seen }: MutantRun): readonly [string, string] {
  const [, place, what = ''] = seen.exec(printed) ?? [];
  return place === undefined ? ['', end] : [place, what];
}
