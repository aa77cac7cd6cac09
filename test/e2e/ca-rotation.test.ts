/** The bridge CA is changed in the rolling steps of docs/ca-rotation.md, under steady requests: none fails. */

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePki, writePki } from '../support/certificates.ts';
import { until } from '../support/leaks.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { SteadyLoad } from '../support/steady-load.ts';
import { type Store, startStore } from '../support/store.ts';
import { HOST } from '../support/tunnel-processes.ts';

const UP = 'a tunnel to the bridge is up';

const [old, next] = [makePki(), makePki({ fresh: true })];
let files: PkiDirectory;
let store: Store;
let relay: BeaconProcess;
const started: BeaconProcess[] = [];

beforeAll(async () => {
  files = await makePkiDirectory(old);
  writePki(files.file('next'), next);
  writeFileSync(files.file('both.crt'), old.bridgeCa.certificate + next.bridgeCa.certificate);
  // Step 1: relays serve both.
  writeFileSync(files.file('allowed'), `${old.infoHash}\n${next.infoHash}\n`);
  store = await startStore();
  relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')));
});

afterAll(async () => {
  await Promise.all(started.map((each) => each.kill()));
  await relay?.kill();
  await store?.close();
  await files?.remove();
});

const NEXT = 'next/';

/** Certificate, key and CA of a daemon: the old ones, both, or the new ones. */
const IDENTITY = {
  old: (role: string) => pair(role, '', 'bridge-ca.crt'),
  both: (role: string) => [
    ...pair(role, '', 'both.crt'),
    ...[
      '--tls-next-cert',
      files.file(`${NEXT}${role}.crt`),
      '--tls-next-key',
      files.file(`${NEXT}${role}.key`),
    ],
  ],
  next: (role: string) => pair(role, NEXT, `${NEXT}bridge-ca.crt`),
} as const;
type Identity = keyof typeof IDENTITY;

function pair(role: string, directory: string, ca: string): string[] {
  return [
    ...[
      '--tls-cert',
      files.file(`${directory}${role}.crt`),
      '--tls-key',
      files.file(`${directory}${role}.key`),
    ],
    ...['--tls-ca', files.file(ca)],
  ];
}

async function start(role: 'bridge' | 'broker', identity: Identity): Promise<BeaconProcess> {
  const relays = ['--beacon-address', `${HOST}:${relay.port}`, '--beacon-ca', files.file('relay-ca.crt')];
  const own = role === 'bridge' ? ['--vault-addr', `tcp://${HOST}:${store.port}`] : ['--listen', `${HOST}:0`];
  const process = await startBeacon([role, ...own, ...relays, ...IDENTITY[identity](role)]);
  started.push(process);
  return process;
}

/** Waits until `broker` has built its tunnel number `count`. */
async function tunnels(broker: BeaconProcess, count: number): Promise<void> {
  await until(() => broker.lines.filter(({ msg }) => msg === UP).length >= count);
}

it('bridges, then brokers, then bridges again: no request fails', { timeout: 100_000 }, async () => {
  let bridges = [await start('bridge', 'old'), await start('bridge', 'old')];
  const oldBroker = await start('broker', 'old');
  await tunnels(oldBroker, 2);
  const requests = new SteadyLoad(oldBroker.port, 2);
  /** One after the other, so that one serves at any time. */
  const roll = async (identity: Identity, broker: BeaconProcess, known: number): Promise<void> => {
    const fresh: BeaconProcess[] = [];
    for (const [at, bridge] of bridges.entries()) {
      expect((await bridge.stop()).code).toBe(0);
      fresh.push(await start('bridge', identity));
      await tunnels(broker, known + at + 1);
      await requests.served();
    }
    bridges = fresh;
  };

  await requests.served();
  await roll('both', oldBroker, 2);

  const newBroker = await start('broker', 'next');
  await tunnels(newBroker, 2);
  requests.port = newBroker.port;
  await requests.served();
  expect((await oldBroker.stop()).code).toBe(0);

  await roll('next', newBroker, 2);
  expect(await requests.stop()).toEqual([]);
  expect(requests.done).toBeGreaterThan(60);
});
