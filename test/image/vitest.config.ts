import { defineConfig } from 'vitest/config';

/** Where CI wants a JSON report, to count from; see scripts/ci.ts. */
const report = process.env['BEACON_TEST_REPORT'];

/** `npm run test:image`: the image by a real engine. Not part of `npm test`, which needs nothing but Node. */
export default defineConfig({
  test: {
    name: 'image',
    include: ['test/image/**/*.test.ts'],
    globalSetup: 'test/image/setup.ts',
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: report ? ['verbose', ['json', { outputFile: report }]] : ['verbose'],
  },
});
