/**
 * What a relay has in its memory while it passes a secret on. The same search of the broker, which has to have it, shows that
 * the search finds what is there.
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { infoHashOfCertificate } from '../../src/pki/info-hash.ts';
import { until } from '../support/leaks.ts';
import { canReadMemory, searchMemory } from '../support/process-memory.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { HOST } from '../support/tunnel-processes.ts';

const SECRET = randomBytes(32);
/** The secret again and again, so that every record of TLS and every buffer on the way is full of it. */
const CHUNK = Buffer.concat(Array.from({ length: 512 }, () => SECRET));
/** A relay has about 80 MiB that can be read; an empty answer must not pass for a clean one. */
const LEAST_SEARCHED = 16 * 1_024 * 1_024;

let files: PkiDirectory;
let relay: BeaconProcess;
let bridge: BeaconProcess;
let broker: BeaconProcess;
const server = createServer((socket) => void exchange(socket));

beforeAll(async () => {
  server.listen(0, HOST);
  await once(server, 'listening');
  files = await makePkiDirectory();
  relay = await startBeacon(files.relayArgs());
  const vault = ['--vault-addr', `tcp://${HOST}:${(server.address() as AddressInfo).port}`];
  [bridge, broker] = await Promise.all([
    startBeacon(files.clientArgs('bridge', [relay.port], ...vault)),
    startBeacon(files.clientArgs('broker', [relay.port])),
  ]);
  await broker.waitFor('a tunnel to the bridge is up');
});

afterAll(async () => {
  await Promise.all([broker, bridge, relay].map((each) => each?.kill()));
  server.close();
  await files?.remove();
});

/** Sends the secret as long as it is taken, and reads whatever comes. */
function exchange(socket: Socket): { readonly received: number } {
  const seen = { received: 0 };
  const send = (): void => {
    while (!socket.destroyed && socket.write(CHUNK)) {}
  };
  socket
    .on('data', (chunk: Buffer) => (seen.received += chunk.length))
    .on('drain', send)
    .on('error', () => {});
  send();
  return seen;
}

it('holds no byte of a secret that it passes on, both ways, while the broker holds it', async ({ skip }) => {
  const readable = await canReadMemory(relay.pid);
  if (!readable) console.warn('SKIPPED: /proc/PID/mem cannot be read here, so nobody looked into the relay');
  skip(!readable, '/proc/PID/mem cannot be read on this machine');
  const socket = connect(broker.port, HOST);
  await once(socket, 'connect');
  const seen = exchange(socket);
  try {
    for (let round = 1; round <= 2; round += 1) {
      const before = seen.received;
      await until(() => seen.received > before + 64 * CHUNK.length);
      const inRelay = await searchMemory(relay.pid, SECRET);
      const inBroker = await searchMemory(broker.pid, SECRET);
      expect(inRelay).toMatchObject({ found: 0 });
      expect(inRelay.searched).toBeGreaterThan(LEAST_SEARCHED);
      expect(inBroker.found).toBeGreaterThan(0);
      console.info(
        `of ${inRelay.searched >> 20} MiB of the relay none, in the broker ${inBroker.found} times`,
      );
    }
    // Nor does the relay escape the search: it has the info_hash.
    const infoHash = Buffer.from(infoHashOfCertificate(files.pki.bridgeCa.der));
    expect((await searchMemory(relay.pid, infoHash)).found).toBeGreaterThan(0);
  } finally {
    socket.destroy();
  }
});
