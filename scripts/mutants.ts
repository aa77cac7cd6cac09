/**
 * Shows that tests find faults: plants one after the other, and prints what found it. Exit code 1 when one survives, 2 on a
 * bad argument.
 *
 *   npm run mutants -- [--suite tunnel|broker|sim] [--only TEXT] [--json FILE]
 *
 * --only: mutants whose name holds the text. docs/testing.md has the table.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type MutantResult, runMutants } from './mutants/runner.ts';
import { SUITES, type Suite } from './mutants/suites.ts';

interface Row extends MutantResult {
  readonly suite: string;
}

const TIMEOUT_MS = 180_000;

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: { suite: { type: 'string' }, only: { type: 'string', default: '' }, json: { type: 'string' } },
  });
  const chosen = SUITES.filter(({ name }) => options.suite === undefined || name === options.suite)
    .map((suite) => ({ ...suite, mutants: suite.mutants.filter(({ name }) => name.includes(options.only)) }))
    .filter(({ mutants }) => mutants.length > 0);
  if (chosen.length === 0) {
    console.error(`no such mutant; there are the suites ${SUITES.map(({ name }) => name).join(' and ')}`);
    return 2;
  }
  console.log('| mutant | file | found by | what was seen | s |\n|---|---|---|---|---|');
  const rows: Row[] = [];
  for (const suite of chosen) rows.push(...(await runSuite(suite)));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
  const survivors = rows.filter(({ finding }) => finding === undefined).length;
  console.log(`\n${rows.length - survivors} of ${rows.length} mutants found`);
  return survivors === 0 ? 0 : 1;
}

async function runSuite({
  name: suite,
  mutants,
  copied,
  command,
  seen,
  timeoutMs = TIMEOUT_MS,
}: Suite): Promise<Row[]> {
  const print = ({ name, file, finding, ms }: MutantResult): void => {
    const [place = '', what = ''] = finding ?? ['SURVIVED'];
    const cells = [name, file.replace('src/', ''), place, what, (ms / 1_000).toFixed(1)];
    console.log(`| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`);
  };
  const results = await runMutants({
    mutants,
    copied: ['src', 'package.json', ...copied],
    command,
    timeoutMs,
    seen,
    onResult: print,
  });
  return results.map((result) => ({ suite, ...result }));
}

process.exitCode = await main();
