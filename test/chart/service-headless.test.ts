/** The Service by which relays find each other. */
import { expect, it } from 'vitest';
import { find, LEAST, render } from '../support/chart/helm.ts';

it('names every relay, also those that are not ready: none would ever be otherwise', async () => {
  expect(find(await render(LEAST), 'Service', 'beacon-headless')).toMatchObject({
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ports: [
        { name: 'gossip', port: 7946, targetPort: 'gossip' },
        { name: 'forward', port: 7443, targetPort: 'forward' },
      ],
      selector: { 'app.kubernetes.io/instance': 'beacon', 'app.kubernetes.io/component': 'relay' },
    },
  });
});
