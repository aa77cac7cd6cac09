/**
 * What `.ci/run` runs once the packages are there: the README's test command, then `npm run check` with the report of
 * that test run, so that the tests run once, then the suites that need more than Node. The last line printed is
 * `N passed, N failed`: tests, and steps of check.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTestReport } from './test-report.ts';

interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** Suites that `npm test` is without: the command that makes their tools, where they need some, and the one that tests. */
const SUITES = [{ tools: 'chart:tools', test: 'test:chart' }];

/** Runs a command of npm and shows what it prints; whether it ended well. */
function npm(args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  console.log(`\n$ npm ${args.join(' ')}`);
  return spawnSync('npm', args, { stdio: 'inherit', env: { ...process.env, ...env } }).status === 0;
}

/** A command that failed counts as a failure even where nothing it counted did. */
function atLeastOne(ended: boolean, { passed, failed }: Count): Count {
  return { passed, failed: ended ? failed : Math.max(1, failed) };
}

function readCount(file: string): Count {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** Without its tools a suite says that it tested nothing, and fails. */
function runSuite({ tools, test }: (typeof SUITES)[number], directory: string): Count {
  const report = join(directory, 'suite.json');
  rmSync(report, { force: true });
  const made = npm(['run', tools]);
  const tested = npm(['run', test], { BEACON_TEST_REPORT: report });
  return atLeastOne(made && tested, readTestReport(report));
}

function main(directory: string): Count {
  const tests = join(directory, 'tests.json');
  const steps = join(directory, 'check.json');
  const installed = npm(['install']);
  const tested = npm(['test'], { BEACON_TEST_REPORT: tests });
  const checked = npm(['run', 'check', '--', '--tests-from', tests, '--report', steps]);
  const fromTests = atLeastOne(installed && tested, readTestReport(tests));
  const fromSteps = readCount(steps);
  // check fails as well when the tests did: that is one failure, counted above
  const failed =
    fromTests.failed + (fromTests.failed > 0 ? Math.max(0, fromSteps.failed - 1) : fromSteps.failed);
  const first = atLeastOne(installed && tested && checked, {
    passed: fromTests.passed + fromSteps.passed,
    failed,
  });
  return SUITES.map((suite) => runSuite(suite, directory)).reduce(sum, first);
}

function sum(one: Count, other: Count): Count {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed };
}

const directory = mkdtempSync(join(tmpdir(), 'beacon-ci-'));
try {
  const { passed, failed } = main(directory);
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`\n${passed} passed, ${failed} failed`);
} finally {
  rmSync(directory, { recursive: true });
}
