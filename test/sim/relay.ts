/** One relay of a run: a host on which processes come and go, each of them the product's {@link Relay} on a simulated edge. */
import type { InfoHash } from '../../src/base/info-hash.ts';
import { PARKS_PER_INFO_HASH, SPLICE_WINDOW_BYTES } from '../../src/base/limits.ts';
import { type ClusterSecret, parseClusterSecret } from '../../src/cluster/secret.ts';
import { ProofMemory } from '../../src/pki/proof-memory.ts';
import { MATCHER_LIMITS } from '../../src/relay/matcher-options.ts';
import { Relay } from '../../src/relay/relay.ts';
import type { Level } from '../scenario/history.ts';
import { SimEdge, SOURCES } from './edge.ts';
import type { Message } from './message.ts';
import type { SimNet } from './net.ts';
import type { Observer } from './observer.ts';
import { ProcessClock } from './process-clock.ts';
import { rareEvents, rareLog } from './rare.ts';
import type { Weather } from './weather.ts';
import type { World } from './world.ts';

/** A piece that was read may come on top of a window that was not quite full. */
const WINDOW_BYTES = SPLICE_WINDOW_BYTES + 65_536;
const DRAIN_TIMEOUT_MS = 10_000;
/** Brokers that wait in line are as many as there are connections. */
const WAITING = 65_536;
const SECRET: ClusterSecret = parseClusterSecret('the-secret-of-all-simulated-clusters', 'simulator');
/** One for all: what is kept there follows from the certificates alone. */
const MEMORY = new ProofMemory();

export interface SimRelayOptions {
  readonly world: World;
  readonly net: SimNet<Message>;
  readonly name: string;
  /** Names of all relays. */
  readonly relays: readonly string[];
  readonly observer: Observer;
  readonly weather: Weather;
  /** All that there are. */
  readonly infoHashes: readonly InfoHash[];
  /** Far fewer than the product has, so that brokers have to wait for one. */
  readonly slots: number;
}

export class SimRelay {
  readonly #options: SimRelayOptions;
  readonly #levels = new Map<Level, number>();
  /** The difference between the machine's clock and the true one stays when a process ends. */
  #wallOffset = 0;
  #process: Process | undefined;
  /** Faults that keep it down. */
  #down = 0;

