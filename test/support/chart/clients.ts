/** Values of the chart for a bridge and a broker. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { resolveSettings } from '../../../src/config/resolve.ts';
import { find, type Manifest, render, type Values } from './helm.ts';
import { containerOf, environmentOf } from './pods.ts';

export type Client = 'bridge' | 'broker';

/** The least that a bridge needs. */
export const BRIDGE = {
  enabled: true,
  beacon: { address: 'relay.example.com' },
  identity: { existingSecret: 'bridge-identity' },
  vaultAddr: 'https://openbao.openbao.svc:8200',
} as const;

/** The least that a broker needs. */
export const BROKER = {
  enabled: true,
  beacon: { address: 'relay.example.com' },
  identity: { existingSecret: 'broker-identity' },
  tls: { existingSecret: 'broker-tls' },
} as const;

/** Both, and no relays. */
export const CLIENTS: Values = { beacon: { enabled: false }, bridge: BRIDGE, broker: BROKER };

/** All that the chart can do with them. */
export const ALL_OF_CLIENTS: Values = parse(readFileSync('chart/ci/clients-values.yaml', 'utf8'));

/** What a Secret holds. */
const SECRET = 'from the Secret';

export const PEM = '-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n';

export async function deploymentOf(client: Client, values: Values): Promise<Manifest> {
  const deployments = (await render(values)).filter(({ kind }) => kind === 'Deployment');
  return find(
    deployments.filter(({ metadata }) => metadata.name.endsWith(client)),
    'Deployment',
  );
}

/** What the daemon makes of the variables, by its own table. */
export async function clientSettings<C extends Client>(client: C, values: Values) {
  const container = containerOf(await deploymentOf(client, values), client);
  return resolveSettings(
    client,
    {},
    { ...environmentOf(container, {}), BEACON_PROXY_PASSWORD: SECRET },
    { hostname: 'host', stderrIsTty: false },
  );
}
