/** Reads the JSON report that vitest writes to BEACON_TEST_REPORT. */
import { readFileSync } from 'node:fs';

export interface TestReport {
  readonly passed: number;
  /** At least 1 when the run failed for another reason than a failed test, such as an error outside of any test. */
  readonly failed: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** A report that is missing or cannot be read counts as one failure. */
export function readTestReport(file: string): TestReport {
  try {
    const { numPassedTests, numFailedTests, success, startTime } = JSON.parse(readFileSync(file, 'utf8'));
    const failed = Number(numFailedTests);
    return {
      passed: Number(numPassedTests),
      failed: success ? failed : Math.max(1, failed),
      startedAt: startTime,
    };
  } catch (error) {
    console.error(
      `the test report ${file} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
    return { passed: 0, failed: 1, startedAt: 0 };
  }
}
