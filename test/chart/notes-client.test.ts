/** What helm prints in the end of bridges and brokers. */
import { describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../support/chart/api-server.ts';
import { BRIDGE, BROKER, CLIENTS, PEM } from '../support/chart/clients.ts';
import { LEAST, type Values } from '../support/chart/helm.ts';

async function notes(values: Values, cluster?: Cluster): Promise<string> {
  return (await (cluster ?? (await startCluster())).helm('install', values, '--dry-run=server')).notes;
}

describe('what to do next', () => {
  it('is to wait, and to send workloads to the broker', async () => {
    const text = await notes(CLIENTS);
    expect(text).toContain('2 bridges. When ready, each logs "parked at a relay"');
    expect(text).toContain('kubectl --namespace relays rollout status deployment/beacon-bridge');
    expect(text).toContain('kubectl --namespace relays exec deployment/beacon-broker -- beacon status');
    expect(text).toContain('VAULT_ADDR=https://beacon-broker.relays.svc:8199\n');
    expect(text).toContain('The certificate in the Secret broker-tls must hold that name.');
    expect(text).not.toContain('CAUTION');
    expect(text).not.toContain('relays of the cluster');
  });

  it('is to make the identities that are not there, of what is not a value', async () => {
    const cluster = await startCluster();
    const create = 'kubectl --namespace relays create secret generic';
    const identity = { certificate: PEM };
    const text = await notes({ ...CLIENTS, bridge: { ...BRIDGE, identity } }, cluster);
    expect(text).toContain(
      `${create} beacon-bridge-identity --from-file=tls.key=bridge.key --from-file=ca.crt=bridge-ca.crt\n`,
    );
    expect(text).toContain(
      `${create} broker-identity --from-file=tls.key=broker.key --from-file=tls.crt=broker.crt --from-file=ca.crt=bridge-ca.crt\n`,
    );
    cluster.putSecret('bridge-identity', { 'tls.crt': 'x', 'tls.key': 'x', 'ca.crt': 'x' });
    cluster.putSecret('broker-identity', { 'tls.crt': 'x', 'tls.key': 'x', 'ca.crt': 'x' });
    expect(await notes(CLIENTS, cluster)).not.toContain('create secret');
  });

  it('with a sidecar is to hand its values on', async () => {
    const text = await notes({ ...LEAST, bridge: { ...BRIDGE, sidecar: true } });
    expect(text).toContain('get configmap beacon-bridge-sidecar --output');
    expect(text).toContain('--values bridge.yaml');
    expect(text).toContain('relays of the cluster');
    expect(text).not.toContain('deployment/beacon-bridge');
  });
});

it.each([
  [{ ...CLIENTS, bridge: { ...BRIDGE, replicas: 1 } }, 'CAUTION: one bridge.'],
  [{ ...CLIENTS, broker: { ...BROKER, replicas: 1 } }, 'CAUTION: one broker.'],
  [{ ...CLIENTS, broker: { ...BROKER, tls: {}, allowHTTP: true } }, 'CAUTION: broker.allowHTTP.'],
])('caution with %j', async (values, text) => {
  expect(await notes(values)).toContain(text);
});
