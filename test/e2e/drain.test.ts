/** Three real relays, drained one after the other while a bridge and a broker are at work: nobody notices. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { messageOf } from '../../src/base/errors.ts';
import { makePki } from '../support/certificates.ts';
import { ProcessCluster, pathOf } from '../support/cluster-processes.ts';
import { until } from '../support/leaks.ts';
import { type BeaconProcess, type Exit, type LogLine, startBeacon } from '../support/processes.ts';
import { type Store, sourceHash, startStore } from '../support/store.ts';
import { ask, digest, download, HOST, visit } from '../support/tunnel-processes.ts';
import { acceptOffer, cutClients, hello, identityOf, WireClient } from '../support/wire-client.ts';

const BYTES = 64 * 1_024 * 1_024;
const NAMES = ['a', 'b', 'c'] as const;
const TWO_LEGS = 'a tunnel has two legs that share no node';
const UP = 'a tunnel to the bridge is up';

let cluster: ProcessCluster;
let store: Store;
const clients: BeaconProcess[] = [];

async function startCluster(...more: string[]): Promise<void> {
  cluster = await ProcessCluster.start({ names: NAMES, more });
}

async function startClients(
  bridgeAt: readonly string[],
  brokerAt: readonly string[],
): Promise<{ bridge: BeaconProcess; broker: BeaconProcess }> {
  const ports = (names: readonly string[]): number[] => names.map((name) => cluster.port(name));
  const vault = ['--vault-addr', `tcp://${HOST}:${store.port}`];
  const { files } = cluster;
  const bridge = await startBeacon(
    files.clientArgs('bridge', ports(bridgeAt), ...vault, '--log-level', 'debug'),
  );
  clients.push(bridge);
  const broker = await startBeacon(files.clientArgs('broker', ports(brokerAt), '--log-level', 'debug'));
  clients.push(broker);
  await broker.waitFor(UP);
  return { bridge, broker };
}

beforeEach(async () => {
  store = await startStore();
});

afterEach(async () => {
  cutClients();
  await Promise.all(clients.splice(0).map((each) => each.kill()));
  await store.close();
  await cluster.remove();
});

const LEFT = { code: 0, signal: null };

/** SIGTERM; resolves when the process has ended, which takes up to --drain-timeout. */
function drain(name: string): Promise<Exit> {
  return cluster.node(name).kill('SIGTERM');
}

/** A bridge and a broker at two nodes, spliced; they know nothing but HELLO and ACCEPT. */
async function pairUp(bridgeAt: string, brokerAt: string): Promise<[WireClient, WireClient]> {
  const pki = makePki({ fresh: true });
  const bridge = await cluster.park(bridgeAt, pki);
  const broker = await cluster.connect(brokerAt, pki);
  await acceptOffer(bridge);
  expect(await pathOf(broker)).toBe(`${brokerAt}-${bridgeAt}`);
  return [bridge, broker];
}

/** Milliseconds from one line to the other. */
function between(one: LogLine, other: LogLine): number {
  return Date.parse(String(other['time'])) - Date.parse(String(one['time']));
}

/** How it ended, and what came. */
async function request(port: number): Promise<string> {
  const { socket, seen } = await visit(port, 'echo');
  socket.end('request');
  await seen.closed;
  return [...seen.events, seen.bytes.toString()].join();
}

/** Small requests, one after the other, until told to stop. */
class Requests {
  served = 0;
  readonly failures: string[] = [];
  readonly #port: number;
  readonly #workers: Promise<void>[];
  #stopped = false;

