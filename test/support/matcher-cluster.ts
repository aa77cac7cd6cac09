/**
 * Several matchers joined by forwards: a model of the cluster as far as pairing and slots go. Every message waits for a
 * random time, and is lost where a test says so. One seed decides everything. After every step it holds what must always
 * hold against what is.
 */
import { ok, strictEqual } from 'node:assert/strict';
import type { InfoHash } from '../../src/base/info-hash.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { ConnectRequest } from '../../src/relay/broker.ts';
import { type ConnectionId, fits, type Park } from '../../src/relay/lot.ts';
import { ModelNode, type World } from './matcher-node.ts';
import { seededRandom } from './seeded-random.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Slots of each node. */
  readonly slots: number;
  /** Milliseconds that a message or an advert may take. */
  readonly delayMs: number;
}

export interface Pairing {
  /** Instance of the bridge. */
  readonly bridge: string;
  readonly path: readonly string[];
}

interface Step {
  readonly at: number;
  readonly run: () => void;
}

interface Broker {
  readonly node: ModelNode;
  readonly request: ConnectRequest;
}

export class MatcherCluster implements World {
  now = 0;
  readonly random: Random;
  readonly slots: number;
  readonly nodes: readonly ModelNode[];
  readonly paired = new Map<ConnectionId, Pairing>();
  readonly refused = new Map<ConnectionId, string>();
  /** Share of offers that are accepted, and of messages between nodes that are lost. */
  acceptChance = 1;
  lossChance = 0;
  readonly #delayMs: number;
  /** Every broker that came; those that are gone included. */
  readonly #brokers = new Map<ConnectionId, Broker>();
  readonly #left = new Set<ConnectionId>();
  /** Ends the splice of a broker. */
  readonly #splices = new Map<ConnectionId, () => void>();
  readonly #cut = new Set<ModelNode>();
  #steps: Step[] = [];
  #lastId = 0;

  constructor(options: ClusterOptions) {
    this.random = seededRandom(options.seed);
    this.slots = options.slots;
    this.#delayMs = options.delayMs;
    this.nodes = Array.from({ length: options.nodes }, (_, index) => new ModelNode(`node-${index}`, this));
  }

  park(node: number, infoHash: InfoHash, instance: string): ConnectionId {
    const connection = this.newId();
    this.#node(node).park({ connection, infoHash, instance });
    return connection;
  }

  connect(
    node: number,
    infoHash: InfoHash,
    { wanted, avoid = [] }: { wanted?: string | undefined; avoid?: readonly string[] } = {},
  ): ConnectionId {
    const at = this.#node(node);
    const connection = this.newId();
    const request = { connection, infoHash, wanted, except: [], avoid };
    this.#brokers.set(connection, { node: at, request });
    at.apply(at.matcher.connect(request, this.now));
    return connection;
  }

  /** The client of a broker or bridge goes away, wherever it is. */
  leave(node: number, connection: ConnectionId): void {
    this.#left.add(connection);
    this.#node(node).left(connection);
  }

  /** Ends the splice of one that was paired. */
  end(broker: ConnectionId): void {
    this.#splices.get(broker)?.();
    this.#splices.delete(broker);
  }

  get splices(): readonly ConnectionId[] {
    return [...this.#splices.keys()];
  }

  /** Brokers that are neither paired, nor refused, nor gone. */
  get waiting(): readonly ConnectionId[] {
    return [...this.#brokers.keys()].filter(
      (broker) => !this.paired.has(broker) && !this.refused.has(broker) && !this.#left.has(broker),
    );
  }

  /** Where a broker connected. */
  nodeOf(broker: ConnectionId): number {
    const node = this.#brokers.get(broker)?.node;
    ok(node);
    return this.nodes.indexOf(node);
  }

  /** Whatever is sent from or to that node is lost, or is so no longer. What the others know of it stays as it is. */
  setReachable(node: number, reachable: boolean): void {
    if (reachable) this.#cut.delete(this.#node(node));
    else this.#cut.add(this.#node(node));
  }

  /** What the others know of that node stays as it is, until {@link speak}. */
  hush(node: number): void {
    this.#node(node).hush();
  }

  speak(node: number): void {
    this.#node(node).speak();
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const step = this.#steps.reduce<Step | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined);
      const ticks = this.nodes.map((node) => ({ node, at: node.matcher.nextDeadline() ?? Infinity }));
      const tick = ticks.reduce((a, b) => (a.at <= b.at ? a : b));
      const at = Math.min(step?.at ?? Infinity, tick.at);
      if (at > until) break;
      this.now = Math.max(this.now, at);
      if (step && step.at <= tick.at) {
        this.#steps = this.#steps.filter((other) => other !== step);
        step.run();
      } else {
        tick.node.apply(tick.node.matcher.tick(this.now));
        const next = tick.node.matcher.nextDeadline();
        ok(next === undefined || next > this.now, 'a deadline was left behind');
      }
      this.#check();
    }
    this.now = until;
  }

  /** Nothing is held, and nobody is left over. */
  checkEmpty(): void {
    for (const { name, matcher, forwards, splices } of this.nodes) {
      const left = [matcher.slots.used, matcher.slots.waiting, matcher.waiting, forwards, splices];
      strictEqual(left.join(), '0,0,0,0,0', `${name} holds slots, a line, brokers, forwards or splices`);
    }
  }

  // ---- the world of the nodes

  newId(): ConnectionId {
    this.#lastId += 1;
    return this.#lastId;
  }

  later(run: () => void, notBefore = 0): number {
    const at = Math.max(notBefore, this.now + this.random.fraction() * this.#delayMs);
    this.#steps.push({ at, run });
    return at;
  }

  after(ms: number, run: () => void): void {
    this.#steps.push({ at: this.now + ms, run });
  }

  loses(one: ModelNode, other: ModelNode): boolean {
    return this.#cut.has(one) || this.#cut.has(other) || this.random.fraction() < this.lossChance;
  }

  accepts(): boolean {
    return this.random.fraction() < this.acceptChance;
  }

  onPaired(broker: ConnectionId, park: Park, path: readonly string[], end: () => void): void {
    const request = this.#brokers.get(broker)?.request;
    ok(request && !this.paired.has(broker), 'paired twice');
    ok(!this.refused.has(broker) && !this.#left.has(broker), 'paired one that is gone');
    strictEqual(park.infoHash, request.infoHash, 'paired across info_hashes');
    ok(fits(park.instance, request), 'paired with a bridge that the broker does not take');
    ok(!path.some((node) => request.avoid.includes(node)), 'the path crosses a node to avoid');
    this.paired.set(broker, { bridge: park.instance, path });
    this.#splices.set(broker, end);
  }

  onRefused(broker: ConnectionId, code: string): void {
    ok(!this.paired.has(broker) && !this.refused.has(broker), 'refused one that is gone');
    this.refused.set(broker, code);
  }

  /** For scenarios. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[integerBelow(this.random, Math.max(1, items.length))];
  }

  /** Slots are never over their number, and each splice holds one on every node that it crosses. */
  #check(): void {
    for (const { name, matcher, splices } of this.nodes) {
      const { used } = matcher.slots;
      ok(used >= 0 && used <= this.slots, `${name} uses ${used} slots of ${this.slots}`);
      ok(used >= splices, `${name}: ${splices} splices on ${used} slots`);
    }
  }

  #node(index: number): ModelNode {
    const node = this.nodes[index];
    ok(node);
    return node;
  }
}
