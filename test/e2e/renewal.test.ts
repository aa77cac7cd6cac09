/** Tunnels are replaced again and again under steady requests, through a real relay: none fails. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { type RunningBridge, startBridge } from '../../src/bridge/daemon.ts';
import { type RunningBroker, startBroker } from '../../src/broker/daemon.ts';
import { resolveSettings } from '../../src/config/resolve.ts';
import { type RunningRelay, startRelay } from '../../src/relay/daemon.ts';
import { until } from '../support/leaks.ts';
import { makePkiDirectory, type PkiDirectory } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { SteadyLoad } from '../support/steady-load.ts';
import { type Store, startStore } from '../support/store.ts';
import { HOST, visit } from '../support/tunnel-processes.ts';

const MACHINE = { hostname: 'test', stderrIsTty: false };
const RENEWALS = 8;
const REPLACED = 'a tunnel was replaced by a new one to the same bridge';
const { log, lines } = recordingLog();

let files: PkiDirectory;
let store: Store;
let relay: RunningRelay;
let bridge: RunningBridge;
let broker: RunningBroker;

beforeAll(async () => {
  files = await makePkiDirectory();
  store = await startStore();
  const pair = (name: string) => ({
    healthAddr: 'off',
    tlsCert: files.file(`${name}.crt`),
    tlsKey: files.file(`${name}.key`),
  });
  relay = await startRelay(
    resolveSettings('relay', { addr: `${HOST}:0`, ...pair('relay') }, {}, MACHINE),
    silentLog,
  );
  const client = {
    beaconAddress: `${HOST}:${relay.address.port}`,
    beaconCa: files.file('relay-ca.crt'),
    tlsCa: files.file('bridge-ca.crt'),
  };
  const vaultAddr = `tcp://${HOST}:${store.port}`;
  bridge = await startBridge(
    resolveSettings('bridge', { ...client, ...pair('bridge'), vaultAddr }, {}, MACHINE),
    silentLog,
  );
  const listen = `${HOST}:0`;
  broker = await startBroker(
    resolveSettings('broker', { ...client, ...pair('broker'), listen }, {}, MACHINE),
    log,
  );
  await until(() => broker.broker.connected);
});

afterAll(async () => {
  await broker?.stop();
  await bridge?.stop();
  await relay?.stop();
  await store?.close();
  await files?.remove();
});

it('no request fails, and a long one stays in the tunnel in which it began', async () => {
  const { port } = broker.address;
  const requests = new SteadyLoad(port, 2);
  const { socket: long, seen } = await visit(port, 'echo');
  long.write('first ');
  await until(() => seen.bytes.length > 0);
  const busy = broker.broker.tunnels.findIndex(({ streams }) => streams > 0);
  expect(busy).toBe(0);
  for (let count = 1; count <= RENEWALS; count += 1) {
    await requests.served();
    broker.broker.renew();
    await until(() => lines.filter(({ message }) => message === REPLACED).length === count);
    // The new one, and the first one with the long request; those in between end with their last request.
    await until(() => bridge.bridge.tunnels === 2 && broker.broker.tunnels.length === 2);
  }
  await requests.served();
  long.end('last');
  await seen.closed;
  expect([seen.bytes.toString(), seen.events]).toEqual(['first last', ['end', 'close']]);
  await until(() => broker.broker.tunnels.length === 1);
  expect(await requests.stop()).toEqual([]);
  const { socket, seen: after } = await visit(port, 'source 100000');
  socket.end();
  await after.closed;
  expect(after.bytes.length).toBe(100_000);
});
