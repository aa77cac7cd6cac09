/** Who reaches a relay, and whom it reaches. */
import { expect, it } from 'vitest';
import { find, LEAST, type Manifest, render } from '../support/chart/helm.ts';

const RELAYS = {
  podSelector: {
    matchLabels: {
      'app.kubernetes.io/name': 'beacon',
      'app.kubernetes.io/instance': 'beacon',
      'app.kubernetes.io/component': 'relay',
    },
  },
};
const AMONG_RELAYS = [{ port: 7946 }, { port: 7443 }];

const policy = async (networkPolicy: object): Promise<Manifest> =>
  find(await render({ ...LEAST, networkPolicy }), 'NetworkPolicy', 'beacon');

it('lets clients in from anywhere, relays to each other, and relays out to relays and DNS', async () => {
  expect(await policy({})).toMatchObject({
    spec: {
      ...RELAYS,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 8443 }] }, { from: [RELAYS], ports: AMONG_RELAYS }],
      egress: [
        { to: [RELAYS], ports: AMONG_RELAYS },
        {
          to: [
            { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } },
            { ipBlock: { cidr: '169.254.20.10/32' } },
          ],
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
      ],
    },
  });
});

it('lets scrapers in that are named, and what else is asked for', async () => {
  const monitoring = { namespaceSelector: { matchLabels: { name: 'monitoring' } } };
  const rule = { ports: [{ port: 1 }] };
  const { spec } = await policy({ metricsFrom: [monitoring], extraIngress: [rule], extraEgress: [rule] });
  const { ingress, egress } = spec as unknown as Record<'ingress' | 'egress', readonly object[]>;
  expect(ingress.slice(2)).toEqual([{ from: [monitoring], ports: [{ port: 8080 }] }, rule]);
  expect(egress.slice(2)).toEqual([rule]);
});

it('can be left out', async () => {
  const kinds = (await render({ ...LEAST, networkPolicy: { enabled: false } })).map(({ kind }) => kind);
  expect(kinds).not.toContain('NetworkPolicy');
});
