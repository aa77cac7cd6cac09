/** How many relays may be taken away at once. */
import { expect, it } from 'vitest';
import { find, LEAST, render } from '../support/chart/helm.ts';

it('one at a time, and one that is broken whenever a machine is drained', async () => {
  const manifests = await render(LEAST);
  expect(find(manifests, 'PodDisruptionBudget')).toMatchObject({
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: find(manifests, 'StatefulSet').spec?.selector,
    },
  });
});
