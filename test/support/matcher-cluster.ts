/**
 * Several matchers joined by forwards that arrive in any order: a model of the cluster as far as pairing and slots go.
 * Adverts are the truth or a moment behind it; every message waits for a random time. One seed decides everything.
 */
import { ok, strictEqual } from 'node:assert/strict';
import type { InfoHash } from '../../src/base/info-hash.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { Holder } from '../../src/cluster/directory/effects.ts';
import type { ConnectRequest } from '../../src/relay/broker.ts';
import type { Effect } from '../../src/relay/effects.ts';
import type { ConnectionId, Park } from '../../src/relay/lot.ts';
import { Matcher } from '../../src/relay/matcher.ts';
import { seededRandom } from './seeded-random.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Slots of each node. */
  readonly slots: number;
  /** Milliseconds that a message or an advert may take. */
  readonly delayMs: number;
}

interface Message {
  readonly at: number;
  readonly run: () => void;
}

interface Node {
  readonly name: string;
  readonly matcher: Matcher;
  /** Forwards that came in: own number -> where from. */
  readonly incoming: Map<ConnectionId, { readonly origin: Node; readonly broker: ConnectionId }>;
  /** Forwards that went out: broker -> holder and the number there. */
  readonly outgoing: Map<ConnectionId, { readonly holder: Node; readonly id: ConnectionId }>;
  readonly watched: Set<InfoHash>;
  /** What the others know of this node. */
  adverts: Park[];
}