  constructor(port: number, workers: number) {
    this.#port = port;
    this.#workers = Array.from({ length: workers }, () => this.#run());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  async #run(): Promise<void> {
    while (!this.#stopped && this.failures.length === 0) {
      const outcome = await request(this.#port).catch(messageOf);
      if (outcome === 'end,close,request') this.served += 1;
      else this.failures.push(outcome);
    }
  }
}

describe('a node that is stopped', () => {
  it('one after the other, under load: no request fails, no byte is lost, each exits with 0', async () => {
    await startCluster();
    const { broker } = await startClients(NAMES, NAMES);
    await broker.waitFor(TWO_LEGS);
    const requests = new Requests(broker.port, 4);
    for (const name of NAMES) {
      const { done } = await download(broker.port, BYTES, 1 / 8);
      const { port } = cluster.node(name);
      expect(await drain(name), name).toEqual(LEFT);
      expect(await done).toEqual({ bytes: BYTES, sha256: sourceHash(BYTES) });
      await cluster.startNode(name, { clientPort: port });
      await cluster.joined(name);
    }
    await requests.stop();
    expect(requests.failures).toEqual([]);
    expect(requests.served).toBeGreaterThan(100);
    expect(broker.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(broker.lines.filter(({ msg }) => msg.startsWith('a leg is gone'))).toEqual([]);
  }, 240_000);

  it.each(['holder', 'origin'] as const)(
    'as %s of a leg over two nodes: the tunnel gets off it, and no request fails',
    async (part) => {
      await startCluster();
      const [bridgeAt, brokerAt] = part === 'holder' ? [['b', 'c'], ['a']] : [['c'], ['a', 'b']];
      const { broker } = await startClients(bridgeAt, brokerAt);
      const requests = new Requests(broker.port, 2);
      const path = String((await broker.waitFor(UP))['path']).split(', ');
      expect(path).toHaveLength(2);
      const leaving = String(part === 'holder' ? path[1] : path[0]);
      const socket = await ask(broker.port, `source ${BYTES}`);
      const done = digest(socket);
      socket.end();
      expect(await drain(leaving)).toEqual(LEFT);
      expect(await done).toEqual({ bytes: BYTES, sha256: sourceHash(BYTES) });
      const served = requests.served;
      await until(() => requests.served > served + 10);
      await requests.stop();
      expect(requests.failures).toEqual([]);
      expect(broker.lines.filter(({ msg }) => msg.startsWith('a leg is gone'))).toEqual([]);
    },
    60_000,
  );

  it('together with another one: both exit with 0, and all is on the third', async () => {
    await startCluster();
    const { broker } = await startClients(NAMES, NAMES);
    await broker.waitFor(TWO_LEGS);
    const requests = new Requests(broker.port, 4);
    expect(await Promise.all([drain('a'), drain('b')])).toEqual([LEFT, LEFT]);
    const served = requests.served;
    await until(() => requests.served > served + 10);
    await requests.stop();
    expect(requests.failures).toEqual([]);
  }, 120_000);

  it('with clients that do not know of it: cuts them at the deadline, says so, and exits with 1', async () => {
    await startCluster('--drain-timeout', '2');
    const [bridge, broker] = await pairUp('b', 'a');
    const stopping = cluster.node('a').stop();
    const drains = await cluster.node('a').waitFor('this node drains');
    expect(await broker.ended).toBe('reset');
    expect(await bridge.ended).toBe('reset');
    expect(await stopping).toEqual({ code: 1, signal: null });
    const drained = await cluster.node('a').waitFor('this node has drained');
    expect(drained).toMatchObject({ level: 'warn', cut: 1 });
    expect(between(drains, drained)).toBeGreaterThanOrEqual(2_000);
    const said = cluster
      .node('a')
      .lines.filter(({ level }) => level === '')
      .map(({ msg }) => msg);
    expect(said[0]).toMatch(/^beacon: 1 splice was cut.*--drain-timeout/);
  });

  it('twice: leaves within 1 s', async () => {
    await startCluster();
    const [, broker] = await pairUp('b', 'a');
    const node = cluster.node('a');
    void node.kill('SIGTERM');
    await node.waitFor('this node drains');
    const start = systemClock.now();
    expect(await node.kill('SIGTERM')).toEqual({ code: 1, signal: null });
    expect(systemClock.now() - start).toBeLessThan(1_000);
    await broker.ended;
  });

  it('is gone within 2 s where nothing runs, though bridges are parked', async () => {
    await startCluster();
    const pki = makePki({ fresh: true });
    const parks = await Promise.all([cluster.park('a', pki), cluster.park('a', pki)]);
    const node = cluster.node('a');
    expect(await node.stop()).toEqual(LEFT);
    for (const park of parks) {
      expect(await park.expect('draining')).toMatchObject({ node: 'a' });
      await park.expect('goaway');
      expect(await park.frame()).toMatchObject({ type: 'refused', code: 'draining' });
    }
    expect(
      between(await node.waitFor(/^Stopping/), await node.waitFor('this node has drained')),
    ).toBeLessThan(2_000);
  });

  it('refuses whoever comes late, is known to drain by all, and gets nobody from them', async () => {
    await startCluster();
    const pki = makePki({ fresh: true });
    const splice = await pairUp('b', 'a');
    const [here, there] = [await cluster.park('a', pki), await cluster.park('b', pki)];
    const waiting = await cluster.connect('a', makePki({ fresh: true }));
    await waiting.expect('waiting');
    const node = cluster.node('a');
    void node.kill('SIGTERM');
    expect(await waiting.frame()).toMatchObject({ type: 'refused', code: 'draining' });
    for (const park of [here, there]) expect(await park.expect('draining')).toMatchObject({ node: 'a' });
    for (const role of ['park', 'connect'] as const) {
      const late = await WireClient.dial(node.port, { identity: identityOf(role, pki) });
      late.send(hello(role, {}, pki));
      expect(await late.frame(), role).toMatchObject({ type: 'refused', code: 'draining' });
    }
    // A bridge that comes to another node hears of it as well; and a broker there is sent to b, not to a.
    const other = await cluster.park('c', makePki({ fresh: true }));
    expect(await other.expect('draining')).toMatchObject({ node: 'a' });
    const broker = await cluster.connect('c', pki);
    await acceptOffer(there);
    expect(await pathOf(broker)).toBe('c-b');
    for (const end of splice) end.reset();
    expect(await node.exited).toEqual(LEFT);
  });
});
