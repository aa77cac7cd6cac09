/** Two real bridges beside one store: either may be stopped without one failed request. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/leaks.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { type Store, startStore } from '../support/store.ts';
import { ask, digest, HOST } from '../support/tunnel-processes.ts';

const UP = 'a tunnel to the bridge is up';

let files: PkiDirectory;
let store: Store;
let relay: BeaconProcess;
let bridges: BeaconProcess[];
let broker: BeaconProcess;

const startBridge = (): Promise<BeaconProcess> =>
  startBeacon(files.clientArgs('bridge', [relay.port], '--vault-addr', `tcp://${HOST}:${store.port}`));

beforeAll(async () => {
  files = await makePkiDirectory();
  store = await startStore();
  relay = await startBeacon(files.relayArgs());
  bridges = [await startBridge(), await startBridge()];
  broker = await startBeacon(files.clientArgs('broker', [relay.port]));
  await until(() => broker.lines.filter(({ msg }) => msg === UP).length === 2);
}, 60_000);

afterAll(async () => {
  await broker?.kill();
  await Promise.all((bridges ?? []).map((bridge) => bridge.kill()));
  await relay?.kill();
  await store?.close();
  await files?.remove();
});

/** Requests one after the other, as many as fit until `done`; how many there were. Throws when one fails. */
async function requests(done: Promise<unknown>): Promise<number> {
  let over = false;
  void done.then(() => {
    over = true;
  });
  let count = 0;
  while (!over) {
    const socket = await ask(broker.port, 'echo');
    socket.end(`request ${count}`);
    expect((await digest(socket)).bytes).toBe(`request ${count}`.length);
    count += 1;
  }
  return count;
}

it('places streams on both', async () => {
  const sockets = await Promise.all(Array.from({ length: 8 }, () => ask(broker.port, 'echo')));
  await until(() => store.open === 8);
  for (const socket of sockets) socket.end();
  await until(() => store.open === 0);
});

it('serves every request while one is stopped and started again, and then the other is stopped', async () => {
  const client = await ask(broker.port, 'source 8388608');
  client.end();
  const running = digest(client);
  await store.visit('source 8388608');
  const seen = broker.lines.length;
  const [first, second] = bridges as [BeaconProcess, BeaconProcess];
  const restarted = (async () => {
    await first.stop();
    bridges[0] = await startBridge();
    await broker.waitFor(UP, { from: seen });
  })();
  expect(await requests(restarted)).toBeGreaterThan(0);
  expect((await running).bytes).toBe(8_388_608);
  expect(await requests(second.stop())).toBeGreaterThan(0);
  const last = await ask(broker.port, 'echo');
  last.end('still served');
  expect((await digest(last)).bytes).toBe('still served'.length);
}, 60_000);
