/** The relays: how they are rolled and stopped, what they are told, and that Pod Security has nothing against them. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { resolveSettings } from '../../src/config/resolve.ts';
import { settingsOf } from '../../src/config/settings.ts';
import { find, LEAST, type Manifest, NAMESPACE, render, type Values } from '../support/chart/helm.ts';
import { containerOf, type EnvVar, environmentOf, podOf } from '../support/chart/pods.ts';

const EVERYTHING: Values = parse(readFileSync('chart/ci/everything-values.yaml', 'utf8'));
const ALLOW = { infoHashes: ['ab'.repeat(32)] };

const relays = async (values: Values): Promise<Manifest> => find(await render(values), 'StatefulSet');

/** What the relay makes of the variables, by its own table; `fields` stand for what Kubernetes fills in. */
async function settingsIn(values: Values, fields: Readonly<Record<string, string>> = {}) {
  const container = containerOf(await relays(values), 'relay');
  const env = environmentOf(container, { 'metadata.name': 'beacon-0', ...fields });
  return resolveSettings('relay', {}, env, { hostname: 'host', stderrIsTty: false });
}

describe('the StatefulSet', () => {
  let least: Manifest;
  beforeAll(async () => {
    least = await relays(LEAST);
  });

  it('starts all relays at once and replaces them one by one', () => {
    expect(least).toMatchObject({
      metadata: { name: 'beacon', labels: { 'app.kubernetes.io/component': 'relay' } },
      spec: {
        replicas: 3,
        serviceName: 'beacon-headless',
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'RollingUpdate' },
        minReadySeconds: 30,
      },
    });
    expect(podOf(least).metadata?.labels).toEqual(least.spec?.selector.matchLabels);
  });

  it.each([
    [{}, 60 + 30],
    [{ settings: { drainTimeout: 300 } }, 300 + 30],
    [{ settings: { drainTimeout: null } }, 60 + 30],
    [{ service: { deregistrationDelay: 90 } }, 60 + 90],
  ])('gives a relay longer to stop than a drain and the load balancer take: %j', async (values, seconds) => {
    const { terminationGracePeriodSeconds } = podOf(await relays({ ...LEAST, ...values })).spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThan(seconds + 20);
  });

  it('drains before it stops, and is probed where it says how it is', () => {
    const { lifecycle, startupProbe, readinessProbe, livenessProbe, ports } = containerOf(least, 'relay');
    expect(lifecycle).toEqual({ preStop: { exec: { command: ['beacon', 'drain', '--wait'] } } });
    expect(startupProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
    expect(readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
    expect(livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'health' });
    expect(Object.fromEntries(ports?.map(({ name, containerPort }) => [name, containerPort]) ?? [])).toEqual({
      clients: 8443,
      forward: 7443,
      gossip: 7946,
      health: 8080,
    });
  });

  it('spreads the relays over zones and machines', async () => {
    const spread = (manifest: Manifest) =>
      podOf(manifest).spec.topologySpreadConstraints?.map(({ topologyKey, whenUnsatisfiable }) => [
        topologyKey,
        whenUnsatisfiable,
      ]);
    expect(spread(least)).toEqual([
      ['topology.kubernetes.io/zone', 'ScheduleAnyway'],
      ['kubernetes.io/hostname', 'DoNotSchedule'],
    ]);
    expect(spread(await relays(EVERYTHING))).toEqual([
      ['topology.kubernetes.io/zone', 'DoNotSchedule'],
      ['kubernetes.io/hostname', 'ScheduleAnyway'],
    ]);
  });

  it('passes on whatever belongs to the pod', async () => {
    const manifest = await relays(EVERYTHING);
    const { metadata, spec } = podOf(manifest);
    expect(metadata?.labels).toMatchObject({ 'example.com/team': 'platform' });
    expect(metadata?.annotations).toEqual({ 'example.com/note': 'a relay' });
    for (const key of ['nodeSelector', 'tolerations', 'affinity', 'priorityClassName', 'imagePullSecrets']) {
      expect(spec).toHaveProperty(key, EVERYTHING[key]);
    }
    const container = containerOf(manifest, 'relay');
    expect(container.image).toMatch(/^registry\.example\.com\/beacon@sha256:[0-9a-f]{64}$/);
    expect(container.args).toEqual(['relay', '--cluster-addr', ':7946']);
    expect(container.env).toContainEqual({ name: 'TZ', value: 'UTC' });
    expect(container.volumeMounts).toContainEqual({ name: 'scratch', mountPath: '/scratch' });
    expect(spec.volumes).toContainEqual({ name: 'scratch', emptyDir: {} });
  });

  it('is not there without relays', async () => {
    expect(await render({ beacon: { enabled: false } })).toEqual([]);
  });
});

