/** A Service for each relay. */
import { expect, it } from 'vitest';
import { LEAST, render } from '../support/chart/helm.ts';

const PER_REPLICA = {
  ...LEAST,
  replicas: 2,
  host: 'relay.example.com',
  service: {
    annotations: { 'example.com/all': '1', 'example.com/both': 'all' },
    perReplica: { enabled: true, annotations: { 'example.com/both': 'one' } },
  },
};

it('there is none by default', async () => {
  const names = (await render(LEAST)).filter(({ kind }) => kind === 'Service');
  expect(names.map(({ metadata }) => metadata.name)).toEqual(['beacon-headless', 'beacon']);
});

it('there is one for each pod, with a name of its own', async () => {
  const services = (await render(PER_REPLICA)).filter(({ metadata }) => /-\d$/.test(metadata.name));
  expect(services).toMatchObject(
    ['beacon-0', 'beacon-1'].map((name) => ({
      kind: 'Service',
      metadata: {
        name,
        annotations: {
          'example.com/all': '1',
          'example.com/both': 'one',
          'external-dns.alpha.kubernetes.io/hostname': `${name}.relay.example.com`,
        },
      },
      spec: {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        ports: [{ port: 443, targetPort: 'clients' }],
        selector: { 'statefulset.kubernetes.io/pod-name': name },
      },
    })),
  );
});
