/** Bridges: how they are rolled, what they are told, and where their files come from. */
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../src/config/settings.ts';
import {
  ALL_OF_CLIENTS,
  BRIDGE,
  CLIENTS,
  clientSettings,
  deploymentOf,
  PEM,
} from '../support/chart/clients.ts';
import { LEAST, render } from '../support/chart/helm.ts';
import { containerOf, podOf } from '../support/chart/pods.ts';

const INFO_HASH = '0123456789abcdef'.repeat(4);

describe('the Deployment', () => {
  it('is not there unless it is wanted, nor where the bridge is a sidecar', async () => {
    const kinds = async (bridge: object) => (await render({ ...LEAST, bridge })).map(({ kind }) => kind);
    expect(await kinds({})).not.toContain('Deployment');
    expect(await kinds({ ...BRIDGE, sidecar: true })).not.toContain('Deployment');
    expect(await kinds(BRIDGE)).toContain('Deployment');
  });

  it('keeps two, of which the new one has brokers before an old one goes', async () => {
    const bridges = await deploymentOf('bridge', CLIENTS);
    expect(bridges).toMatchObject({
      metadata: { name: 'beacon-bridge', labels: { 'app.kubernetes.io/component': 'bridge' } },
      spec: {
        replicas: 2,
        minReadySeconds: 30,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      },
    });
    expect(podOf(bridges).metadata?.labels).toEqual(bridges.spec?.selector.matchLabels);
  });

  it('gives streams that run their 15 s, and is probed as relays are', async () => {
    const bridges = await deploymentOf('bridge', CLIENTS);
    expect(podOf(bridges).spec.terminationGracePeriodSeconds).toBeGreaterThan(15 + 20);
    const { readinessProbe, livenessProbe, startupProbe, ports, lifecycle } = containerOf(bridges, 'bridge');
    expect(startupProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
    expect(readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
    expect(livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'health' });
    expect(ports).toEqual([{ name: 'health', containerPort: 8080 }]);
    expect(lifecycle).toBeUndefined();
  });

  it('passes on whatever belongs to the pod', async () => {
    const bridges = await deploymentOf('bridge', ALL_OF_CLIENTS);
    const values = ALL_OF_CLIENTS['bridge'] as Record<string, unknown>;
    const { metadata, spec } = podOf(bridges);
    expect(bridges).toMatchObject({ spec: { replicas: 3 } });
    expect(metadata?.labels).toMatchObject({ 'example.com/team': 'secrets' });
    expect(metadata?.annotations).toEqual({ 'example.com/note': 'a bridge' });
    for (const key of ['nodeSelector', 'tolerations', 'affinity', 'priorityClassName'])
      expect(spec).toHaveProperty(key, values[key]);
    expect(spec).toHaveProperty('imagePullSecrets', [{ name: 'registry' }]);
    expect(spec.topologySpreadConstraints).toHaveLength(2);
    const container = containerOf(bridges, 'bridge');
    expect(container.args).toEqual(['bridge', '--target-proxy-protocol']);
    expect(container.image).toMatch(/^registry\.example\.com\/beacon:/);
    expect(container.env).toContainEqual({ name: 'TZ', value: 'UTC' });
    expect(container.env).toContainEqual({ name: 'NODE_OPTIONS', value: '--max-old-space-size=256' });
    expect(container.volumeMounts).toContainEqual({ name: 'scratch', mountPath: '/scratch' });
    expect(spec.volumes).toContainEqual({ name: 'scratch', emptyDir: {} });
  });
});

describe('the variables', () => {
  it('are in the table of settings, every one, and none is there twice', async () => {
    const known = new Set(settingsOf('bridge').map(({ env }) => env));
    const { env } = containerOf(await deploymentOf('bridge', ALL_OF_CLIENTS), 'bridge');
    const ours = env.map(({ name }) => name).filter((name) => name.startsWith('BEACON_'));
    expect(ours.length).toBeGreaterThan(12);
    expect(ours.filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(ours).size).toBe(ours.length);
  });

  it('say to a bridge what the values say', async () => {
    expect(await clientSettings('bridge', ALL_OF_CLIENTS)).toMatchObject({
      beaconAddress: [
        { host: 'relay-0.relay.example.com', port: 443 },
        { host: 'relay-1.relay.example.com', port: 8443 },
      ],
      beaconInfoHash: expect.anything(),
      beaconCa: '/etc/beacon/relay-ca/ca.crt',
      beaconPin: [{}, {}],
      tlsCert: '/etc/beacon/identity/tls.crt',
      tlsKey: '/etc/beacon/identity/tls.key',
      tlsCa: '/etc/beacon/identity/ca.crt',
      vaultAddr: { scheme: 'https', host: 'openbao.openbao.svc', port: 8200 },
      vaultCa: '/etc/beacon/vault-ca/ca.crt',
      target: [
        { name: 'db', address: { scheme: 'tcp', port: 5432 } },
        { name: 'metrics', address: { scheme: 'http', port: 80 } },
      ],
      healthAddr: { port: 8080 },
      logLevel: 'debug',
      logFormat: 'json',
      parks: 6,
      streamLog: true,
    });
  });

  it('leave out what is not given', async () => {
    const settings = await clientSettings('bridge', CLIENTS);
    for (const name of ['beaconInfoHash', 'beaconCa', 'beaconPin', 'vaultCa', 'target'] as const)
      expect(settings[name], name).toBeUndefined();
  });

  it('take the values that users of such relays have, and no others are needed', async () => {
    const beacon = { enabled: true, address: 'relay.example.com:8443', infoHash: INFO_HASH };
    const values = { ...LEAST, bridge: { enabled: true, beacon } };
    expect(await clientSettings('bridge', values)).toMatchObject({
      beaconAddress: [{ host: 'relay.example.com', port: 8443 }],
      vaultAddr: { scheme: 'https', host: 'openbao', port: 8200 },
    });
    const { volumes } = podOf(await deploymentOf('bridge', values)).spec;
    expect(volumes).toMatchObject([
      { projected: { sources: [{ secret: { name: 'beacon-bridge-identity' } }] } },
    ]);
  });
});

describe('the files', () => {
  const volumes = async (bridge: object) =>
    podOf(await deploymentOf('bridge', { ...CLIENTS, bridge: { ...BRIDGE, ...bridge } })).spec.volumes;
  const items = (...keys: string[]) => keys.map((key) => ({ key, path: key }));

  it('come from one Secret', async () => {
    expect(await volumes({})).toEqual([
      {
        name: 'bridge-identity',
        projected: {
          defaultMode: 0o440,
          sources: [{ secret: { name: 'bridge-identity', items: items('tls.crt', 'tls.key', 'ca.crt') } }],
        },
      },
    ]);
  });

  it('or the certificates from values, and the key from the Secret all the same', async () => {
    const identity = { existingSecret: 'key', certificate: PEM, ca: PEM };
    expect(await volumes({ identity })).toEqual([
      {
        name: 'bridge-identity',
        projected: {
          defaultMode: 0o440,
          sources: [
            { secret: { name: 'key', items: items('tls.key') } },
            { configMap: { name: 'beacon-bridge', items: items('tls.crt', 'ca.crt') } },
          ],
        },
      },
    ]);
  });

  it('and CAs from Secrets or values', async () => {
    const [, relayCa, vaultCa] =
      (await volumes({
        beacon: { address: 'a', caSecret: 'relay-ca' },
        vaultCa: PEM,
      })) ?? [];
    expect(relayCa).toEqual({
      name: 'bridge-relay-ca',
      secret: { secretName: 'relay-ca', items: items('ca.crt') },
    });
    expect(vaultCa).toEqual({
      name: 'bridge-vault-ca',
      configMap: { name: 'beacon-bridge', items: [{ key: 'vault-ca.crt', path: 'ca.crt' }] },
    });
  });

  it('are mounted, every volume and nothing else', async () => {
    const bridges = await deploymentOf('bridge', ALL_OF_CLIENTS);
    const mounts = containerOf(bridges, 'bridge').volumeMounts as readonly { name: string }[];
    const names = (podOf(bridges).spec.volumes ?? []).map((volume) => volume['name']);
    expect(mounts.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });
});
