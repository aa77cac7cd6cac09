/** Whatever is killed in the middle of a transfer: nobody is shown a clean end of truncated data. */
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { type LegProxy, startLegProxy } from '../support/leg-proxy.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../support/processes.ts';
import { pour, type Store, startStore } from '../support/store.ts';
import { type Watched, watch } from '../support/streams.ts';
import { ask, HOST, until, visit } from '../support/tunnel-processes.ts';

const MIB = 1_024 * 1_024;
const HUGE = 1_024 * MIB;

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

interface Transfers {
  /** Clients: one reads a download, one has stopped to read it, one has asked and ended its side, one uploads. */
  readonly clients: readonly Watched[];
  resume(): void;
}

/** Transfers in every state that a stream can be in when it is cut. */
async function transfers(): Promise<Transfers> {
  const { port } = broker;
  const reading = await visit(port, `source ${HUGE}`);
  const paused = await ask(port, `source ${HUGE + 4}`);
  await once(paused, 'data');
  paused.pause();
  const asked = await visit(port, 'mute');
  asked.socket.end('question');
  const uploading = await visit(port, 'sink');
  void pour(uploading.socket, HUGE);
  await until(() => reading.seen.bytes.length > 4 * MIB);
  const atMute = await store.visit('mute');
  atMute.socket.resume();
  await until(() => atMute.events.includes('end'));
  const atSink = await store.visit('sink');
  await until(() => atSink.received > 4 * MIB);
  const held = watch(paused);
  paused.pause();
  return {
    clients: [reading.seen, held, asked.seen, uploading.seen],
    resume: () => paused.resume(),
  };
}

async function expectClientsReset({ clients, resume }: Transfers): Promise<void> {
  resume();
  await Promise.all(clients.map((client) => client.closed));
  for (const { events } of clients) expect(events).toEqual(['error:ECONNRESET', 'close']);
}

async function expectStoreReset(): Promise<void> {
  await noticed();
  const ends = store.visits.map(({ line, events }) => `${line.replace(/ .*/, '')}: ${events.join()}`);
  expect(ends.sort()).toEqual([
    // Its client's end had arrived in good order.
    expect.stringMatching(/^mute: end,error:(ECONNRESET|EPIPE),close$/),
    'sink: error:ECONNRESET,close',
    'source: error:ECONNRESET,close',
    'source: error:ECONNRESET,close',
  ]);
}

/** Node does not see the reset of a socket that it has read to its end; a write shows it. */
async function noticed(): Promise<void> {
  const { socket } = await store.visit('mute');
  while (!socket.destroyed) {
    socket.write('?');
    await sleep(systemClock, 20);
  }
  await until(() => store.open === 0);
}

describe('transfers', () => {
  beforeEach(served);

  it.each(['bridge', 'broker'] as const)('are aborted when the leg of the %s is reset', async (who) => {
    const running = await transfers();
    legs[who].cut();
    await expectClientsReset(running);
    await expectStoreReset();
  });

  it('are aborted when the relay is killed', async () => {
    const running = await transfers();
    await relay.kill();
    await expectClientsReset(running);
    await expectStoreReset();
    relay = await startBeacon(pki.relayArgs('--addr', `${HOST}:${relay.port}`));
  });

  it('are aborted at the clients when the bridge is killed', async () => {
    const running = await transfers();
    // How its own sockets end, those with the store, is the kernel's choice.
    await bridge.kill();
    await expectClientsReset(running);
    for (const { socket } of store.visits) socket.resetAndDestroy();
    await startBridge();
  });

  it('are aborted at the store when the broker is killed', async () => {
    await transfers();
    await broker.kill();
    await expectStoreReset();
  });
});
