/** The alerts of chart/alerts/beacon.yaml, as they stand there. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { find, LEAST, render } from '../support/chart/helm.ts';
import { ALERTS_FILE } from '../support/fleet-view.ts';

const alerts = (): unknown => parse(readFileSync(ALERTS_FILE, 'utf8'));
const rules = { enabled: true };

it('is not there unless it is wanted', async () => {
  expect((await render(LEAST)).map(({ kind }) => kind)).not.toContain('PrometheusRule');
});

it('holds all alerts, whose texts helm does not fill in', async () => {
  expect(find(await render({ ...LEAST, metrics: { rules } }), 'PrometheusRule')['spec']).toEqual(alerts());
});

it('puts the place of the documentation in front of each runbook', async () => {
  const runbookBase = 'https://docs.example.com/beacon/';
  const metrics = { rules: { ...rules, labels: { release: 'prometheus' }, runbookBase } };
  const rule = find(await render({ ...LEAST, metrics }), 'PrometheusRule');
  expect(rule.metadata.labels).toMatchObject({ release: 'prometheus' });
  const expected = JSON.stringify(alerts()).replaceAll(
    '"docs/operations.md',
    `"${runbookBase}docs/operations.md`,
  );
  expect(rule['spec']).toEqual(JSON.parse(expected));
});
