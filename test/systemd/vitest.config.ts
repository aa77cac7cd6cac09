import { defineConfig } from 'vitest/config';

/** `npm run test:systemd`: needs Docker, root and debootstrap, and says so where one is missing. Not part of `npm test`. */
const report = process.env['BEACON_TEST_REPORT'];

export default defineConfig({
  test: {
    name: 'systemd',
    include: ['test/systemd/**/*.test.ts'],
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
