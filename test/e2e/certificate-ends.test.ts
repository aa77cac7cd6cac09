/** Certificates that end while real processes use them: by their date, and by the deny file. Each ends as an abort. */

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { makePki } from '../support/certificates.ts';
import { until } from '../support/leaks.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { leafUntil } from '../support/short-lived.ts';
import { type Store, startStore } from '../support/store.ts';
import { HOST, visit } from '../support/tunnel-processes.ts';

/** From the start of the test: two processes come up, and a stream runs. */
const LIFE_MS = 12_000;

let files: PkiDirectory;
let store: Store;
let relay: BeaconProcess;
let bridge: BeaconProcess;
const started: BeaconProcess[] = [];

beforeAll(async () => {
  files = await makePkiDirectory();
  store = await startStore();
  relay = await startBeacon(files.relayArgs());
  writeFileSync(files.file('denied'), '');
  const vault = ['--vault-addr', `tcp://${HOST}:${store.port}`];
  bridge = await startBeacon(
    files.clientArgs('bridge', [relay.port], ...vault, '--deny-cert-file', files.file('denied')),
  );
});

afterAll(async () => {
  await Promise.all(started.map((each) => each.kill()));
  await Promise.all([bridge?.kill(), relay?.kill()]);
  await store?.close();
  await files?.remove();
});

async function startBroker(...more: readonly string[]): Promise<BeaconProcess> {
  const broker = await startBeacon(files.clientArgs('broker', [relay.port], ...more));
  started.push(broker);
  return broker;
}

it.concurrent('a tunnel ends when the last second of its broker is over, not before', async () => {
  const untilMs = Math.floor((systemClock.wall() + LIFE_MS) / 1_000) * 1_000;
  const leaf = leafUntil('broker', untilMs);
  writeFileSync(files.file('short.crt'), leaf.certificate);
  writeFileSync(files.file('short.key'), leaf.key, { mode: 0o600 });
  const own = ['--tls-cert', files.file('short.crt'), '--tls-key', files.file('short.key')];
  const broker = await startBroker(...own);
  const { socket, seen } = await visit(broker.port, 'echo');
  socket.write('x');
  await until(() => seen.bytes.length === 1);
  await seen.closed;
  const overMs = systemClock.wall() - untilMs;
  expect(seen.events).not.toContain('end');
  expect(overMs).toBeGreaterThanOrEqual(1_000);
  expect(overMs).toBeLessThan(5_000);
  expect(broker.alive && bridge.alive).toBe(true);
});

it.concurrent('a broker that is written into the deny file loses its tunnel within 15 s', async () => {
  const broker = await startBroker();
  const { socket, seen } = await visit(broker.port, 'echo');
  socket.write('x');
  await until(() => seen.bytes.length === 1);
  const fingerprint = createHash('sha256').update(makePki().broker.der).digest('hex');
  const beganMs = systemClock.wall();
  writeFileSync(files.file('denied'), `${fingerprint} # stolen\n`);
  await seen.closed;
  expect(systemClock.wall() - beganMs).toBeLessThan(15_000);
  expect(seen.events).not.toContain('end');
  await broker.waitFor(/--deny-cert-file/);
  await bridge.waitFor('tunnels of denied brokers are cut');
  // Nor does another process with it get one.
  const denied = await startBroker();
  await denied.waitFor(/--deny-cert-file/);
  expect(denied.lines.map(({ msg }) => msg)).not.toContain('a tunnel to the bridge is up');
  await bridge.waitFor(/^a broker came, and no tunnel: the certificate of this broker is on the deny list/);
});
