/** Whatever is cut in the middle of a transfer: it goes on with the first new leg, and every byte arrives once. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/leaks.ts';
import { type LegProxy, startLegProxy } from '../support/leg-proxy.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { pour, type Store, sourceHash, startStore } from '../support/store.ts';
import { ask, digest, HOST, visit } from '../support/tunnel-processes.ts';

const MIB = 1_024 * 1_024;
const BYTES = 24 * MIB;

let pki: PkiDirectory;
let store: Store;
let relay: BeaconProcess;
let bridge: BeaconProcess;
let broker: BeaconProcess;
let legs: { readonly bridge: LegProxy; readonly broker: LegProxy };

beforeAll(async () => {
  pki = await makePkiDirectory();
  store = await startStore();
  relay = await startBeacon(pki.relayArgs());
  legs = { bridge: await startLegProxy(relay.port), broker: await startLegProxy(relay.port) };
  await startBridge();
  broker = await startBeacon(pki.clientArgs('broker', [legs.broker.port]));
});
afterAll(async () => {
  await Promise.all([broker, bridge, relay].map((each) => each.kill()));
  await Promise.all([legs.bridge, legs.broker, store].map((each) => each.close()));
  await pki.remove();
});

async function startBridge(): Promise<void> {
  const target = ['--vault-addr', `tcp://${HOST}:${store.port}`];
  bridge = await startBeacon(pki.clientArgs('bridge', [legs.bridge.port], ...target));
}

/** The store's clients are served, whatever happened before: the broker and the bridge come back by themselves. */
async function served(): Promise<void> {
  for (let answer = ''; answer !== 'hello'; ) {
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.end('hello');
    await seen.closed;
    answer = seen.bytes.toString();
  }
  await until(() => store.open === 0);
  store.forget();
}

/** A download and an upload in their middle, and what they come to. */
async function transfers(): Promise<{ readonly done: Promise<readonly string[]> }> {
  const { port } = broker;
  const download = await ask(port, `source ${BYTES}`);
  download.end();
  let bytes = 0;
  download.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const downloaded = digest(download);
  const uploading = await visit(port, 'sink');
  const uploaded = pour(uploading.socket, BYTES).then(() => void uploading.socket.end());
  const atSink = await store.visit('sink');
  await until(() => bytes > MIB && atSink.received > MIB);
  const done = async (): Promise<readonly string[]> => {
    const { sha256 } = await downloaded;
    await Promise.all([uploaded, uploading.seen.closed]);
    return [sha256, uploading.seen.bytes.toString()];
  };
  return { done: done() };
}

const WHOLE = [sourceHash(BYTES), `${BYTES} ${sourceHash(BYTES)}\n`];

describe('transfers', () => {
  beforeEach(served);

  it.each(['bridge', 'broker'] as const)('go on when the only leg is reset at the %s', async (who) => {
    const { done } = await transfers();
    legs[who].cut();
    expect(await done).toEqual(WHOLE);
  });

  it('go on when the only relay is killed and started again', async () => {
    const { done } = await transfers();
    await relay.kill();
    relay = await startBeacon(pki.relayArgs('--addr', `${HOST}:${relay.port}`));
    expect(await done).toEqual(WHOLE);
  });
});
