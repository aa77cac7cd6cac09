/** The Service for all clients. */
import { expect, it } from 'vitest';
import { find, LEAST, type Manifest, render } from '../support/chart/helm.ts';

const service = async (values: object): Promise<Manifest> =>
  find(await render({ ...LEAST, ...values }), 'Service', 'beacon');

it('leads from 443 to the ready relays', async () => {
  expect(await service({})).toMatchObject({
    spec: {
      type: 'LoadBalancer',
      ports: [{ name: 'clients', port: 443, targetPort: 'clients' }],
      selector: {
        'app.kubernetes.io/name': 'beacon',
        'app.kubernetes.io/instance': 'beacon',
        'app.kubernetes.io/component': 'relay',
      },
    },
  });
  expect(await service({})).not.toHaveProperty('spec.publishNotReadyAddresses');
});

it.each([
  [{}, 'Local'],
  [{ type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' }, 'Cluster'],
  [{ type: 'NodePort' }, undefined],
  [{ type: 'NodePort', externalTrafficPolicy: 'Local' }, 'Local'],
  [{ type: 'ClusterIP' }, undefined],
])('with %j it has the externalTrafficPolicy %s', async (values, policy) => {
  const { spec } = await service({ service: values });
  expect(spec).toMatchObject({ type: 'type' in values ? values.type : 'LoadBalancer' });
  expect((spec as { externalTrafficPolicy?: string }).externalTrafficPolicy).toBe(policy);
});

it('carries annotations, and the host name for external-dns unless they name one', async () => {
  const annotationsWith = async (values: object) => (await service(values)).metadata.annotations;
  const key = 'external-dns.alpha.kubernetes.io/hostname';
  expect(await annotationsWith({})).toBeUndefined();
  expect(await annotationsWith({ host: 'relay.example.com' })).toEqual({ [key]: 'relay.example.com' });
  const own = { 'example.com/x': '1', [key]: 'other.example.com' };
  expect(await annotationsWith({ host: 'relay.example.com', service: { annotations: own } })).toEqual(own);
});