  constructor(options: SimRelayOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** Nothing, while it is up or a fault keeps it down. */
  start(): void {
    if (this.#process || this.#down > 0) return;
    const { world } = this.#options;
    const clock = new ProcessClock(world, () => this.#turn());
    clock.jumpWall(this.#wallOffset);
    const process: Process = {
      clock,
      edge: this.#edge(clock),
      relay: undefined,
      incarnation: undefined,
      isPaused: false,
    };
    this.#process = process;
    process.relay = this.#relay(process);
    void process.relay.listen();
    this.#turn();
  }

  /** SIGKILL, until {@link release}. */
  kill(): void {
    this.#down += 1;
    if (this.#process) this.#end(this.#process);
  }

  /** A fault that ended it, or has it drain, is over: it starts again, as soon as its drain has ended. */
  release(): void {
    this.#down -= 1;
    this.start();
  }

  pause(): void {
    if (!this.#process) return;
    this.#process.isPaused = true;
    this.#process.clock.pause();
    this.#options.net.freeze(this.#options.name, true);
  }

  resume(): void {
    this.#options.net.freeze(this.#options.name, false);
    if (!this.#process) return;
    this.#process.isPaused = false;
    this.#process.clock.resume();
  }

  jumpWall(ms: number): void {
    this.#wallOffset += ms;
    this.#process?.clock.jumpWall(ms);
  }

  /** SIGTERM: it ends when its clients have gone, or after a while; until {@link release}. */
  drain(): void {
    this.#down += 1;
    this.#leave();
  }

  #leave(): void {
    const process = this.#process;
    if (process?.relay?.drainState !== 'serving') return;
    const { world, name } = this.#options;
    world.record({ what: 'draining', node: name });
    void process.relay
      .drain()
      .then(({ cut }) => {
        world.settle();
        if (cut > 0) world.reached('relay: a drain cut splices');
        return process.relay?.close();
      })
      .then(() => {
        if (this.#process !== process) return;
        this.#end(process);
        this.start();
      });
    this.#turn();
  }

  /** Stops without a word to clients, and says what is left of it. */
  async stopAndTell(): Promise<void> {
    const process = this.#process;
    if (!process?.relay) return;
    const { world, name: at } = this.#options;
    world.record({ what: 'held', of: 'slots', at, value: process.relay.slots.used, base: 0 });
    void process.relay.close();
    await world.runUntil(world.now + 3_000);
    const sockets = [...this.#options.net.links].filter(({ local }) => local === at).length;
    world.record({ what: 'held', of: 'sockets', at, value: sockets, base: 0 });
    world.record({ what: 'held', of: 'timers', at, value: process.clock.pending, base: 0 });
  }

  /** What it would tell a broker, into the history. A process that is paused tells nothing. */
  tellDirectory(): void {
    const { relay, isPaused, incarnation: own } = this.#process ?? {};
    const status = relay?.clusterStatus()?.directory;
    if (!relay || !status || isPaused || own === undefined) return;
    const { world, name: node, infoHashes } = this.#options;
    // What a node knew contradicted the one that it is about: a mistake in a program, whatever the network does.
    if (status.doubts > 0) world.reached('error: a directory was in doubt');
    const known = status.members.map((member): [string, number] => [member.node, member.incarnation]);
    const members = Object.fromEntries([...known, [node, own] as const].sort(byName));
    const holders: Record<string, readonly string[]> = {};
    for (const infoHash of infoHashes) {
      const nodes = [...relay.holders(infoHash)].sort();
      if (nodes.length > 0) holders[infoHash] = nodes;
    }
    world.record({ what: 'directory', node, members, holders });
  }

  #end(process: Process): void {
    const { world, net, name } = this.#options;
    this.#process = undefined;
    this.#wallOffset = process.clock.wallOffset;
    process.edge.ended();
    process.clock.stop();
    net.kill(name);
    const { incarnation } = process;
    if (incarnation !== undefined) world.record({ what: 'down', node: name, incarnation });
    for (const level of ['slots', 'waiting', 'window', 'parks'] as const) this.#level(level, 0, 0);
  }

  #edge(clock: ProcessClock): SimEdge {
    const { net, name: host, weather, observer } = this.#options;
    return new SimEdge({ net, host, clock, weather, observer, onTurn: (settles) => this.#turn(settles) });
  }

  #relay(process: Process): Relay {
    const { world, name, relays, slots } = this.#options;
    const { clock, edge } = process;
    const place = { host: '', port: 1 };
    return new Relay({
      ...place,
      credentials: { certPem: '', keyPem: '' },
      node: name,
      zone: '',
      policy: () => ({ allowUnproven: false, allowed: undefined, memory: MEMORY }),
      cluster: {
        peers: relays.map((each) => ({ name: each, host: each, port: 1 })),
        secret: SECRET,
        listen: place,
        forwardListen: place,
        advertise: undefined,
      },
      edge,
      limits: { ...MATCHER_LIMITS, slots },
      drainTimeoutMs: DRAIN_TIMEOUT_MS,
      clock,
      random: world.random,
      log: rareLog(world, (incarnation) => this.#onChosen(process, incarnation)),
      events: rareEvents(world),
      onSuperseded: () => {
        world.reached('relay: superseded');
        this.#leave();
      },
    });
  }

  /** Once, or where its members remember a younger one that is gone: as if another process had begun. */
  #onChosen(process: Process, incarnation: number): void {
    const { world, name: node } = this.#options;
    const before = process.incarnation;
    if (before !== undefined) {
      world.reached('directory: another incarnation was chosen');
      world.record({ what: 'down', node, incarnation: before });
    }
    process.incarnation = incarnation;
    world.record({ what: 'up', node, incarnation });
  }

  /** Something happens at it: its counts are looked at once that is over. */
  #turn(settles = true): void {
    this.#options.world.watch(this.#look);
    if (settles) this.#options.world.settle();
  }

  readonly #look = (): void => {
    const process = this.#process;
    const relay = process?.relay;
    if (!relay) return;
    const { world, infoHashes, slots } = this.#options;
    const { used, waiting } = relay.slots;
    if (waiting > 0) world.reached('relay: waits for a slot');
    this.#level('slots', used, slots);
    this.#level('waiting', waiting, WAITING);
    this.#level('parks', relay.parked, infoHashes.length * PARKS_PER_INFO_HASH);
    this.#level('rateEntries', relay.door.rate.size, SOURCES);
    this.#level('window', process.edge.mostWaiting, WINDOW_BYTES);
  };

  #level(of: Level, value: number, most: number): void {
    if ((this.#levels.get(of) ?? 0) === value) return;
    this.#levels.set(of, value);
    this.#options.world.record({ what: 'level', of, at: this.#options.name, value, most });
  }
}

interface Process {
  readonly clock: ProcessClock;
  readonly edge: SimEdge;
  relay: Relay | undefined;
  /** Until it is chosen, the others know nothing of the process. */
  incarnation: number | undefined;
  isPaused: boolean;
}

function byName([one]: readonly [string, number], [other]: readonly [string, number]): number {
  return one < other ? -1 : 1;
}
