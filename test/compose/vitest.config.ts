import { defineConfig } from 'vitest/config';

/** Where CI wants a JSON report, to count from; see scripts/ci.ts. */
const report = process.env['BEACON_TEST_REPORT'];

/** `npm run test:compose`: docker-compose.yml by a real engine. Not part of `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    name: 'compose',
    include: ['test/compose/**/*.test.ts'],
    globalSetup: 'test/support/compose/images-setup.ts',
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: report ? ['verbose', ['json', { outputFile: report }]] : ['verbose'],
  },
});
