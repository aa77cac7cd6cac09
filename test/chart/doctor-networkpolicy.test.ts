/** What the pod of `helm test` may reach. */
import { expect, it } from 'vitest';
import { find, LEAST, render } from '../support/chart/helm.ts';
import { podOf } from '../support/chart/pods.ts';

it('lets the pod out to the relays and to DNS, and nobody in', async () => {
  const manifests = await render(LEAST);
  const policy = find(manifests, 'NetworkPolicy', 'beacon-doctor');
  expect(policy.metadata.annotations).toBeUndefined();
  const { matchLabels } = (policy['spec'] as unknown as { podSelector: { matchLabels: object } }).podSelector;
  expect(podOf(find(manifests, 'Pod')).metadata?.labels).toMatchObject(matchLabels);
  const relays = find(manifests, 'StatefulSet').spec?.selector;
  expect(policy).toMatchObject({
    spec: {
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        { to: [{ podSelector: relays }], ports: [{ port: 8443 }] },
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
      ],
    },
  });
  expect(policy['spec']).not.toHaveProperty('ingress');
});

it('can be left out', async () => {
  const manifests = await render({ ...LEAST, networkPolicy: { enabled: false } });
  expect(manifests.map(({ kind }) => kind)).not.toContain('NetworkPolicy');
});