export class MatcherCluster {
  now = 0;
  readonly paired = new Map<ConnectionId, { bridge: string; path: readonly string[] }>();
  readonly refused = new Map<ConnectionId, string>();
  /** Ends the splice of a broker. */
  readonly #splices = new Map<ConnectionId, () => void>();
  readonly #random: Random;
  readonly #options: ClusterOptions;
  readonly #nodes: Node[];
  /** What each broker asked for, to be sent on. */
  readonly #requests = new Map<ConnectionId, Omit<ConnectRequest, 'avoid'>>();
  /** Where a broker's bridge is, and how the splice there ends. */
  readonly #joins = new Map<ConnectionId, { readonly node: Node; readonly end: () => void }>();
  #messages: Message[] = [];
  #lastId = 0;
  /** Bridges accept unless this says otherwise. */
  acceptChance = 1;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#nodes = Array.from({ length: options.nodes }, (_, index) => this.#newNode(`node-${index}`));
  }

  park(node: number, infoHash: InfoHash, instance: string): void {
    const at = this.#node(node);
    this.#apply(at, at.matcher.park({ connection: this.#id(), infoHash, instance }, this.now));
  }

  connect(
    node: number,
    infoHash: InfoHash,
    choice: { wanted?: string; avoid?: readonly string[] } = {},
  ): ConnectionId {
    const at = this.#node(node);
    const connection = this.#id();
    const request = { connection, infoHash, wanted: choice.wanted, except: [], avoid: choice.avoid ?? [] };
    this.#requests.set(connection, request);
    this.#apply(at, at.matcher.connect(request, this.now));
    return connection;
  }

  /** The client of a broker goes away, wherever it is. */
  leave(node: number, broker: ConnectionId): void {
    const at = this.#node(node);
    this.#apply(at, at.matcher.left(broker, this.now));
  }

  /** Ends the splice of one that was paired. */
  end(broker: ConnectionId): void {
    this.#splices.get(broker)?.();
    this.#splices.delete(broker);
  }

  get splices(): readonly ConnectionId[] {
    return [...this.#splices.keys()];
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const message = this.#messages.reduce<Message | undefined>(
        (a, b) => (a && a.at <= b.at ? a : b),
        undefined,
      );
      const ticks = this.#nodes.map((node) => ({
        node,
        at: node.matcher.nextDeadline() ?? Number.POSITIVE_INFINITY,
      }));
      const tick = ticks.reduce((a, b) => (a.at <= b.at ? a : b));
      const at = Math.min(message?.at ?? Number.POSITIVE_INFINITY, tick.at);
      if (at > until) break;
      this.now = Math.max(this.now, at);
      if (message && message.at <= tick.at) {
        this.#messages = this.#messages.filter((other) => other !== message);
        message.run();
      } else {
        this.#apply(tick.node, tick.node.matcher.tick(this.now));
      }
      this.#check();
    }
    this.now = until;
  }

  /** Nothing is held, and nobody is left over. */
  checkEmpty(): void {
    for (const { name, matcher, incoming, outgoing } of this.#nodes) {
      const left = [matcher.slots.used, matcher.slots.waiting, matcher.waiting, incoming.size, outgoing.size];
      strictEqual(left.join(), '0,0,0,0,0', `${name} holds slots, a line, brokers or forwards`);
    }
  }

  /** Slots are never over their number, and each splice holds one on every node that it crosses. */
  #check(): void {
    for (const { name, matcher } of this.#nodes) {
      ok(
        matcher.slots.used >= 0 && matcher.slots.used <= this.#options.slots,
        `${name} uses ${matcher.slots.used}`,
      );
      const crossing = [...this.#splices.keys()].filter((broker) =>
        this.paired.get(broker)?.path.includes(name),
      );
      ok(
        matcher.slots.used >= crossing.length,
        `${name}: ${crossing.length} splices on ${matcher.slots.used} slots`,
      );
    }
  }

  #newNode(name: string): Node {
    const matcher = new Matcher({
      node: name,
      zone: '',
      slots: this.#options.slots,
      brokerWaitMs: 10_000,
      acceptTimeoutMs: 2_000,
      pingIntervalMs: 1e12,
      pongTimeoutMs: 5_000,
      holderTries: 3,
      declinedPauseMs: 50,
      holders: (infoHash) => this.#holders(name, infoHash),
      newPairId: () => this.#random.bytes(8).toString('hex'),
      random: this.#random,
    });
    return { name, matcher, incoming: new Map(), outgoing: new Map(), watched: new Set(), adverts: [] };
  }

  #holders(asker: string, infoHash: InfoHash): Holder[] {
    return this.#nodes.flatMap(({ name, adverts }) => {
      const instances = adverts.filter((park) => park.infoHash === infoHash).map(({ instance }) => instance);
      if (name === asker || instances.length === 0) return [];
      return [
        { node: name, incarnation: 1, zone: '', load: 0, forward: '', instances: [...new Set(instances)] },
      ];
    });
  }

  #apply(node: Node, effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(node, effect);
  }

  #carryOut(node: Node, effect: Effect): void {
    switch (effect.do) {
      case 'parked':
        return this.#later(() => this.#advertise(node, [...node.adverts, effect.park]));
      case 'unparked':
        return this.#later(() =>
          this.#advertise(
            node,
            node.adverts.filter((park) => park !== effect.park),
          ),
        );
      case 'watch':
        return void node.watched.add(effect.infoHash);
      case 'unwatch':
        return void node.watched.delete(effect.infoHash);
      case 'offer':
        if (this.#random.fraction() >= this.acceptChance) return;
        return this.#later(() => this.#apply(node, node.matcher.accept(effect.bridge, effect.pairId)));
      case 'pair':
        return this.#pair(node, effect.broker, effect.bridgeInstance);
      case 'refuse':
        return void this.refused.set(effect.connection, effect.code);
      case 'waiting':
      case 'ping':
      case 'drop':
        return;
      default:
        return this.#carryForward(node, effect);
    }
  }

  #carryForward(
    node: Node,
    effect: Extract<
      Effect,
      { do: 'forward' | 'answer' | 'join' | 'cancel' | 'queued' | 'ready' | 'notHere' }
    >,
  ): void {
    switch (effect.do) {
      case 'forward':
        return this.#forward(node, effect);
      case 'queued':
        return this.#toOrigin(node, effect.forward, (origin, broker) =>
          origin.matcher.forwardQueued(broker, this.now),
        );
      case 'ready':
        return this.#toOrigin(node, effect.forward, (origin, broker) =>
          origin.matcher.forwardReady(broker, this.now),
        );
      case 'notHere':
        return this.#toOrigin(node, effect.forward, (origin, broker) => {
          origin.outgoing.delete(broker);
          node.incoming.delete(effect.forward);
          return origin.matcher.forwardFailed(broker, true, this.now);
        });
      case 'answer': {
        const out = node.outgoing.get(effect.broker);
        if (!out) return;
        const { holder, id } = out;
        if (!effect.yes) {
          node.outgoing.delete(effect.broker);
          this.#later(() => holder.incoming.delete(id));
        }
        return this.#later(() => this.#apply(holder, holder.matcher.answered(id, effect.yes, this.now)));
      }
      case 'cancel': {
        const out = node.outgoing.get(effect.broker);
        node.outgoing.delete(effect.broker);
        if (!out) return;
        return this.#later(() => {
          out.holder.incoming.delete(out.id);
          this.#apply(out.holder, out.holder.matcher.left(out.id, this.now));
        });
      }
      case 'join':
        return this.#joined(node, effect.broker, effect.bridgeInstance);
    }
  }

  #forward(node: Node, { broker, holder: to, pairId }: Extract<Effect, { do: 'forward' }>): void {
    const holder = this.#nodes.find(({ name }) => name === to.node);
    const request = this.#requests.get(broker);
    ok(holder && request);
    const id = this.#id();
    node.outgoing.set(broker, { holder, id });
    this.#later(() => {
      if (node.outgoing.get(broker)?.id !== id) return;
      holder.incoming.set(id, { origin: node, broker });
      this.#apply(holder, holder.matcher.forwarded({ ...request, connection: id }, pairId, this.now));
    });
  }
  #toOrigin(node: Node, id: ConnectionId, tell: (origin: Node, broker: ConnectionId) => Effect[]): void {
    this.#later(() => {
      const came = node.incoming.get(id);
      if (!came || came.origin.outgoing.get(came.broker)?.id !== id) return;
      this.#apply(came.origin, tell(came.origin, came.broker));
    });
  }

  #pair(node: Node, broker: ConnectionId, bridge: string): void {
    const came = node.incoming.get(broker);
    const end = (): void => this.#apply(node, node.matcher.spliceEnded(this.now));
    if (!came) {
      this.paired.set(broker, { bridge, path: [node.name] });
      this.#splices.set(broker, end);
      return;
    }
    const { origin } = came;
    this.#later(() => {
      node.incoming.delete(broker);
      if (origin.outgoing.get(came.broker)?.id !== broker) return end();
      this.#joins.set(came.broker, { node, end });
      this.#apply(origin, origin.matcher.forwardJoined(came.broker, bridge));
    });
  }
  #joined(node: Node, broker: ConnectionId, bridge: string): void {
    const join = this.#joins.get(broker);
    ok(join, 'joined by nobody');
    node.outgoing.delete(broker);
    this.paired.set(broker, { bridge, path: [node.name, join.node.name] });
    this.#splices.set(broker, () => {
      this.#apply(node, node.matcher.spliceEnded(this.now));
      this.#later(join.end);
    });
  }

  #advertise(node: Node, adverts: Park[]): void {
    node.adverts = adverts;
    for (const other of this.#nodes) {
      for (const infoHash of other === node ? [] : other.watched) {
        if (!adverts.some((park) => park.infoHash === infoHash)) continue;
        this.#apply(other, other.matcher.appeared(infoHash, this.now));
      }
    }
  }

  #later(run: () => void): void {
    this.#messages.push({ at: this.now + this.#random.fraction() * this.#options.delayMs, run });
  }

  #node(index: number): Node {
    const node = this.#nodes[index];
    ok(node);
    return node;
  }

  #id(): ConnectionId {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** For scenarios. */
  pick(below: number): number {
    return integerBelow(this.#random, below);
  }
}
