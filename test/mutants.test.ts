/** The faults that `npm run mutants` plants still fit the sources, and its runner tells found from survived. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Mutant, type MutantRun, planted, runMutants } from '../scripts/mutants/runner.ts';
import { SUITES } from '../scripts/mutants/suites.ts';

const MUTANTS = SUITES.flatMap(({ mutants }) => mutants);

describe('the mutants', () => {
  it('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  it.each(MUTANTS)('$name', (mutant) => {
    const text = readFileSync(mutant.file, 'utf8');
    expect(planted(text, mutant)).not.toBe(text);
  });

  it.each([0, 2])('must fit once, and not %i times', (times) => {
    const mutant = { name: 'x', file: 'a.mjs', find: 'aim;', replace: '' };
    expect(() => planted('aim;'.repeat(times), mutant)).toThrow(`a.mjs holds ${times} times`);
  });
});

describe('the runner of mutants', () => {
  const file = 'sum.mjs';
  const mutant = (name: string, replace: string): Mutant => ({ name, file, find: '1 + 1', replace });

  /** A project with one source, and a test that prints what it saw. */
  function project(mutants: readonly Mutant[], expected = 2): MutantRun & { readonly top: string } {
    const top = mkdtempSync(join(tmpdir(), 'beacon-test-'));
    onTestFinished(() => rmSync(top, { recursive: true }));
    mkdirSync(join(top, 'node_modules'));
    writeFileSync(join(top, file), 'export const sum = 1 + 1;\n');
    const check = `if (sum !== ${expected}) { console.log('seen in sum: ' + sum); process.exit(1); }`;
    writeFileSync(join(top, 'test.mjs'), `import { sum } from './sum.mjs';\n${check}\n`);
    return {
      top,
      mutants,
      copied: [file, 'test.mjs'],
      command: [process.execPath, 'test.mjs'],
      timeoutMs: 3_000,
      seen: /seen in (\w+): (.*)/,
    };
  }

  it('says what was found and where, what died, what hung, and what survived; each alone', async () => {
    const run = project([
      mutant('wrong', '1 + 2'),
      mutant('dead', 'process.exit(7)'),
      mutant('stuck', '2; while (true)'),
      mutant('the same', '2 * 1'),
    ]);
    const told: string[] = [];
    const results = await runMutants({ ...run, onResult: ({ name }) => told.push(name) });
    expect(results.map(({ name, finding }) => [name, finding])).toEqual([
      ['wrong', ['sum', '3']],
      ['dead', ['', 'end 7']],
      ['stuck', ['', 'a hang']],
      ['the same', undefined],
    ]);
    expect(told).toEqual(['wrong', 'dead', 'stuck', 'the same']);
    expect(readFileSync(join(run.top, file), 'utf8')).toBe('export const sum = 1 + 1;\n');
  });

  it('plants nothing where the tests fail without', async () => {
    const run = project([mutant('wrong', '1 + 2')], 3);
    await expect(runMutants(run)).rejects.toMatchObject({ code: 'config', message: /sum 2$/ });
  });
});
