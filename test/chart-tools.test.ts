/** Where helm is missing, the tests of the chart must not look as if they had passed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

it('without its tools npm run test:chart fails, and says that it tested nothing', () => {
  const empty = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  onTestFinished(() => rmSync(empty, { recursive: true }));
  const { VITEST: _, BEACON_TEST_REPORT: __, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'test:chart'], {
    encoding: 'utf8',
    env: { ...env, XDG_CACHE_HOME: empty },
  });
  expect(status).toBe(1);
  expect(`${stdout}${stderr}`).toContain('NOTHING WAS TESTED');
  expect(`${stdout}${stderr}`).toContain('npm run chart:tools');
});
