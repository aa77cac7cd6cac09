/** For every file of e2e tests: a log line that says too much fails the test in which it was written. */
import { afterAll, afterEach, expect } from 'vitest';
import { takeLeaks } from './log-leaks.ts';

function check(): void {
  expect(takeLeaks(), 'log lines that say too much').toEqual([]);
}

afterEach(check);
afterAll(check);