describe('the variables', () => {
  it('are in the table of settings, every one', async () => {
    const known = new Set(settingsOf('relay').map(({ env }) => env));
    const { env } = containerOf(await relays(EVERYTHING), 'relay');
    const ours = env.map(({ name }: EnvVar) => name).filter((name) => name.startsWith('BEACON_'));
    expect(ours.length).toBeGreaterThan(15);
    expect(ours.filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(ours).size).toBe(ours.length);
  });

  it('say to a relay what the values say', async () => {
    expect(await settingsIn({ ...LEAST, allow: ALLOW })).toMatchObject({
      addr: { port: 8443 },
      healthAddr: { port: 8080 },
      adminAddr: undefined,
      nodeName: 'beacon-0',
      tlsCert: '/etc/beacon/tls/tls.crt',
      tlsKey: '/etc/beacon/tls/tls.key',
      clusterSecretFile: '/etc/beacon/cluster/secret',
      allowFile: '/etc/beacon/allow/allowed',
      drainTimeout: 60,
      logLevel: 'info',
    });
    expect(await settingsIn(EVERYTHING)).toMatchObject({
      allowUnproven: false,
      blur: true,
      connectionLog: true,
      connectionLogFields: ['peer', 'info_hash'],
      drainTimeout: 300,
      logFormat: 'json',
      logLevel: 'debug',
    });
    const { proxyProtocolFrom } = await settingsIn(EVERYTHING);
    expect(proxyProtocolFrom).toHaveLength(2);
  });

  it('name all relays at the headless Service', async () => {
    const { clusterPeer } = await settingsIn({ ...LEAST, replicas: 2 });
    expect(clusterPeer).toEqual(
      ['beacon-0', 'beacon-1'].map((name) => ({
        name,
        host: `${name}.beacon-headless.${NAMESPACE}.svc`,
        port: 7946,
      })),
    );
  });

  it("take the zone from the pod's label, and none where there is no label", async () => {
    const label = "metadata.labels['topology.kubernetes.io/zone']";
    expect((await settingsIn(LEAST, { [label]: 'eu-1a' })).zone).toBe('eu-1a');
    expect((await settingsIn(LEAST)).zone).toBe('');
  });

  it('name no allow file where there is none', async () => {
    expect((await settingsIn(LEAST)).allowFile).toBeUndefined();
  });
});

describe('the files', () => {
  it('lie where the variables say, readable by nobody else', async () => {
    const { spec } = podOf(
      await relays({ ...LEAST, allow: { existingConfigMap: 'mine', configMapKey: 'k' } }),
    );
    expect(spec.volumes).toEqual([
      { name: 'tls', secret: { secretName: 'relay-tls', defaultMode: 0o440 } },
      {
        name: 'cluster',
        secret: {
          secretName: 'beacon-cluster',
          defaultMode: 0o440,
          items: [{ key: 'secret', path: 'secret' }],
        },
      },
      { name: 'allow', configMap: { name: 'mine', items: [{ key: 'k', path: 'allowed' }] } },
    ]);
    expect(spec.containers[0]?.volumeMounts).toEqual(
      ['tls', 'cluster', 'allow'].map((name) => ({ name, mountPath: `/etc/beacon/${name}`, readOnly: true })),
    );
    expect(spec.securityContext).toMatchObject({ fsGroup: 65532 });
  });

  it("come from the issuer's Secret, and from the operator's own", async () => {
    const volumes = podOf(await relays(EVERYTHING)).spec.volumes;
    expect(volumes).toMatchObject([
      { secret: { secretName: 'relay-tls' } },
      { secret: { secretName: 'relay-cluster', items: [{ key: 'cluster.secret', path: 'secret' }] } },
      { configMap: { name: 'relay-allow' } },
      {},
    ]);
  });
});

describe('the heap', () => {
  it.each([
    ['1Gi', 256],
    ['512Mi', 128],
    ['1.5Gi', 384],
    ['1G', 238],
    ['500M', 119],
    ['1048576Ki', 256],
    ['1000000k', 238],
    ['1073741824', 256],
    [1073741824, 256],
    ['200Mi', 64],
  ])('is a quarter of a limit of %s, and 64 MiB at the least', async (memory, mebibytes) => {
    const { env } = containerOf(await relays({ ...LEAST, resources: { limits: { memory } } }), 'relay');
    expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: `--max-old-space-size=${mebibytes}` });
  });

  it('is left to Node where there is no limit', async () => {
    const { env } = containerOf(await relays({ ...LEAST, resources: { limits: null } }), 'relay');
    expect(env.map(({ name }: EnvVar) => name)).not.toContain('NODE_OPTIONS');
  });
});
