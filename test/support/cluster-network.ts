/**
 * A cluster of directories on a network of messages, with a clock that moves only when told. Everything follows from
 * the seed. Messages take random times, so they arrive in any order; they can be lost, doubled, and swallowed one way
 * or both; connections can be closed; processes can be killed, and several can have one name.
 *
 * It stands in for the gossip shell and does what the shell must do: dial members that are not connected, flood gossip,
 * send heartbeats over connections of its own, and answer pulls.
 */
import assert from 'node:assert/strict';
import { Deadlines } from '../../src/base/deadlines.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import { Directory, type DirectoryOptions } from '../../src/cluster/directory/directory.ts';
import type { Effect } from '../../src/cluster/directory/effects.ts';

/** How the network treats each message. */
export interface Weather {
  readonly minLatencyMs: number;
  readonly maxLatencyMs: number;
  /** Probabilities. */
  readonly loss: number;
  readonly duplicate: number;
}

export const FAIR: Weather = { minLatencyMs: 1, maxLatencyMs: 5, loss: 0, duplicate: 0 };

/** What the wall clock showed when the network began. */
export const WALL_START = Date.UTC(2030, 0, 1);

const REDIAL_MS = 100;

export interface ClusterNetworkOptions {
  readonly random: Random;
  readonly weather?: Weather;
  /** Whether receivers pass gossip on, so that it reaches nodes without a connection to its origin. Default true. */
  readonly relay?: boolean;
  readonly limits?: NonNullable<DirectoryOptions['limits']>;
  /** Called for every effect, before it is carried out. */
  readonly onEffect?: (from: Process, effect: Effect) => void;
}

/** One start of a node. */
export class Process {
  readonly id: number;
  readonly name: string;
  readonly directory: Directory;
  alive = true;
  /** Messages that its directory was given. */
  readonly received = { gossip: 0, heartbeats: 0, pages: 0 };
  /** Effects that are no messages. */
  readonly events: Effect[] = [];
  readonly connections = new Set<Process>();
  readonly seen = new Set<number>();
  wakeAt: number | undefined;

  constructor(id: number, name: string, directory: Directory) {
    this.id = id;
    this.name = name;
    this.directory = directory;
  }

  /** Connections to processes of that name. */
  connectionsTo(name: string): Process[] {
    return [...this.connections].filter((peer) => peer.name === name);
  }
}

export class ClusterNetwork {
  weather: Weather;
  readonly #options: ClusterNetworkOptions;
  readonly #processes: Process[] = [];
  readonly #agenda = new Deadlines<number>();
  readonly #actions = new Map<number, () => void>();
  /** `from>to` by name: messages that way vanish. */
  readonly #swallowed = new Set<string>();
  #now = 0;
  #lastAction = 0;
  #lastGossip = 0;

