/**
 * All that CI checks, in one command: `npm run check`.
 *
 *   --tests-from FILE   Take the vitest report in FILE for the test step instead of running the tests once more. It must
 *                       be younger than every source, and say that all went well.
 *   --report FILE       Write {"passed": N, "failed": N} to FILE, one for each step; a test step taken from a report
 *                       does not count.
 *
 * Every step runs, also after one that failed. Exit code 1 when any failed.
 */
import { spawnSync } from 'node:child_process';
import { globSync, statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readTestReport } from './test-report.ts';

interface Step {
  readonly name: string;
  readonly run: () => boolean;
  readonly counts: boolean;
}

const { values: options } = parseArgs({
  options: { 'tests-from': { type: 'string' }, report: { type: 'string' } },
});

const { 'tests-from': testsFrom, report: reportFile } = options;

/** A step that hangs is ended and has failed: the tests after 15 minutes, any other after 2. */
const MINUTE_MS = 60_000;

const STEPS: readonly Step[] = [
  step('lint', 'node_modules/.bin/biome', 'check'),
  step('types', 'node_modules/.bin/tsc', '--noEmit'),
  testsFrom === undefined
    ? step('test', 'npm', 'test')
    : { name: 'test (from the report)', run: () => vouches(testsFrom), counts: false },
  step('build', process.execPath, 'scripts/build.ts'),
  step('package', process.execPath, 'scripts/check-package.ts'),
  step('demo', 'npm', 'run', '--silent', 'demo'),
];

function step(name: string, command: string, ...args: readonly string[]): Step {
  const timeout = (name === 'test' ? 15 : 2) * MINUTE_MS;
  const run = (): boolean => spawnSync(command, args, { stdio: 'inherit', timeout }).status === 0;
  return { name, run, counts: true };
}

/** Whether the report in `file` is good, and was begun after the last change to any source. */
function vouches(file: string): boolean {
  const { failed, startedAt } = readTestReport(file);
  const sources = globSync(['{src,test,scripts,compose}/**/*', '*.{json,ts}']);
  const changed = sources.filter((path) => {
    const stat = statSync(path);
    return stat.isFile() && stat.mtimeMs > startedAt;
  });
  for (const path of changed)
    console.error(`test: ${path} has changed since ${file} was made; run npm test again`);
  return failed === 0 && changed.length === 0;
}

function main(): number {
  const results = STEPS.map(({ name, run, counts }) => {
    const start = performance.now();
    const passed = run();
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    return { line: `${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`, passed, counts };
  });
  console.log(`\n${results.map(({ line }) => line).join('\n')}`);
  const failed = results.filter(({ passed }) => !passed).length;
  const passed = results.filter((result) => result.passed && result.counts).length;
  if (reportFile !== undefined) writeFileSync(reportFile, JSON.stringify({ passed, failed }));
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
