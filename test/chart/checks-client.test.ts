/** Values of bridge and broker that cannot work are refused, all mistakes at once, each with what to do. */
import { describe, expect, it } from 'vitest';
import { startCluster } from '../support/chart/api-server.ts';
import { BRIDGE, BROKER, CLIENTS, PEM } from '../support/chart/clients.ts';
import { refusalOf, type Values } from '../support/chart/helm.ts';

const KEY = `${PEM}-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n`;

const bridge = (more: object): Values => ({ ...CLIENTS, bridge: { ...BRIDGE, ...more } });
const broker = (more: object, operator: object = {}): Values => ({
  ...CLIENTS,
  broker: { ...BROKER, ...more },
  operator: { broker: { beacon: operator } },
});

describe('values alone', () => {
  it.each<[string, Values, string]>([
    [
      'no address',
      bridge({ beacon: {} }),
      '- bridge.beacon.address is missing: the relays, as host or host:port, separated by commas',
    ],
    [
      'a URL for an address',
      broker({ beacon: { address: 'https://relay.example.com' } }),
      '- broker.beacon.address is "https://relay.example.com": give host or host:port, separated by commas, and no https://',
    ],
    [
      'an info_hash that is none',
      bridge({ beacon: { address: 'a', infoHash: 'AB'.repeat(32) } }),
      `- bridge.beacon.infoHash is "${'AB'.repeat(32)}": give 64 lower-case hex digits, as \`beacon info-hash bridge-ca.crt\` prints them, or leave it out`,
    ],
    [
      'another way than by relays',
      bridge({ beacon: { enabled: false, address: 'a' } }),
      '- bridge.beacon.enabled is false: a bridge of this chart has no other way; set bridge.enabled to false to have none',
    ],
    [
      'two sources of a CA',
      bridge({ beacon: { address: 'a', ca: PEM, caSecret: 'b' } }),
      '- bridge.beacon.ca and bridge.beacon.caSecret are both set: keep one of them',
    ],
    [
      'two CAs of the store',
      bridge({ vaultCa: PEM, vaultCaSecret: 'b' }),
      '- bridge.vaultCa and bridge.vaultCaSecret are both set: keep one of them',
    ],
    [
      'a file name for a certificate',
      bridge({ identity: { existingSecret: 'a', ca: 'bridge-ca.crt' } }),
      '- bridge.identity.ca is no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----',
    ],
    [
      'a key among certificates',
      broker({ identity: { existingSecret: 'a', certificate: KEY } }),
      '- broker.identity.certificate holds a private key: take it out, and make a new one if this release was installed with it; keys come from Secrets only',
    ],
    [
      'no store',
      bridge({ vaultAddr: '' }),
      '- bridge.vaultAddr is missing: the URL of the store, such as https://openbao.openbao.svc:8200; or set bridge.targets',
    ],
    [
      'a target whose name is none',
      bridge({ targets: { DB: 'tcp://a:1' } }),
      '- bridge.targets.DB: a target is called by up to 63 lower-case letters, digits and hyphens',
    ],
    [
      'the store twice',
      bridge({ targets: { vault: 'http://a' } }),
      '- bridge.vaultAddr and bridge.targets.vault are the same target: set bridge.vaultAddr to "", or leave the other one out',
    ],
    [
      'neither TLS nor HTTP',
      broker({ tls: {} }),
      "- broker.tls.existingSecret is missing: a Secret of type kubernetes.io/tls, whose certificate names the Service; or set broker.allowHTTP, and whoever can listen in on the cluster's network reads the secrets",
    ],
    [
      'both TLS and HTTP',
      broker({ allowHTTP: true }),
      '- broker.tls.existingSecret and broker.allowHTTP are both set: keep one of them',
    ],
    [
      'two spellings that differ',
      broker({}, { address: 'other' }),
      '- broker.beacon.address is "relay.example.com" and operator.broker.beacon.address is "other": they mean the same, set one of them',
    ],
    [
      'a port that is taken',
      broker({ targets: { db: 8080 } }),
      '- broker.targets.db is 8080, which is taken: 8080, 8081, 8199 and ports of other targets are',
    ],
    [
      'a port twice',
      broker({ targets: { a: 5432, b: 5432 } }),
      '- broker.targets.b is 5432, which is taken: 8080, 8081, 8199 and ports of other targets are',
    ],
    [
      'the store under its own name',
      broker({ targets: { vault: 9000 } }),
      '- broker.targets.vault: the store is at 8199 already',
    ],
    [
      'several mistakes',
      { ...CLIENTS, bridge: { enabled: true }, broker: { ...BROKER, tls: {} } },
      '- bridge.beacon.address is missing: the relays, as host or host:port, separated by commas\n' +
        "- broker.tls.existingSecret is missing: a Secret of type kubernetes.io/tls, whose certificate names the Service; or set broker.allowHTTP, and whoever can listen in on the cluster's network reads the secrets",
    ],
  ])('%s', async (_name, values, text) => {
    expect(await refusalOf(values)).toBe(text);
  });

  it.each<[object, string]>([
    [{ bridge: { ...BRIDGE, vaultAddr: 'openbao:8200' } }, "at '/bridge/vaultAddr'"],
    [{ bridge: { ...BRIDGE, replicas: 0 } }, "at '/bridge/replicas': minimum: got 0, want 1"],
    [{ bridge: { ...BRIDGE, beacon: { pins: ['sha256:00'] } } }, "at '/bridge/beacon/pins/0'"],
    [{ broker: { ...BROKER, targets: { db: 80 } } }, "at '/broker/targets/db': minimum: got 80, want 1,024"],
    [
      { broker: { ...BROKER, tls: { secret: 'a' } } },
      "at '/broker/tls': additional properties 'secret' not allowed",
    ],
    [
      { operator: { broker: { address: 'a' } } },
      "at '/operator/broker': additional properties 'address' not allowed",
    ],
  ])('the schema refuses %j', async (values, text) => {
    expect(await refusalOf({ ...CLIENTS, ...values })).toContain(text);
  });
});

describe('Secrets that are there', () => {
  it('without a key or a certificate', async () => {
    const cluster = await startCluster();
    cluster.putSecret('bridge-identity', { 'tls.crt': 'x' });
    cluster.putSecret('broker-identity', { 'tls.crt': 'x', 'tls.key': 'x', 'ca.crt': 'x' });
    cluster.putSecret('broker-tls', { 'tls.crt': 'x' });
    expect(await cluster.refusalOf(CLIENTS)).toBe(
      '- the Secret bridge-identity, which bridge.identity.existingSecret names, has no tls.key\n' +
        '- the Secret bridge-identity, which bridge.identity.existingSecret names, has no ca.crt\n' +
        '- the Secret broker-tls, which broker.tls.existingSecret names, has no tls.key',
    );
  });

  it('need no certificates where values have them', async () => {
    const cluster = await startCluster();
    cluster.putSecret('key', { 'tls.key': 'x' });
    const identity = { existingSecret: 'key', certificate: PEM, ca: PEM };
    await cluster.helm('install', { beacon: { enabled: false }, bridge: { ...BRIDGE, identity } });
  });
});
