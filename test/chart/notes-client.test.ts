/** What helm prints in the end of bridges and brokers. */
import { describe, expect, it } from 'vitest';
import { startCluster } from '../support/chart/api-server.ts';
import { BRIDGE, BROKER, CLIENTS } from '../support/chart/clients.ts';
import { LEAST, type Values } from '../support/chart/helm.ts';

async function notes(values: Values): Promise<string> {
  return (await (await startCluster()).helm('install', values, '--dry-run=server')).notes;
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
