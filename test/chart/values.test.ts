/** values.yaml, its schema and the page about it: they say the same, and the schema is the table of settings where it is about those. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CLUSTER_MEMBERS } from '../../src/base/limits.ts';
import type { SettingName } from '../../src/config/settings.ts';
import { LEAST, refusalOf } from '../support/chart/helm.ts';
import { settingsSchema } from '../support/chart/settings-schema.ts';
import { tableOf } from '../support/chart/values-table.ts';

const SCHEMA = JSON.parse(readFileSync('chart/values.schema.json', 'utf8'));
const VALUES = parse(readFileSync('chart/values.yaml', 'utf8'));

/** What the chart says to a relay by itself, as it has to fit the rest of the pod. */
const SET_BY_CHART: readonly SettingName[] = [
  ...(['addr', 'healthAddr', 'adminAddr', 'clusterAddr', 'forwardAddr', 'clusterAdvertise'] as const),
  ...(['tlsCert', 'tlsKey', 'allowFile', 'clusterSecretFile', 'clusterPeer', 'nodeName', 'zone'] as const),
  'proxyProtocolFrom',
];

interface SchemaNode {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: unknown;
  readonly $ref?: string;
}

/** Every object in the schema that names its keys. */
function objectsIn(node: SchemaNode, path = ''): [path: string, node: SchemaNode][] {
  const inner = Object.entries(node.properties ?? {});
  const below = inner.flatMap(([key, child]) => objectsIn(child, `${path}/${key}`));
  return node.properties ? [[path, node], ...below] : below;
}

describe('the schema', () => {
  it('has the keys of values.yaml, and no others but `global`, which Helm gives to every chart', () => {
    const compare = (node: SchemaNode, values: unknown, path: string): string[] => {
      if (!node.properties || typeof values !== 'object' || values === null) return [];
      const here = Object.keys(node.properties).filter((key) => key !== 'global');
      const there = Object.keys(values);
      const differ = path.endsWith('settings') ? [] : here.filter((key) => !there.includes(key));
      return [
        ...[...differ, ...there.filter((key) => !here.includes(key))].map((key) => `${path}.${key}`),
        ...here.flatMap((key) =>
          compare(node.properties?.[key] ?? {}, (values as Record<string, unknown>)[key], `${path}.${key}`),
        ),
      ];
    };
    expect(compare(SCHEMA, VALUES, '')).toEqual([]);
  });

  it('leaves no room for unknown keys', () => {
    const open = objectsIn(SCHEMA).filter(([, node]) => node.additionalProperties !== false);
    expect(open.map(([path]) => path)).toEqual([]);
  });

  it('is the table of settings where it is about those of a relay', () => {
    expect(SCHEMA.properties.settings).toEqual(settingsSchema('relay', SET_BY_CHART));
  });

  it('takes as many relays as a cluster has members', () => {
    expect(SCHEMA.definitions.replicas).toMatchObject({ minimum: 1, maximum: CLUSTER_MEMBERS });
  });

  it.each([
    [{ replicas: 0 }, "at '/replicas': minimum: got 0, want 1"],
    [{ beacon: { replicas: 0 } }, "at '/beacon/replicas': minimum: got 0, want 1"],
    [{ replicas: 129 }, "at '/replicas': maximum: got 129, want 128"],
    [{ replica: 3 }, "at '': additional properties 'replica' not allowed"],
    [{ service: { typ: 'NodePort' } }, "at '/service': additional properties 'typ' not allowed"],
    [{ settings: { addr: ':1' } }, "at '/settings': additional properties 'addr' not allowed"],
    [{ settings: { drainTimeout: 0 } }, "at '/settings/drainTimeout': minimum: got 0, want 1"],
    [
      { tls: { existingSecret: 'a', issuerKind: 'Vault' } },
      "at '/tls/issuerKind': value must be one of 'ClusterIssuer', 'Issuer'",
    ],
    [
      { service: { type: 'ExternalName' } },
      "at '/service/type': value must be one of 'LoadBalancer', 'NodePort', 'ClusterIP'",
    ],
    [
      { allow: { infoHashes: ['AB'] } },
      "at '/allow/infoHashes/0': 'AB' does not match pattern '^[0-9a-f]{64}$'",
    ],
    [{ extraEnv: ['A=b'] }, "at '/extraEnv/0': got string, want object"],
  ])('refuses %j', async (values, text) => {
    const said = await refusalOf({ ...LEAST, ...values });
    expect(said).toBe(
      `values don't meet the specifications of the schema(s) in the following chart(s):\nbeacon:\n- ${text}`,
    );
  });
});

it('the page has a line for each key: npx vitest -u --config test/chart/vitest.config.ts writes it', async () => {
  const page = readFileSync('chart/README.md', 'utf8');
  const table = tableOf(readFileSync('chart/values.yaml', 'utf8'));
  const [before = '', after = ''] = page.split(/\n\| key \|.*\n(?:\|.*\n)*/);
  await expect(`${before}\n${table}${after}`).toMatchFileSnapshot('../../chart/README.md');
});
