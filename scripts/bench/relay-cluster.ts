/** Three `beacon relay` processes that form a cluster on loopback. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { sleep, systemClock } from '../../src/base/clock.ts';
import type { LogLevel } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import {
  type BeaconProcess,
  type Exit,
  type LogLine,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../../test/support/processes.ts';
import { freePorts, LOOPBACK, SwallowingProxy } from './loopback.ts';

export const NODES = 3;
/** The first two share a zone: a broker on one of them is sent to the other before it is sent to the third. */
const ZONES = ['zone-a', 'zone-a', 'zone-b'];
const JOIN_TIMEOUT_MS = 20_000;
const LOOK_MS = 5;

export interface RelayClusterOptions {
  /** Whether a proxy stands between every two nodes, for {@link RelayCluster.isolate}. */
  readonly proxied?: boolean;
  /** Default: info, as in service. Debug lines are needed by who counts them. */
  readonly logLevel?: LogLevel;
  /** One for each node. Default: the first two share one. */
  readonly zones?: readonly string[];
  /** Only these may use it (the text of `--allow-file`). Default: everybody. */
  readonly allow?: string;
}

export class RelayCluster {
  readonly #pki: PkiDirectory;
  readonly #logLevel: LogLevel;
  readonly #zones: readonly string[];
  /** Further arguments of each relay. */
  readonly #more: readonly string[];
  readonly #gossipPorts: readonly number[];
  readonly #forwardPorts: readonly number[];
  readonly #processes: BeaconProcess[] = [];
  /** By the numbers of who dials and who is dialled. */
  readonly #proxies = new Map<string, SwallowingProxy>();

  private constructor(
    pki: PkiDirectory,
    ports: readonly number[],
    { logLevel = 'info', zones = ZONES, allow }: RelayClusterOptions,
  ) {
    this.#pki = pki;
    this.#logLevel = logLevel;
    this.#zones = zones;
    this.#more = allow === undefined ? [] : ['--allow-file', pki.file('allow')];
    if (allow !== undefined) writeFileSync(pki.file('allow'), allow);
    this.#gossipPorts = ports.slice(0, NODES);
    this.#forwardPorts = ports.slice(NODES);
  }

  /** Resolves when every node knows every other; the caller stops it. */
  static async start(options: RelayClusterOptions = {}): Promise<RelayCluster> {
    const { proxied = false } = options;
    const pki = await makePkiDirectory();
    // Also where the bench is cut short.
    process.once('exit', () => rmSync(pki.directory, { recursive: true, force: true }));
    writeFileSync(pki.file('secret'), systemRandom.bytes(32).toString('hex'), { mode: 0o600 });
    const cluster = new RelayCluster(pki, await freePorts(2 * NODES), options);
    try {
      if (proxied) await cluster.#startProxies();
      await cluster.startAll();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** The numbers of the nodes. */
  get nodes(): readonly number[] {
    return Array.from({ length: NODES }, (_, at) => at);
  }

  othersOf(node: number): readonly number[] {
    return this.nodes.filter((other) => other !== node);
  }

  nameOf(node: number): string {
    return `relay-${node}`;
  }

  /** Whether the process of a node runs. */
  runs(node: number): boolean {
    return this.#process(node).alive;
  }

  /** Where clients connect. */
  portOf(node: number): number {
    return this.#process(node).port;
  }

  /** What the node has logged so far. */
  linesOf(node: number): readonly LogLine[] {
    return this.#process(node).lines;
  }

  /** SIGKILL; returns at once. */
  kill(node: number): void {
    void this.#process(node).kill();
  }

  /** SIGTERM: the node drains; resolves with how its process ended. */
  drain(node: number): Promise<Exit> {
    void this.#process(node).kill('SIGTERM');
    return this.#process(node).exited;
  }

  /** Starts a killed node again under its name; resolves when it and the others know each other. */
  async restart(node: number): Promise<void> {
    await this.#process(node).exited;
    const others = this.othersOf(node);
    const known = others.map((other) => this.linesOf(other).length);
    await this.#startNode(node);
    const met = others.map((other, at) => this.#joined(other, [node], known[at] ?? 0));
    await Promise.all([this.#joined(node, others, 0), ...met]);
  }

  /** Starts every node, the first time or after all were killed; resolves when each knows all others. */
  async startAll(): Promise<void> {
    await Promise.all(this.#processes.map(({ exited }) => exited));
    await Promise.all(this.nodes.map((at) => this.#startNode(at)));
    await Promise.all(this.nodes.map((at) => this.#joined(at, this.othersOf(at), 0)));
  }

  /** Drops all bytes between `node` and the others, both ways, until {@link heal}; closes nothing. */
  isolate(node: number): void {
    assert(this.#proxies.size > 0, 'this cluster was started without proxies');
    for (const other of this.othersOf(node)) {
      for (const key of [`${node}>${other}`, `${other}>${node}`]) this.#proxyOf(key).swallows = true;
    }
  }

  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.swallows = false;
  }

  /** Ends every process and proxy and removes the files. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
    for (const proxy of this.#proxies.values()) proxy.stop();
    await this.#pki.remove();
  }

  async #startNode(node: number): Promise<void> {
    this.#processes[node] = await startBeacon(
      this.#pki.relayArgs(
        ...['--node-name', this.nameOf(node), '--zone', this.#zones[node] ?? ''],
        ...['--cluster-secret-file', this.#pki.file('secret'), '--cluster-peer', this.#peersOf(node)],
        ...['--cluster-addr', `${LOOPBACK}:${this.#gossipPorts[node]}`],
        ...['--forward-addr', `${LOOPBACK}:${this.#forwardPorts[node]}`],
        ...['--log-level', this.#logLevel, ...this.#more],
      ),
    );
  }

  #peersOf(node: number): string {
    const peers = this.othersOf(node).map((other) => {
      const host = this.#proxies.size > 0 ? proxyHost(node, other) : LOOPBACK;
      return `${this.nameOf(other)}=${host}:${this.#gossipPorts[other]}`;
    });
    return peers.join(',');
  }

  async #startProxies(): Promise<void> {
    for (const node of this.nodes) {
      for (const other of this.othersOf(node)) {
        const ports = [this.#gossipPorts[other] as number, this.#forwardPorts[other] as number];
        const proxy = await SwallowingProxy.start(proxyHost(node, other), ports);
        this.#proxies.set(`${node}>${other}`, proxy);
      }
    }
  }

  /** Resolves when `node` has logged, past its first `from` lines, that each of `others` has joined. */
  async #joined(node: number, others: readonly number[], from: number): Promise<void> {
    const until = systemClock.now() + JOIN_TIMEOUT_MS;
    const knows = (other: number): boolean =>
      this.linesOf(node)
        .slice(from)
        .some((line) => line.msg === 'a node joined' && line['node'] === this.nameOf(other));
    while (!others.every(knows)) {
      assert(systemClock.now() < until, `${this.nameOf(node)} did not meet the others`);
      await sleep(systemClock, LOOK_MS);
    }
  }

  #process(node: number): BeaconProcess {
    const process = this.#processes[node];
    assert(process, `there is no node ${node}`);
    return process;
  }

  #proxyOf(key: string): SwallowingProxy {
    const proxy = this.#proxies.get(key);
    assert(proxy, `there is no proxy ${key}`);
    return proxy;
  }
}

/** An address for each direction of each pair: the ports behind it stay those of the node. */
function proxyHost(from: number, to: number): string {
  return `127.1.${from + 1}.${to + 1}`;
}
