/** Which pods reach a broker. */
import { expect, it } from 'vitest';
import { ALL_OF_CLIENTS, CLIENTS, deploymentOf } from '../support/chart/clients.ts';
import { find, render } from '../support/chart/helm.ts';

it('lets the pods of its namespace in, and it out to DNS and relays', async () => {
  const policy = find(await render(CLIENTS), 'NetworkPolicy', 'beacon-broker');
  expect(policy).toMatchObject({
    spec: {
      podSelector: (await deploymentOf('broker', CLIENTS)).spec?.selector ?? {},
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8199 }] }],
      egress: [{ ports: [{ port: 53 }, { port: 53 }] }, { ports: [{ port: 443 }] }],
    },
  });
});

it('lets those in that are named, at every port of a target, and scrapers', async () => {
  const policy = find(await render(ALL_OF_CLIENTS), 'NetworkPolicy', 'site-broker');
  expect(policy).toMatchObject({
    spec: {
      ingress: [
        {
          from: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'example.com/secrets': 'true' } } }],
          ports: [{ port: 5432 }, { port: 8199 }],
        },
        { ports: [{ port: 8080 }] },
      ],
      egress: [{}, { ports: [{ port: 3128 }] }],
    },
  });
});

it('lets nobody in where nobody is named', async () => {
  const values = { ...CLIENTS, broker: { ...(CLIENTS['broker'] as object), networkPolicy: { clients: [] } } };
  const { ingress } = find(await render(values), 'NetworkPolicy', 'beacon-broker')['spec'] as unknown as {
    ingress: unknown;
  };
  expect(ingress).toEqual([]);
});
