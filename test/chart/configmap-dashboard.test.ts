/** The dashboard of chart/dashboards, where the sidecar of Grafana finds it. */
import { expect, it } from 'vitest';
import { find, LEAST, render } from '../support/chart/helm.ts';
import { readDashboard } from '../support/fleet-view.ts';

const NAME = 'beacon-dashboard';

it('is not there unless it is wanted', async () => {
  expect((await render(LEAST)).map(({ metadata }) => metadata.name)).not.toContain(NAME);
});

it('is the file as it stands, under the label that is looked for', async () => {
  const dashboard = { enabled: true, annotations: { grafana_folder: 'Relays' } };
  const { metadata, data } = find(await render({ ...LEAST, metrics: { dashboard } }), 'ConfigMap', NAME);
  expect(metadata).toMatchObject({
    labels: { grafana_dashboard: '1' },
    annotations: { grafana_folder: 'Relays' },
  });
  const { 'beacon-fleet.json': json = '', ...others } = data as unknown as Record<string, string>;
  expect(JSON.parse(json)).toEqual(readDashboard());
  expect(others).toEqual({});
});
