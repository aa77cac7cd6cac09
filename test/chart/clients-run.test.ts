/** What the chart renders of a bridge and a broker works: run as processes, with their variables and files, they carry bytes. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deploymentOf } from '../support/chart/clients.ts';
import { render, type Values } from '../support/chart/helm.ts';
import { runContainer, type Surroundings } from '../support/chart/run-pod.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { type Store, sourceHash, startStore } from '../support/store.ts';
import { digest, HOST } from '../support/tunnel-processes.ts';

const BYTES = 1_024 * 1_024;

const processes: BeaconProcess[] = [];
let pki: PkiDirectory;
let store: Store;
let directory: string;

beforeAll(async () => {
  [pki, store] = await Promise.all([makePkiDirectory(), startStore()]);
  directory = mkdtempSync(join(tmpdir(), 'beacon-chart-'));
});

afterAll(async () => {
  await Promise.all(processes.map((each) => each.kill()));
  await store?.close();
  await pki?.remove();
  rmSync(directory, { recursive: true });
});

it('a bridge by values, a broker by Secrets', { timeout: 60_000 }, async () => {
  const pem = (name: string): string => readFileSync(pki.file(name), 'utf8');
  const relay = await startBeacon(pki.relayArgs());
  processes.push(relay);
  const address = `${HOST}:${relay.port}`;
  const values: Values = {
    beacon: { enabled: false },
    bridge: {
      enabled: true,
      beacon: { address, ca: pem('relay-ca.crt') },
      identity: { existingSecret: 'key', certificate: pem('bridge.crt'), ca: pem('bridge-ca.crt') },
      vaultAddr: `tcp://${HOST}:${store.port}`,
    },
    broker: {
      enabled: true,
      beacon: { address, caSecret: 'relay-ca' },
      identity: { existingSecret: 'identity' },
      tls: { existingSecret: 'listen' },
    },
  };
  const surroundings: Surroundings = {
    directory,
    manifests: await render(values),
    secrets: {
      key: { 'tls.key': pem('bridge.key') },
      identity: {
        'tls.key': pem('broker.key'),
        'tls.crt': pem('broker.crt'),
        'ca.crt': pem('bridge-ca.crt'),
      },
      listen: { 'tls.key': pem('relay.key'), 'tls.crt': pem('relay.crt') },
      'relay-ca': { 'ca.crt': pem('relay-ca.crt') },
    },
    env: { BEACON_HEALTH_ADDR: `${HOST}:0` },
  };
  processes.push(await runContainer(await deploymentOf('bridge', values), 'bridge', surroundings));
  const env = { ...surroundings.env, BEACON_LISTEN: `${HOST}:0` };
  const broker = await runContainer(await deploymentOf('broker', values), 'broker', { ...surroundings, env });
  processes.push(broker);
  const socket = connect({ host: HOST, port: broker.port, ca: pem('relay-ca.crt'), ALPNProtocols: [] });
  await once(socket, 'secureConnect');
  socket.write(`source ${BYTES}\n`);
  expect((await digest(socket)).sha256).toBe(sourceHash(BYTES));
  socket.destroy();
});
