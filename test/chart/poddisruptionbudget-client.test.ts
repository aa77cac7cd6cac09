/** How many bridges and brokers may be taken away at once. */
import { expect, it } from 'vitest';
import { BRIDGE, CLIENTS, deploymentOf } from '../support/chart/clients.ts';
import { find, render } from '../support/chart/helm.ts';

it.each(['bridge', 'broker'] as const)('one %s at a time', async (client) => {
  expect(find(await render(CLIENTS), 'PodDisruptionBudget', `beacon-${client}`)).toMatchObject({
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: (await deploymentOf(client, CLIENTS)).spec?.selector ?? {},
    },
  });
});

it('is not there for a bridge in the pods of a store', async () => {
  const manifests = await render({ beacon: { enabled: false }, bridge: { ...BRIDGE, sidecar: true } });
  expect(manifests.map(({ kind }) => kind)).toEqual(['ConfigMap']);
});
