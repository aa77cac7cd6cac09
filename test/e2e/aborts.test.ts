/** Whatever is killed in the middle of a transfer: nobody is shown a clean end of truncated data. */
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sleep, systemClock } from '../../src/base/clock.ts';
import { startLegProxy } from '../support/leg-proxy.ts';
import { makePkiDirectory, startBeacon } from '../support/processes.ts';
import { pour, type Store, startStore } from '../support/store.ts';
import { closed, type Watched, watch } from '../support/streams.ts';
import { ask, HOST, type Setup, startAll, until, visit } from '../support/tunnel-processes.ts';

const MIB = 1_024 * 1_024;
const HUGE = 1_024 * MIB;

async function start(...args: Parameters<typeof startAll>): Promise<Setup> {
  const all = await startAll(...args);
  onTestFinished(() => all.close());
  return all;
}

interface Transfers {
  /** Clients: one reads a download, one has stopped to read it, one has asked and ended its side, one uploads. */
  readonly clients: readonly Watched[];
  resume(): void;
}

/** Transfers in every state that a stream can be in when it is cut. */
async function transfers(port: number, store: Store): Promise<Transfers> {
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

async function expectAborted({ clients, resume }: Transfers, store: Store, killed?: string): Promise<void> {
  resume();
  // How the sockets of a killed process end is the kernel's choice, not ours.
  if (killed !== 'broker') {
    await Promise.all(clients.map((client) => client.closed));
    for (const { events } of clients) expect(events).toEqual(['error:ECONNRESET', 'close']);
  }
  if (killed === 'bridge') return;
  await noticed(store);
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
async function noticed(store: Store): Promise<void> {
  const { socket } = await store.visit('mute');
  while (!socket.destroyed) {
    socket.write('?');
    await sleep(systemClock, 20);
  }
  await until(() => store.open === 0);
}

describe('transfers', () => {
  it.each(['relay', 'bridge', 'broker'] as const)('are aborted when the %s is killed', async (who) => {
    const all = await start();
    const running = await transfers(all.broker.port, all.store);
    await all[who].kill();
    await expectAborted(running, all.store, who);
  });

  it.each(['bridge', 'broker'] as const)('are aborted when the leg of the %s is reset', async (who) => {
    const pki = await makePkiDirectory();
    const store = await startStore();
    const relay = await startBeacon(pki.relayArgs());
    const proxy = await startLegProxy(relay.port);
    const ports = { bridge: relay.port, broker: relay.port, [who]: proxy.port };
    const target = ['--vault-addr', `tcp://${HOST}:${store.port}`];
    const bridge = await startBeacon(pki.clientArgs('bridge', [ports.bridge], ...target));
    const broker = await startBeacon(pki.clientArgs('broker', [ports.broker]));
    onTestFinished(async () => {
      await Promise.all([broker, bridge, relay].map((each) => each.kill()));
      await proxy.close();
      await store.close();
      await pki.remove();
    });
    await broker.waitFor('a tunnel to the bridge is up');
    const from = broker.lines.length;
    const running = await transfers(broker.port, store);
    proxy.cut();
    await expectAborted(running, store);
    // And it comes back by itself.
    await broker.waitFor('a tunnel to the bridge is up', { from });
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.end('again');
    await seen.closed;
    expect(seen.bytes.toString()).toBe('again');
  });
});

describe('a bridge that is stopped', () => {
  it('finishes its streams, costs no request where another is there, and ends the splice cleanly', async () => {
    const all = await start({ relay: ['--log-level', 'debug'] });
    const target = ['--vault-addr', `tcp://${HOST}:${all.store.port}`];
    const other = await startBeacon(all.pki.clientArgs('bridge', [all.relay.port], ...target));
    onTestFinished(() => other.kill().then(() => {}));
    // A tunnel that is younger counts as one that does not stay, and the broker would back off.
    const long = await visit(all.broker.port, 'echo');
    await sleep(systemClock, 5_200);
    let stopped = false;
    let served = 0;
    const workers = Array.from({ length: 4 }, async () => {
      for (let more = 25; more > 0; more -= stopped ? 1 : 0) {
        const { socket, seen } = await visit(all.broker.port, 'echo');
        socket.end('request');
        await seen.closed;
        expect(seen.events).toEqual(['end', 'close']);
        expect(seen.bytes.toString()).toBe('request');
        served += 1;
      }
    });
    await until(() => served > 50);
    const stopping = all.bridge.stop().finally(() => {
      stopped = true;
    });
    await all.broker.waitFor('a tunnel to the bridge is up', { from: all.broker.lines.length });
    stopped = true;
    long.socket.end('still here');
    await long.seen.closed;
    expect(long.seen.bytes.toString()).toBe('still here');
    expect(long.seen.events).toEqual(['end', 'close']);
    await Promise.all(workers);
    expect(await stopping).toEqual({ code: 0, signal: null });
    expect(all.broker.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(await all.relay.waitFor('a splice ended')).toMatchObject({ outcome: 'ended' });
    await all.broker.stop();
    await until(() => all.relay.lines.filter(({ msg }) => msg === 'a splice ended').length === 2);
    const outcomes = all.relay.lines
      .filter(({ msg }) => msg === 'a splice ended')
      .map((line) => line['outcome']);
    expect(outcomes).toEqual(['ended', 'ended']);
  });
});

describe('a broker', () => {
  it('serves a client that came before there was a bridge', async () => {
    const pki = await makePkiDirectory();
    const store = await startStore();
    const relay = await startBeacon(pki.relayArgs());
    const broker = await startBeacon(pki.clientArgs('broker', [relay.port]));
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.end('early');
    const target = ['--vault-addr', `tcp://${HOST}:${store.port}`];
    const bridge = await startBeacon(pki.clientArgs('bridge', [relay.port], ...target));
    await seen.closed;
    expect(seen.bytes.toString()).toBe('early');
    expect(seen.events).toEqual(['end', 'close']);
    for (const each of [broker, bridge, relay]) expect(await each.stop()).toEqual({ code: 0, signal: null });
    await store.close();
    await pki.remove();
  });

  it('and its bridge come back after the relay was restarted', async () => {
    const all = await start();
    const from = all.broker.lines.length;
    await all.relay.kill();
    const relay = await startBeacon(all.pki.relayArgs('--addr', `${HOST}:${all.relay.port}`));
    onTestFinished(() => relay.kill().then(() => {}));
    await all.broker.waitFor('a tunnel to the bridge is up', { from });
    const { socket, seen } = await visit(all.broker.port, 'echo');
    socket.end('again');
    await seen.closed;
    expect(seen.bytes.toString()).toBe('again');
  });

  it('resets clients and logs the code while the store is down, and serves them when it is back', async () => {
    const store = await startStore();
    const all = await start({ store });
    await store.close();
    const one = await visit(all.broker.port, 'echo');
    await one.seen.closed;
    expect(one.seen.events).toEqual(['error:ECONNRESET', 'close']);
    const refused = { level: 'warn', code: 'targetUnreachable' };
    expect(await all.broker.waitFor(/refused a stream/)).toMatchObject(refused);
    expect(await all.bridge.waitFor(/stream was refused/)).toMatchObject(refused);
  });

  it('resets clients and logs the code when the store is not who it should be', async () => {
    const pki = await makePkiDirectory();
    const store = await startStore({ tls: pki.pki.relay });
    const relay = await startBeacon(pki.relayArgs());
    // The store's certificate is not from this CA.
    const target = [
      '--vault-addr',
      `https://localhost:${store.port}`,
      '--vault-ca',
      pki.file('bridge-ca.crt'),
    ];
    const bridge = await startBeacon(pki.clientArgs('bridge', [relay.port], ...target));
    const broker = await startBeacon(pki.clientArgs('broker', [relay.port]));
    const { socket, seen } = await visit(broker.port, 'echo');
    socket.write('secret');
    await closed(socket);
    expect(seen.events).toEqual(['error:ECONNRESET', 'close']);
    expect(await broker.waitFor(/refused a stream/)).toMatchObject({ code: 'targetTls' });
    expect(store.visits).toEqual([]);
    for (const each of [broker, bridge, relay]) await each.stop();
    await store.close();
    await pki.remove();
  });
});
