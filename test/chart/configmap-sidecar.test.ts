/** The bridge in the pods of a store: values for the charts of OpenBao and Vault. */
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { resolveSettings } from '../../src/config/resolve.ts';
import { BRIDGE } from '../support/chart/clients.ts';
import { find, render } from '../support/chart/helm.ts';
import { type Pod, podSecurityFaults } from '../support/chart/pod-security.ts';
import { type Container, environmentOf } from '../support/chart/pods.ts';

const VALUES = {
  beacon: { enabled: false },
  bridge: { ...BRIDGE, sidecar: true, vaultAddr: 'https://127.0.0.1:8200', vaultCaSecret: 'openbao-ca' },
};

describe('the values', () => {
  let server: { extraContainers: readonly Container[]; volumes: readonly Record<string, unknown>[] };

  beforeAll(async () => {
    const { data } = find(await render(VALUES), 'ConfigMap', 'beacon-bridge-sidecar');
    // As Helm reads them: YAML 1.1.
    ({ server } = parse((data as unknown as Record<string, string>)['values.yaml'] ?? '', {
      version: '1.1',
    }));
  });

  it('add a container, and volumes, all of which it mounts', () => {
    expect(Object.keys(server).toSorted()).toEqual(['extraContainers', 'volumes']);
    expect(server.extraContainers.map(({ name }) => name)).toEqual(['bridge']);
    const mounts = server.extraContainers[0]?.volumeMounts as readonly { name: string }[];
    expect(mounts.map(({ name }) => name)).toEqual(server.volumes.map((volume) => volume['name']));
    expect(server.volumes[0]).toMatchObject({ projected: { defaultMode: 0o440 } });
  });

  it('tell it what the values say', () => {
    const [container] = server.extraContainers;
    const env = environmentOf(container as Container, {});
    expect(resolveSettings('bridge', {}, env, { hostname: 'host', stderrIsTty: false })).toMatchObject({
      vaultAddr: { host: '127.0.0.1', port: 8200 },
      vaultCa: '/etc/beacon/vault-ca/ca.crt',
      beaconAddress: [{ host: 'relay.example.com' }],
    });
  });

  it('make it live by its own health, and the server ready without it', () => {
    const [container] = server.extraContainers;
    expect(container?.livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'beacon-health' });
    expect(container?.ports).toEqual([{ name: 'beacon-health', containerPort: 8080 }]);
    expect(container?.readinessProbe).toBeUndefined();
    expect(container?.startupProbe).toBeUndefined();
  });

  it('are restricted by the container alone, whatever the pod says', () => {
    const { extraContainers, volumes } = server;
    const pod = { spec: { containers: extraContainers, volumes } } as unknown as Pod;
    // The rules want these of the pod or of every container.
    expect(podSecurityFaults(pod)).toEqual([]);
  });
});
