import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Where CI wants a JSON report, to count from; see scripts/ci.ts. */
const report = process.env['BEACON_TEST_REPORT'];

/**
 * Fast tests first: `unit` touches no process, `e2e` starts real ones. Files of one project run side by side;
 * every test takes free ports, so nothing collides.
 */
export default defineConfig({
  test: {
    // Much of the time goes into waiting for sockets, processes and time-outs: more workers than cores keep those busy.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'test/*.test.ts',
            'test/unit/**/*.test.ts',
            'test/contract/**/*.test.ts',
            'test/sim/**/*.test.ts',
          ],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: ['test/support/log-leaks-setup.ts'],
          testTimeout: 90_000,
          hookTimeout: 90_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
