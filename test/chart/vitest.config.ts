import { defineConfig } from 'vitest/config';

/** Where CI wants a JSON report, to count from; see scripts/ci.ts. */
const report = process.env['BEACON_TEST_REPORT'];

/** `npm run test:chart`: the chart by the real helm. Not part of `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    name: 'chart',
    include: ['test/chart/**/*.test.ts'],
    globalSetup: 'test/support/chart/tools-setup.ts',
    testTimeout: 60_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
