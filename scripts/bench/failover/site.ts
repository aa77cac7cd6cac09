/**
 * A bridge, a broker and a way from each to each of three relays: real processes, under a CA of their own, so that
 * several sites use one cluster without meeting. The bridge is 50 ms of round trip away from the relays.
 */
import assert from 'node:assert/strict';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { makePki, type Pki } from '../../../test/support/certificates.ts';
import {
  type BeaconProcess,
  type DaemonName,
  type LogLine,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../../../test/support/processes.ts';
import { LOOPBACK } from '../loopback.ts';
import type { RelayCluster } from '../relay-cluster.ts';
import { DelayProxy } from './delay-proxy.ts';
import type { Store } from './store.ts';

/** Each way: the round trip between bridge and relays is twice as long. */
export const DELAY_MS = 25;
const LOOK_MS = 50;
/** What moved in so many looks says which leg is in use. */
const LOOKS = 4;
/** Fewer bytes in that time are probes and acknowledgements, not a transfer. */
const BULK_BYTES = 50_000;
const LEGS = 4;
/** Of each log that are shown with a fault. */
const LINES = 25;

export type Path = readonly string[];

export class Site {
  readonly bridge: BeaconProcess;
  readonly broker: BeaconProcess;
  /** By node: from the bridge to the relay, and from the broker. */
  readonly bridgeWays: readonly DelayProxy[];
  readonly brokerWays: readonly DelayProxy[];
  readonly #files: PkiDirectory;
  readonly #cluster: RelayCluster;
  /** Legs by the broker's log, the latest last. */
  #paths: Path[] = [];
  #read = 0;
  readonly #moved: number[][] = [];
  #last: readonly number[] = [];
  readonly #timer = systemClock.every(LOOK_MS, () => this.#look());

  private constructor(
    cluster: RelayCluster,
    files: PkiDirectory,
    ways: { readonly bridge: readonly DelayProxy[]; readonly broker: readonly DelayProxy[] },
    processes: { readonly bridge: BeaconProcess; readonly broker: BeaconProcess },
  ) {
    this.#cluster = cluster;
    this.#files = files;
    this.bridgeWays = ways.bridge;
    this.brokerWays = ways.broker;
    this.bridge = processes.bridge;
    this.broker = processes.broker;
  }

  /**
   * Its first leg crosses two nodes. Then every way is open; or, where it is to stay `crossing`, all but those of the
   * bridge to the broker's node and of the broker to the bridge's, so that one leg crosses two nodes ever after, and the
   * other is local on the third. `turn`: which node is which. The caller stops it.
   */
  static async start(
    cluster: RelayCluster,
    store: Store,
    { turn, crossing }: { readonly turn: number; readonly crossing: boolean },
  ): Promise<Site> {
    const files = await makePkiDirectory(freshPki());
    // As in life each end has an address of its own: relays admit 100 connections of one in a minute.
    const open = (delayMs: number, address: string): Promise<DelayProxy[]> => {
      const options = { delayMs, source: () => address };
      return Promise.all(cluster.nodes.map((node) => DelayProxy.listen(() => cluster.portOf(node), options)));
    };
    const ways = {
      bridge: await open(DELAY_MS, `127.1.${turn}.1`),
      broker: await open(0, `127.1.${turn}.2`),
    };
    const [entry = 0, holder = 0, third = 0] = cluster.nodes.map((at) => (at + turn) % cluster.nodes.length);
    for (const at of [entry, third]) ways.bridge[at]?.refuse();
    ways.broker[holder]?.refuse();
    const daemon = (role: 'bridge' | 'broker', ...more: string[]): Promise<BeaconProcess> =>
      startBeacon(argsOf(files, role, ways[role], more));
    const [bridge, broker] = await Promise.all([
      daemon('bridge', '--vault-addr', `tcp://${LOOPBACK}:${store.port}`, '--log-level', 'debug'),
      daemon('broker', '--log-level', 'debug'),
    ]);
    const site = new Site(cluster, files, ways, { bridge, broker });
    await until(
      () => site.legs.some((path) => path.length === 2),
      20_000,
      () => `no first leg: ${site.tail}`,
    );
    const closed = crossing ? [ways.bridge[entry], ways.broker[holder]] : [];
    for (const way of closed) way?.close();
    await Promise.all([...ways.bridge, ...ways.broker].map((way) => way.admit()));
    return site;
  }

  /** Where clients connect. */
  get port(): number {
    return this.broker.port;
  }

  /** Paths of the legs there are: of those in the broker's log the latest, as many as their way carries connections. */
  get legs(): readonly Path[] {
    this.#readLog();
    return this.#paths.filter(([first], at) => {
      const later = this.#paths.slice(at + 1).filter((path) => path[0] === first).length;
      return later < (this.#wayTo(first)?.open ?? 0);
    });
  }

  /** Whether it has two legs that share no node. */
  get redundant(): boolean {
    const { legs } = this;
    return legs.some((one) => legs.some((other) => one.every((node) => !other.includes(node))));
  }

  /** The path that a transfer takes now; undefined: none runs. */
  get active(): Path | undefined {
    const sums = this.brokerWays.map((_, at) => this.#moved.reduce((sum, each) => sum + (each[at] ?? 0), 0));
    const most = Math.max(...sums);
    if (most < BULK_BYTES) return undefined;
    const entry = this.#cluster.nameOf(sums.indexOf(most));
    return this.legs.findLast(([first]) => first === entry);
  }

  /** Bytes on the broker's side of the relays. */
  get bytes(): number {
    return this.brokerWays.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The last lines of both logs, for whoever looks for a fault. */
  get tail(): string {
    const last = ({ lines }: BeaconProcess): string => lines.slice(-LINES).map(textOf).join('\n  ');
    return `ways ${this.brokerWays.map(({ port }) => port)} and ${this.bridgeWays.map(({ port }) => port)}\n broker\n  ${last(this.broker)}\n bridge\n  ${last(this.bridge)}`;
  }

  /** Resolves true when it has two legs, false when that takes too long. */
  async whole(patienceMs: number): Promise<boolean> {
    const end = systemClock.now() + patienceMs;
    while (!this.redundant) {
      if (systemClock.now() > end) return false;
      await sleep(systemClock, LOOK_MS);
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#timer.cancel();
    await Promise.all([this.bridge.kill(), this.broker.kill()]);
    for (const way of [...this.bridgeWays, ...this.brokerWays]) way.stop();
    await this.#files.remove();
  }

  #wayTo(name: string | undefined): DelayProxy | undefined {
    return this.brokerWays.find((_, node) => this.#cluster.nameOf(node) === name && this.#cluster.runs(node));
  }

  #look(): void {
    const now = this.brokerWays.map(({ bytes }) => bytes);
    this.#moved.push(now.map((bytes, at) => bytes - (this.#last[at] ?? bytes)));
    if (this.#moved.length > LOOKS) this.#moved.shift();
    this.#last = now;
  }

  #readLog(): void {
    const { lines } = this.broker;
    for (; this.#read < lines.length; this.#read += 1) {
      const { msg = '', path } = lines[this.#read] as LogLine;
      if (typeof path !== 'string') continue;
      const nodes = path.split(', ');
      if (/^a tunnel to (a|the) bridge is up/.test(msg)) this.#paths = [nodes];
      // One that the broker gives up by itself is not logged; a tunnel has four legs at the most.
      if (msg === 'a leg was attached') this.#paths = [...this.#paths, nodes].slice(-LEGS);
      if (msg.startsWith('a leg is gone')) this.#forget(path);
    }
  }

  #forget(path: string): void {
    const at = this.#paths.findIndex((nodes) => nodes.join(', ') === path);
    if (at >= 0) this.#paths.splice(at, 1);
  }
}

/** Waits for something that others bring about; rejects with `why` when it takes too long. */
export async function until(
  done: () => boolean,
  patienceMs: number,
  why: () => string = () => 'it took too long',
): Promise<void> {
  const end = systemClock.now() + patienceMs;
  while (!done()) {
    assert(systemClock.now() < end, why());
    await sleep(systemClock, LOOK_MS);
  }
}

/** A CA of bridges and brokers of its own, beside the relays' CA that all share. */
export function freshPki(): Pki {
  const { relay, relayCa } = makePki();
  return { ...makePki({ fresh: true }), relay, relayCa };
}

export function argsOf(
  files: PkiDirectory,
  role: 'bridge' | 'broker',
  ways: readonly DelayProxy[],
  more: readonly string[] = [],
): [DaemonName, ...string[]] {
  return files.clientArgs(
    role,
    ways.map(({ port }) => port),
    ...more,
  );
}

function textOf(line: LogLine): string {
  const { level, msg, time, ...rest } = line;
  return `${String(time).slice(17, 23)} ${msg} ${JSON.stringify(rest)}`;
}
