/** Brokers: how they are rolled, what they are told, and what clients see. */
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../src/config/settings.ts';
import { ALL_OF_CLIENTS, BROKER, CLIENTS, clientSettings, deploymentOf } from '../support/chart/clients.ts';
import { LEAST, render } from '../support/chart/helm.ts';
import { containerOf, podOf } from '../support/chart/pods.ts';

const PLAIN = { ...BROKER, tls: {}, allowHTTP: true };
const OLDER = {
  broker: { beacon: { enabled: true, address: 'relay.example.com', infoHash: 'ab'.repeat(32) } },
};

describe('the Deployment', () => {
  it('is not there unless it is wanted, by either spelling', async () => {
    const kinds = async (values: object) => (await render({ ...LEAST, ...values })).map(({ kind }) => kind);
    expect(await kinds({})).not.toContain('Deployment');
    expect(await kinds({ broker: BROKER })).toContain('Deployment');
    expect(await kinds({ broker: { ...BROKER, enabled: false }, operator: OLDER })).toContain('Deployment');
  });

  it('keeps two, and new clients come until every machine knows that a pod goes', async () => {
    const brokers = await deploymentOf('broker', CLIENTS);
    expect(brokers).toMatchObject({
      metadata: { name: 'beacon-broker', labels: { 'app.kubernetes.io/component': 'broker' } },
      spec: { replicas: 2, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
    });
    const { lifecycle, ports } = containerOf(brokers, 'broker');
    expect(lifecycle).toEqual({
      preStop: { exec: { command: ['node', '-e', 'setTimeout(() => {}, 10_000)'] } },
    });
    // The hook, 15 s for streams that run, and room.
    expect(podOf(brokers).spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(10 + 15 + 20);
    expect(ports).toEqual([{ containerPort: 8199 }, { name: 'health', containerPort: 8080 }]);
  });
});

describe('the variables', () => {
  it('are in the table of settings, every one, but the password of a proxy', async () => {
    const known = new Set(settingsOf('broker').map(({ env }) => env)).add('BEACON_PROXY_PASSWORD');
    const { env } = containerOf(await deploymentOf('broker', ALL_OF_CLIENTS), 'broker');
    const ours = env.map(({ name }) => name).filter((name) => name.startsWith('BEACON_'));
    expect(ours.length).toBeGreaterThan(8);
    expect(ours.filter((name) => !known.has(name))).toEqual([]);
    expect(new Set(ours).size).toBe(ours.length);
  });

  it('say to a broker what the values say', async () => {
    const settings = await clientSettings('broker', ALL_OF_CLIENTS);
    expect(settings).toMatchObject({
      beaconAddress: [{ host: 'relay.example.com', port: 443 }],
      beaconCa: '/etc/beacon/relay-ca/ca.crt',
      tlsCa: '/etc/beacon/identity/ca.crt',
      listen: [
        { port: 8199, target: 'vault' },
        { port: 5432, target: 'db' },
      ],
      listenCert: '/etc/beacon/tls/tls.crt',
      listenKey: '/etc/beacon/tls/tls.key',
      allowHttp: false,
      egress: { proxy: { host: 'proxy.example.com', port: 3128, password: 'from the Secret' } },
    });
  });

  it('say that plain HTTP is meant', async () => {
    const { allowHttp, listenCert } = await clientSettings('broker', { ...CLIENTS, broker: PLAIN });
    expect(allowHttp).toBe(true);
    expect(listenCert).toBeUndefined();
  });

  it('take the older spelling', async () => {
    const broker = { ...PLAIN, beacon: {} };
    const newer = { ...PLAIN, beacon: { address: 'relay.example.com', infoHash: 'ab'.repeat(32) } };
    expect(await clientSettings('broker', { ...CLIENTS, broker, operator: OLDER })).toEqual(
      await clientSettings('broker', { ...CLIENTS, broker: newer }),
    );
  });
});

describe('the files', () => {
  it('are the identity towards bridges, and the certificate towards clients', async () => {
    expect(podOf(await deploymentOf('broker', CLIENTS)).spec.volumes).toMatchObject([
      { name: 'broker-identity', projected: { sources: [{ secret: { name: 'broker-identity' } }] } },
      { name: 'broker-tls', secret: { secretName: 'broker-tls', defaultMode: 0o440 } },
    ]);
    expect(podOf(await deploymentOf('broker', { ...CLIENTS, broker: PLAIN })).spec.volumes).toHaveLength(1);
  });

  it('are mounted, every volume and nothing else', async () => {
    const brokers = await deploymentOf('broker', ALL_OF_CLIENTS);
    const mounts = containerOf(brokers, 'broker').volumeMounts as readonly { name: string }[];
    const names = (podOf(brokers).spec.volumes ?? []).map((volume) => volume['name']);
    expect(mounts.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
  });
});
