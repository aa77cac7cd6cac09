/** Nobody reaches a bridge, and it reaches relays and its targets. */
import { expect, it } from 'vitest';
import { ALL_OF_CLIENTS, BRIDGE, CLIENTS, deploymentOf } from '../support/chart/clients.ts';
import { find, LEAST, type Manifest, render, type Values } from '../support/chart/helm.ts';

const NAME = 'beacon-bridge';

async function policy(values: Values, name = NAME) {
  return find(await render(values), 'NetworkPolicy', name)['spec'] as unknown as {
    readonly podSelector: object;
    readonly policyTypes: readonly string[];
    readonly ingress: readonly object[];
    readonly egress: readonly { readonly to?: unknown; readonly ports?: readonly { port: unknown }[] }[];
  };
}

const portsOf = ({ egress }: Awaited<ReturnType<typeof policy>>, at: number): readonly unknown[] =>
  (egress[at]?.ports ?? []).map(({ port }) => port);

it('lets nobody in', async () => {
  const { ingress, policyTypes, podSelector } = await policy(CLIENTS);
  expect(ingress).toEqual([]);
  expect(policyTypes).toEqual(['Ingress', 'Egress']);
  const bridges: Manifest = await deploymentOf('bridge', CLIENTS);
  expect(podSelector).toEqual(bridges.spec?.selector);
});

it('lets it out to DNS and to the ports of relays and of the store, and nowhere else', async () => {
  const found = await policy(CLIENTS);
  expect(found.egress).toHaveLength(2);
  expect(portsOf(found, 0)).toEqual([53, 53]);
  expect(portsOf(found, 1)).toEqual([443, 8200]);
});

it.each([
  [{ beacon: { address: 'a,b:8443,[2001:db8::1]:444,[2001:db8::2]' } }, [443, 444, 8200, 8443]],
  [{ vaultAddr: 'https://store' }, [443]],
  [{ vaultAddr: 'http://store/' }, [443, 80]],
  [{ vaultAddr: '', targets: { db: 'tcp://db:5432', other: 'tcp://other:5433' } }, [443, 5432, 5433]],
  [{ settings: { proxy: 'http://proxy:3128' } }, [3128, 8200]],
])('with %j the ports are %j', async (bridge, ports) => {
  expect(portsOf(await policy({ ...CLIENTS, bridge: { ...BRIDGE, ...bridge } }), 1)).toEqual(ports);
});

it('reaches relays of the same release where they really listen', async () => {
  const { egress } = await policy({ ...LEAST, bridge: BRIDGE });
  expect(egress[2]).toMatchObject({
    to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/component': 'relay' } } }],
    ports: [{ port: 8443 }],
  });
});

it('lets scrapers in that are named, and it out where else is asked for', async () => {
  const { ingress, egress } = await policy(ALL_OF_CLIENTS, 'site-bridge');
  expect(ingress).toMatchObject([{ ports: [{ port: 8080 }] }]);
  expect(egress.at(-1)).toEqual({ to: [{ ipBlock: { cidr: '198.51.100.0/24' } }] });
});

it('can be left out, and is not there beside a store', async () => {
  const names = async (values: Values) =>
    (await render(values))
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map(({ metadata }) => metadata.name);
  expect(await names({ ...CLIENTS, networkPolicy: { enabled: false } })).toEqual([]);
  expect(await names({ ...CLIENTS, bridge: { ...BRIDGE, sidecar: true } })).not.toContain(NAME);
});