  constructor(options: ClusterNetworkOptions) {
    this.#options = options;
    this.weather = options.weather ?? FAIR;
    this.after(REDIAL_MS, () => this.#dial());
  }

  get now(): number {
    return this.#now;
  }

  /** Processes that run. */
  get alive(): Process[] {
    return this.#processes.filter((process) => process.alive);
  }

  /** The newest process of that name. */
  process(name: string): Process {
    const process = this.#processes.findLast((each) => each.name === name);
    assert(process, `no process has the name ${name}`);
    return process;
  }

  /** Starts a process, beside any that has the same name. `wallOffsetMs`: how wrong its wall clock is. */
  start(name: string, options: { readonly zone?: string; readonly wallOffsetMs?: number } = {}): Process {
    const directory = new Directory({
      node: name,
      zone: options.zone ?? '',
      forward: `${name}:7443`,
      software: 'beacon test',
      wallMs: WALL_START + this.#now + (options.wallOffsetMs ?? 0),
      ...(this.#options.limits && { limits: this.#options.limits }),
    });
    const process = new Process(this.#processes.length, name, directory);
    this.#processes.push(process);
    return process;
  }

  /** SIGKILL: the kernel closes its connections. */
  kill(process: Process): void {
    process.alive = false;
    for (const peer of [...process.connections]) this.disconnect(process, peer);
  }

  disconnect(a: Process, b: Process): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.connections.delete(to);
      if (!from.alive || from.connectionsTo(to.name).length > 0) continue;
      this.input(from, (directory) => directory.onDisconnected(to.name, this.#now));
    }
  }

  /** Messages from nodes of `from` to nodes of `to` vanish; connections stay open. */
  swallow(from: readonly string[], to: readonly string[]): void {
    for (const a of from) for (const b of to) this.#swallowed.add(`${a}>${b}`);
  }

  /** Splits the nodes of `side` from all others. `closed`: connections end, else messages only vanish. */
  partition(side: readonly string[], closed: boolean): void {
    const others = this.alive.map((process) => process.name).filter((name) => !side.includes(name));
    this.swallow(side, others);
    this.swallow(others, side);
    if (!closed) return;
    for (const process of this.alive.filter((each) => side.includes(each.name))) {
      for (const peer of [...process.connections]) {
        if (others.includes(peer.name)) this.disconnect(process, peer);
      }
    }
  }

  /** Nothing is swallowed any more. */
  heal(): void {
    this.#swallowed.clear();
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#agenda.next();
      if (next === undefined || next > end) break;
      const id = this.#agenda.due(next) as number;
      this.#now = next;
      const action = this.#actions.get(id);
      this.#actions.delete(id);
      action?.();
    }
    this.#now = end;
  }

  /** Lets time pass until `done`, looking every millisecond; returns how long it took, at most `limitMs`. */
  runUntil(done: () => boolean, limitMs: number): number {
    const start = this.#now;
    while (!done() && this.#now - start < limitMs) this.run(1);
    return this.#now - start;
  }

  after(ms: number, action: () => void): void {
    this.#lastAction += 1;
    this.#actions.set(this.#lastAction, action);
    this.#agenda.set(this.#lastAction, this.#now + ms);
  }

  /** Gives a process an input and carries out what it asks for. Direct calls of its directory need this around them. */
  input(process: Process, act: (directory: Directory) => readonly Effect[]): void {
    if (!process.alive) return;
    for (const effect of act(process.directory)) {
      this.#options.onEffect?.(process, effect);
      this.#carryOut(process, effect);
    }
    this.#wake(process);
  }

  /** As {@link input}, for what has no effects at once. */
  change(process: Process, act: (directory: Directory) => void): void {
    this.input(process, (directory) => {
      act(directory);
      return [];
    });
  }

  /**
   * Where the directories part from the truth: each process must know exactly the others that run, and of each
   * exactly what that one says it holds. Empty when all agree.
   */
  disagreements(): string[] {
    return [...this.#compare()];
  }

  agree(): boolean {
    return this.#compare().next().done === true;
  }

  *#compare(): Generator<string> {
    const facts = new Map(this.alive.map((process) => [process.name, entries(process, process.name)]));
    for (const observer of this.alive) {
      const members = observer.directory.snapshot(this.#now).members.map((member) => member.node);
      const others = [...facts.keys()].filter((name) => name !== observer.name);
      if (list(members) !== list(others))
        yield `${observer.name} knows ${list(members)}, not ${list(others)}`;
      for (const name of others) {
        if (entries(observer, name) !== facts.get(name)) yield `${observer.name} is wrong about ${name}`;
      }
    }
  }

  /** Sees to it that the process ticks when its next deadline is due. */
  #wake(process: Process): void {
    const at = process.directory.nextDeadline();
    if (at === undefined || (process.wakeAt !== undefined && process.wakeAt <= at)) return;
    process.wakeAt = at;
    this.after(Math.max(0, at - this.#now), () => {
      if (process.wakeAt !== at) return;
      process.wakeAt = undefined;
      const due = process.directory.nextDeadline();
      if (due !== undefined && due > this.#now) return this.#wake(process);
      this.input(process, (directory) => directory.tick(this.#now));
      const next = process.directory.nextDeadline();
      assert(!process.alive || next === undefined || next > this.#now, 'a deadline outlived its tick');
    });
  }

  #carryOut(from: Process, effect: Effect): void {
    switch (effect.do) {
      case 'gossip':
        this.#lastGossip += 1;
        from.seen.add(this.#lastGossip);
        return this.#flood(from, from.name, this.#lastGossip, effect.bytes);
      case 'heartbeat':
        for (const to of from.connectionsTo(effect.to)) {
          this.#send(from, to, () => {
            to.received.heartbeats += 1;
            this.input(to, (directory) => directory.onHeartbeat(from.name, effect.bytes, this.#now));
          });
        }
        return;
      case 'pull':
        return this.#pull(from, effect.from, effect.request);
      default:
        from.events.push(effect);
    }
  }

  #flood(via: Process, origin: string, id: number, bytes: Uint8Array): void {
    for (const to of via.connections) {
      if (to.name === origin) continue;
      this.#send(
        via,
        to,
        () => {
          const first = !to.seen.has(id);
          to.seen.add(id);
          to.received.gossip += 1;
          this.input(to, (directory) => directory.onGossip(origin, bytes, this.#now));
          if (first && this.#options.relay !== false) this.#flood(to, origin, id, bytes);
        },
        () => to.seen.has(id),
      );
    }
  }

  #pull(from: Process, name: string, request: Uint8Array): void {
    const peers = from.connectionsTo(name);
    const to = peers[integerBelow(this.#options.random, Math.max(1, peers.length))];
    if (!to) return this.after(1, () => this.#pullFailed(from, name));
    this.#send(from, to, () => {
      const page = to.directory.onPullRequest(from.name, request);
      if (!page) return this.#pullFailed(from, name);
      this.#send(to, from, () => {
        from.received.pages += 1;
        this.input(from, (directory) => directory.onPullPage(name, page, this.#now));
      });
    });
  }

  #pullFailed(process: Process, name: string): void {
    this.input(process, (directory) => directory.onPullFailed(name, this.#now));
  }

  /** `known`: a copy that gossip has brought already arrives only where the weather doubles it, as libp2p sees to. */
  #send(from: Process, to: Process, arrive: () => void, known: () => boolean = () => false): void {
    const { random } = this.#options;
    const { loss, duplicate, minLatencyMs, maxLatencyMs } = this.weather;
    const deliver = (doubled: boolean): void =>
      this.after(minLatencyMs + random.fraction() * (maxLatencyMs - minLatencyMs), () => {
        const open = from.connections.has(to) || doubled;
        const through = !this.#swallowed.has(`${from.name}>${to.name}`) && to.alive;
        if (open && through && (doubled || !known())) arrive();
      });
    if (random.fraction() >= loss) deliver(false);
    if (random.fraction() < duplicate) deliver(true);
  }

  /** The membership loop of every shell: dial whom we can reach both ways. */
  #dial(): void {
    const alive = this.alive;
    for (const a of alive) {
      for (const b of alive) {
        if (a.id >= b.id || a.name === b.name || a.connections.has(b)) continue;
        if (this.#swallowed.has(`${a.name}>${b.name}`) || this.#swallowed.has(`${b.name}>${a.name}`))
          continue;
        this.#connect(a, b);
      }
    }
    this.after(REDIAL_MS, () => this.#dial());
  }

  #connect(a: Process, b: Process): void {
    a.connections.add(b);
    b.connections.add(a);
    this.input(a, (directory) => directory.onConnected(b.name, this.#now));
    this.input(b, (directory) => directory.onConnected(a.name, this.#now));
  }
}

function list(names: readonly string[]): string {
  return [...names].sort().join(' ');
}

/** All that `observer` believes about `name`, as text. */
function entries(observer: Process, name: string): string {
  const all = [...observer.directory.held(name)].map(
    ([hash, instances]) => `${hash}:${[...instances].sort()}`,
  );
  return all.sort().join('\n');
}
