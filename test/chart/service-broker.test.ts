/** Where workloads find the broker. */
import { expect, it } from 'vitest';
import { ALL_OF_CLIENTS, CLIENTS, deploymentOf } from '../support/chart/clients.ts';
import { find, LEAST, render } from '../support/chart/helm.ts';
import { podOf } from '../support/chart/pods.ts';

it('is not there without a broker', async () => {
  const names = (await render(LEAST)).map(({ metadata }) => metadata.name);
  expect(names).not.toContain('beacon-broker');
});

it('leads from 8199 to the brokers, inside the cluster', async () => {
  const service = find(await render(CLIENTS), 'Service', 'beacon-broker');
  expect(service['spec']).toEqual({
    type: 'ClusterIP',
    ports: [{ name: 'vault', port: 8199, targetPort: 8199 }],
    selector: podOf(await deploymentOf('broker', CLIENTS)).metadata?.labels,
  });
});

it('has a port for each further target', async () => {
  expect(find(await render(ALL_OF_CLIENTS), 'Service', 'site-broker')).toMatchObject({
    metadata: { annotations: { 'example.com/service': '1' } },
    spec: {
      ports: [
        { name: 'db', port: 5432, targetPort: 5432 },
        { name: 'vault', port: 8199, targetPort: 8199 },
      ],
    },
  });
});
