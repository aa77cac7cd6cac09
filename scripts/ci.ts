/**
 * What `.ci/run` runs once the packages are there: the README's test command, then `npm run check` with the report of
 * that test run, so that the tests run once, then the suites that need more than Node. The last line printed is
 * `N passed, N failed`: tests, and steps of check.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from './ci/engine.ts';
import { readTestReport } from './test-report.ts';

/** Not part of `npm test`: they need helm, promtool or an engine of Docker, and without it say that they tested nothing, and fail. */
const SUITES = ['test:chart', 'test:image', 'test:compose', 'test:systemd'] as const;

interface Count {
  readonly passed: number;
  readonly failed: number;
}

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

function testAndCheck(directory: string): Count {
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
  return atLeastOne(installed && tested && checked, { passed: fromTests.passed + fromSteps.passed, failed });
}

/** Runs a script of npm that runs tests. */
function runTests(script: string, directory: string): Count {
  const report = join(directory, `${script.replace(':', '-')}.json`);
  const ended = npm(['run', script], { BEACON_TEST_REPORT: report });
  return atLeastOne(ended, readTestReport(report));
}

async function runSuites(directory: string): Promise<readonly Count[]> {
  npm(['run', 'chart:tools']);
  const engine = await startEngine();
  try {
    return SUITES.map((script) => runTests(script, directory));
  } finally {
    await engine.stop();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'beacon-ci-'));
try {
  const counts = [testAndCheck(directory), ...(await runSuites(directory))];
  const total = (what: keyof Count): number => counts.reduce((sum, count) => sum + count[what], 0);
  const [passed, failed] = [total('passed'), total('failed')];
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`\n${passed} passed, ${failed} failed`);
} finally {
  rmSync(directory, { recursive: true });
}
