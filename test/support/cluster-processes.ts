/** Clusters of real `beacon relay` processes on 127.0.0.1: start one, take nodes down and up, cut the lines between them. */
import { writeFileSync } from 'node:fs';
import type { Hello } from '../../src/wire/frames.ts';
import { makePki, type Pki } from './certificates.ts';
import { freePorts } from './ports.ts';
import {
  type BeaconProcess,
  type LogLine,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from './processes.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { acceptOffer, dialAs, type WireClient } from './wire-client.ts';

export const SECRET_A = 'first-secret-first-secret-first-secret';
export const SECRET_B = 'other-secret-other-secret-other-secret';

export interface ProcessClusterOptions {
  /** Default: a, b and c. */
  readonly names?: readonly string[];
  /** Zones by the names of their nodes. Default: each node stands in its own. */
  readonly zones?: Readonly<Record<string, string>>;
  /** Nodes that the others expect as well, and that are not started. */
  readonly expected?: readonly string[];
  /** Gossip between nodes passes proxies, so that it can be cut. Default false. */
  readonly proxied?: boolean;
  /** Further arguments of every node. */
  readonly more?: readonly string[];
}

export interface NodeOptions {
  /** Lines of its secret file. Default: {@link SECRET_A}. */
  readonly secret?: readonly string[];
  /** Where its gossip listens. Default: the port at which the others look for it. */
  readonly gossipPort?: number;
  /** Its `--cluster-peer`. Default: every node at its port. */
  readonly peers?: string;
  /** Where bridges and brokers connect. Default: any free port. */
  readonly clientPort?: number;
  /** Further arguments. */
  readonly more?: readonly string[];
}

export class ProcessCluster {
  readonly files: PkiDirectory;
  /** The process that runs, or ran last, under each name. */
  readonly nodes = new Map<string, BeaconProcess>();
  readonly #names: readonly string[];
  /** Gossip ports by name. */
  readonly #ports: ReadonlyMap<string, number>;
  readonly #zones: Readonly<Record<string, string>>;
  /** By `from>to`. Empty where nothing is proxied. */
  readonly #proxies: ReadonlyMap<string, TcpProxy>;
  readonly #started: BeaconProcess[] = [];

  private constructor(
    files: PkiDirectory,
    ports: ReadonlyMap<string, number>,
    proxies: ReadonlyMap<string, TcpProxy>,
    zones: Readonly<Record<string, string>>,
  ) {
    this.files = files;
    this.#names = [...ports.keys()];
    this.#ports = ports;
    this.#proxies = proxies;
    this.#zones = zones;
  }

  /** Every node runs, and has logged that the others joined. The caller calls {@link remove}. */
  static async start(options: ProcessClusterOptions = {}): Promise<ProcessCluster> {
    const { names = ['a', 'b', 'c'], expected = [], proxied = false, zones = {}, more = [] } = options;
    const all = [...names, ...expected];
    const free = await freePorts(all.length);
    const ports = new Map(all.map((name, index) => [name, free[index] as number]));
    const proxies = new Map<string, TcpProxy>();
    for (const from of proxied ? names : []) {
      for (const to of names) {
        if (from !== to) proxies.set(`${from}>${to}`, await TcpProxy.listen(ports.get(to) as number));
      }
    }
    const cluster = new ProcessCluster(await makePkiDirectory(), ports, proxies, zones);
    await Promise.all(names.map((name) => cluster.startNode(name, { more })));
    await Promise.all(
      names.map((name) =>
        cluster.joined(
          name,
          names.filter((other) => other !== name),
        ),
      ),
    );
    return cluster;
  }

  /** Starts a node, the first time or again; it is up then, and may not have joined yet. */
  async startNode(name: string, options: NodeOptions = {}): Promise<BeaconProcess> {
    const { secret = [SECRET_A], gossipPort = this.gossipPort(name), peers = this.#peersOf(name) } = options;
    const { clientPort = 0, more = [] } = options;
    const file = this.files.file(`secret-${name}-${this.#started.length}`);
    writeFileSync(file, secret.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    const args = this.files.relayArgs(
      ...['--addr', `127.0.0.1:${clientPort}`, '--node-name', name, '--zone', this.zoneOf(name)],
      ...['--cluster-peer', peers, '--cluster-secret-file', file],
      ...['--cluster-addr', `127.0.0.1:${gossipPort}`, '--forward-addr', '127.0.0.1:0'],
      ...more,
    );
    const process = await inTurn(() => startBeacon(args));
    this.#started.push(process);
    this.nodes.set(name, process);
    return process;
  }

  node(name: string): BeaconProcess {
    const process = this.nodes.get(name);
    if (!process) throw new Error(`no node ${name} was started`);
    return process;
  }

  /** Where bridges and brokers connect to that node. */
  port(name: string): number {
    return this.node(name).port;
  }

  /** Where the others look for that node. */
  gossipPort(name: string): number {
    return this.#ports.get(name) ?? 0;
  }

  zoneOf(name: string): string {
    return this.#zones[name] ?? `zone-${name}`;
  }

  others(name: string): string[] {
    return this.#names.filter((other) => other !== name);
  }

  /** Waits until the running processes of `name` and of every other node have logged that the other joined. */
  async joined(name: string, others: readonly string[] = this.others(name)): Promise<void> {
    await Promise.all(
      others.flatMap((other) => [this.says('joined', name, other), this.says('joined', other, name)]),
    );
  }

  /**
   * Waits for the line by which `at` says that `node` joined, or is gone; the next one after line `from`. Default for
   * `from`: the last line by which it says the opposite.
   */
  says(what: 'joined' | 'gone', at: string, node: string, from?: number): Promise<LogLine> {
    const { lines, waitFor } = this.node(at);
    const is = (line: LogLine, message: string): boolean => line.msg === message && line['node'] === node;
    const [message, opposite] = what === 'joined' ? [JOINED, GONE] : [GONE, JOINED];
    const start = from ?? lines.findLastIndex((line) => is(line, opposite)) + 1;
    return waitFor((line) => is(line, message), { from: start });
  }

  /** Swallows all gossip that `from` sends to each of `to`. */
  cut(from: string, to: readonly string[]): void {
    for (const other of to) {
      const [own, theirs] = [this.#proxies.get(`${from}>${other}`), this.#proxies.get(`${other}>${from}`)];
      if (own) own.swallowsForth = true;
      if (theirs) theirs.swallowsBack = true;
    }
  }

  /** Every line works again. */
  heal(): void {
    for (const proxy of this.#proxies.values()) proxy.heal();
  }

  /** Kills what runs and removes the files. */
  async remove(): Promise<void> {
    await Promise.all(this.#started.map((process) => process.kill()));
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
    await this.files.remove();
  }

  #peersOf(name: string): string {
    const peer = (to: string): string =>
      `${to}=127.0.0.1:${this.#proxies.get(`${name}>${to}`)?.port ?? this.gossipPort(to)}`;
    return this.#names.map(peer).join(',');
  }

  // ---- clients

  /** A bridge that is parked at that node. */
  park(name: string, pki: Pki, instance: Buffer = BRIDGE): Promise<WireClient> {
    return dialAs('park', this.port(name), { more: { instance }, pki });
  }

  /**
   * Waits until node `at` knows that the bridge `instance` of `pki` is parked on `holder`: a broker that wants it, and must
   * avoid just that node, is told then that there is none.
   */
  async knows(at: string, holder: string, pki: Pki, instance: Buffer = BRIDGE): Promise<void> {
    const more = { avoid: [holder], wanted: instance };
    const broker = await dialAs('connect', this.port(at), { more, pki });
    let frame = await broker.frame();
    while (frame.type === 'waiting') frame = await broker.frame();
    broker.reset();
    if (frame.type !== 'refused' || frame.code !== 'noBridge')
      throw new Error(`got ${JSON.stringify(frame)}`);
  }

  /** A broker of `pki` at that node, which has said HELLO. */
  connect(name: string, pki: Pki, more: Partial<Hello> = {}): Promise<WireClient> {
    return dialAs('connect', this.port(name), { more, pki });
  }

  /** Pairs a broker at one node with a new bridge on another, with bytes both ways. Throws where that fails. */
  async pairs(brokerAt: string, bridgeAt: string, pki: Pki = makePki({ fresh: true })): Promise<void> {
    const [bridge, broker] = await Promise.all([this.park(bridgeAt, pki), this.connect(brokerAt, pki)]);
    await acceptOffer(bridge, 'answer');
    const path = await pathOf(broker);
    broker.send('question');
    const said = [path, await bridge.opaque(8), await broker.opaque(6)].join();
    for (const client of [bridge, broker]) client.reset();
    if (said !== `${brokerAt}-${bridgeAt},question,answer`) throw new Error(`not paired across: ${said}`);
  }
}

/** As many at once as test machines have cores: more would only be up later, and time out. */
const STARTS_AT_ONCE = 2;
const starts: (() => void)[] = [];
let starting = 0;

async function inTurn<T>(start: () => Promise<T>): Promise<T> {
  if (starting >= STARTS_AT_ONCE) await new Promise<void>((resolve) => starts.push(resolve));
  else starting += 1;
  try {
    return await start();
  } finally {
    const next = starts.shift();
    if (next) next();
    else starting -= 1;
  }
}

/** Waits for PAIRED; the nodes that the splice crosses, as `a-b`. */
export async function pathOf(broker: WireClient): Promise<string> {
  let frame = await broker.frame();
  while (frame.type === 'waiting' || frame.type === 'ping') frame = await broker.frame();
  if (frame.type !== 'paired') throw new Error(`expected paired, got ${JSON.stringify(frame)}`);
  return frame.path.map(({ node }) => node).join('-');
}

/** The instance of bridges whose instance does not matter. */
export const BRIDGE = Buffer.alloc(16, 0xb1);

const JOINED = 'a node joined';
const GONE = 'a node is gone';
