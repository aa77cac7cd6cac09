/** The package of the chart, as a release has it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { CHART_TOOLS } from '../../scripts/ci/chart-tools.ts';
import { chartPackage } from '../../scripts/release/chart.ts';

it('has the same bytes each time it is made, and helm renders it as it renders the folder', async () => {
  const root = mkdtempSync(join(tmpdir(), 'beacon-chart-test-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const make = async (): Promise<string> => {
    const [out, scratch] = [mkdtempSync(join(root, 'out-')), mkdtempSync(join(root, 'scratch-'))];
    await chartPackage({ out, scratch, seconds: 1_700_000_000 });
    const [name = ''] = readdirSync(out);
    expect(name).toMatch(/^beacon-\d+\.\d+\.\d+\.tgz$/);
    return join(out, name);
  };
  const first = await make();
  // helm writes the second of the day into what it packs.
  const second = Math.floor(Date.now() / 1_000);
  await expect.poll(() => Math.floor(Date.now() / 1_000), { timeout: 3_000 }).not.toBe(second);
  expect(readFileSync(await make()).equals(readFileSync(first))).toBe(true);
  // A secret that the chart makes up would be another one each time.
  const values = ['--values', 'chart/ci/existing-secret-values.yaml', '--set', 'cluster.existingSecret=mine'];
  const args = ['--kube-version', '1.29.0', ...values];
  const render = (chart: string): string =>
    execFileSync(CHART_TOOLS.helm, ['template', 'beacon', chart, ...args], { encoding: 'utf8' });
  expect(render(first)).toBe(render('chart'));
});
