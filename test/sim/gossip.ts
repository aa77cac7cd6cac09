/**
 * What libp2p does for the cluster, on the simulated network: a connection to each expected member, entries that reach all,
 * heartbeats, pulls. Whom to dial and whom to admit is the product's {@link Membership}, what is too much its
 * {@link EntryRate}, when a connection is dead its {@link Watch}; only what is tied to libp2p itself is done again here.
 */
import type { Timer } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';
import {
  CLUSTER_DIAL_TICK_MS,
  CLUSTER_DIAL_TIMEOUT_MS,
  CLUSTER_LOOK_MS,
  CLUSTER_TIE_WAIT_MS,
  GOSSIP_FLOOD_PAUSE_MS,
  PULL_TIMEOUT_MS,
} from '../../src/base/limits.ts';
import type { GossipOptions, GossipPort } from '../../src/cluster/gossip.ts';
import { type GossipCounters, GossipCounts } from '../../src/cluster/gossip-counters.ts';
import type { CloseReason } from '../../src/cluster/links.ts';
import { type MemberStatus, Membership } from '../../src/cluster/membership.ts';
import { EntryRate } from '../../src/cluster/rate.ts';
import { Watch } from '../../src/cluster/watch.ts';
import type { GossipMessage, Message } from './message.ts';
import type { SimLink, SimNet } from './net.ts';
import type { Weather } from './weather.ts';

const PORT = 'gossip';

interface Peer {
  readonly id: string;
  readonly name: string;
  readonly link: SimLink<Message>;
  readonly watch: Watch;
  heard: boolean;
  ready: boolean;
}

interface Pull {
  readonly timer: Timer;
  readonly peer: Peer;
  readonly resolve: (page: Uint8Array) => void;
  readonly reject: (error: BeaconError) => void;
}

export interface SimGossipPlace {
  readonly net: SimNet<Message>;
  /** The host, which has the name of the node. */
  readonly host: string;
  /** IP address of a host. */
  readonly addressOf: (host: string) => string;
  readonly weather: Weather;
}

export class SimGossip implements GossipPort {
  readonly #options: GossipOptions;
  readonly #place: SimGossipPlace;
  readonly #membership: Membership;
  readonly #rate = new EntryRate();
  readonly #counts = new GossipCounts();
  readonly #peers = new Map<string, Peer>();
  /** Entries that came already, by any way. */
  readonly #seen = new Set<number>();
  readonly #pulls = new Map<number, Pull>();
  /** Inbound connections that wait for our own dial of the same member. */
  readonly #ties = new Map<string, () => void>();
  readonly #dials = new Set<string>();
  #looking: Timer | undefined;
  #dialling: Timer | undefined;
  #lastId = 0;
  #running = false;

  constructor(options: GossipOptions, place: SimGossipPlace) {
    this.#options = options;
    this.#place = place;
    const names = options.members.map(({ name }) => name);
    this.#membership = new Membership(options.nodeName, names, options.random, options.clock.now());
  }

  start(): Promise<{ address: string; port: number }> {
    const { clock, listen } = this.#options;
    const { net, host } = this.#place;
    this.#running = true;
    net.listen(host, (link) => this.#onInbound(link), PORT);
    this.#looking = clock.every(CLUSTER_LOOK_MS, () => this.#look());
    this.#dialOn();
    return Promise.resolve({ address: listen.host, port: listen.port });
  }

  stop(): Promise<void> {
    this.#running = false;
    this.#looking?.cancel();
    this.#dialling?.cancel();
    for (const id of [...this.#pulls.keys()]) this.#pullFailed(id, 'closed');
    this.#place.net.unlisten(this.#place.host, PORT);
    for (const { link } of this.#peers.values()) link.reset();
    this.#peers.clear();
    return Promise.resolve();
  }

  publish(bytes: Uint8Array): Promise<void> {
    const { net, host } = this.#place;
    const id = net.world.nextNumber();
    this.#seen.add(id);
    this.#counts.add('entriesSent');
    this.#flood({ entry: bytes, origin: host, id }, undefined);
    return Promise.resolve();
  }

  heartbeat(to: string, bytes: Uint8Array): void {
    for (const peer of this.#connectionsTo(to)) {
      this.#counts.add('heartbeatsSent');
      this.#send(peer, { heartbeat: bytes });
    }
  }

  pull(from: string, request: Uint8Array): Promise<Uint8Array> {
    const peer = this.#connectionsTo(from).at(-1);
    if (!peer) return Promise.reject(new BeaconError('unreachable', `node ${from} is not connected`));
    this.#counts.add('pullsMade');
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const timer = this.#options.clock.after(PULL_TIMEOUT_MS, () => this.#pullFailed(id, 'timeout'));
    this.#pulls.set(id, { peer, timer, resolve, reject });
    peer.link.send({ pull: request, id });
    return promise;
  }

  members(): readonly MemberStatus[] {
    return this.#membership.status();
  }

  counters(): GossipCounters {
    return this.#counts.read(this.#membership.status());
  }

  // ---- connections

  /** While there is a connection to everybody nobody is due, and no time is spent on asking. */
  #dialOn(): void {
    if (!this.#running || this.#dialling) return;
    this.#dialling = this.#options.clock.every(CLUSTER_DIAL_TICK_MS, () => this.#dialDue());
  }

  #dialDue(): void {
    const names = new Set([...this.#peers.values()].map(({ name }) => name));
    if (names.size + 1 >= this.#options.members.length) {
      this.#dialling?.cancel();
      this.#dialling = undefined;
      return;
    }
    const { clock } = this.#options;
    const { net, host } = this.#place;
    for (const name of this.#membership.due(clock.now())) {
      this.#dials.add(name);
      net.dial(host, name, CLUSTER_DIAL_TIMEOUT_MS, (link) => this.#dialled(name, link), PORT);
    }
  }

  #dialled(name: string, link: SimLink<Message> | undefined): void {
    const { clock } = this.#options;
    if (!this.#running) return link?.reset();
    const wanted = this.#dials.delete(name);
    if (link && !link.over && wanted) {
      const peer = this.#open(name, link);
      link.send({ name: this.#place.host });
      this.#follow(peer, this.#membership.opened(name, peer.id, 'outbound', clock.now()).close);
    } else link?.reset();
    this.#dialEnded(name, link !== undefined);
  }

  #dialEnded(name: string, opened: boolean): void {
    this.#membership.dialEnded(name, opened ? 'opened' : 'failed', this.#options.clock.now());
    const tie = this.#ties.get(name);
    this.#ties.delete(name);
    tie?.();
  }

  /** The other side says who it is, as Noise would have proved it. */
  #onInbound(link: SimLink<Message>): void {
    const proved = this.#options.door?.(this.#place.addressOf(link.remote));
    if (this.#options.door && !proved) return this.#refuse(link, 'door');
    link.handle({
      onEnd: () => {},
      onMessage: (message) => {
        if (!('name' in message)) return;
        proved?.();
        this.#judge(message.name, link, true);
      },
    });
  }

  #judge(name: string, link: SimLink<Message>, mayWait: boolean): void {
    const { clock } = this.#options;
    if (!this.#running || link.over) return;
    const judgement = this.#membership.judge(name, clock.now());
    if (judgement === 'wait' && mayWait) {
      this.#place.net.world.reached('gossip: both dialled');
      this.#ties.set(name, () => this.#judge(name, link, false));
      clock.after(CLUSTER_TIE_WAIT_MS, () => {
        if (this.#dials.delete(name)) this.#dialEnded(name, false);
      });
    } else if (judgement === 'admit') this.#admit(name, link);
    else this.#refuse(link, 'tie');
  }

  #admit(name: string, link: SimLink<Message>): void {
    const peer = this.#open(name, link);
    const { close, abortDial } = this.#membership.opened(name, peer.id, 'inbound', this.#options.clock.now());
    link.send({ admitted: true });
    if (abortDial && this.#dials.delete(name)) this.#dialEnded(name, false);
    this.#follow(peer, close);
  }

  #refuse(link: SimLink<Message>, why: 'door' | 'tie'): void {
    this.#counts.refused(why);
    this.#place.net.world.reached(`gossip: refused by ${why}`);
    link.reset();
  }

  #open(name: string, link: SimLink<Message>): Peer {
    this.#lastId += 1;
    const id = String(this.#lastId);
    const peer: Peer = { id, name, link, watch: new Watch(), heard: true, ready: false };
    this.#peers.set(id, peer);
    return peer;
  }

  #follow(peer: Peer, close: readonly string[]): void {
    peer.link.handle({
      onMessage: (message) => this.#onMessage(peer, message as GossipMessage),
      onEnd: () => this.#gone(peer),
    });
    for (const id of close) {
      const spare = this.#peers.get(id);
      if (spare) this.#close(spare, 'spare');
    }
  }

  #ready(peer: Peer): void {
    if (!this.#membership.ready(peer.name, peer.id)) return;
    peer.ready = true;
    this.#options.onConnected(peer.name);
  }

  #close(peer: Peer, why: CloseReason): void {
    this.#counts.closed(why);
    this.#place.net.world.reached(`gossip: closed as ${why}`);
    peer.link.reset();
    this.#gone(peer);
  }

  #gone(peer: Peer): void {
    if (!this.#running || !this.#peers.delete(peer.id)) return;
    this.#dialOn();
    this.#place.net.world.settle();
    for (const [id, pull] of [...this.#pulls]) if (pull.peer === peer) this.#pullFailed(id, 'closed');
    if (this.#membership.closed(peer.name, peer.id, this.#options.clock.now()))
      this.#options.onDisconnected(peer.name);
  }

  #look(): void {
    for (const peer of [...this.#peers.values()]) {
      const verdict = peer.watch.look({ heard: peer.heard, gossips: peer.ready });
      peer.heard = false;
      if (verdict === 'silent' || verdict === 'deaf') this.#close(peer, verdict);
    }
  }

  #connectionsTo(name: string): Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.name === name && peer.ready && !peer.link.over);
  }

  // ---- what they carry

  #send(peer: Peer, message: GossipMessage): void {
    this.#place.weather.send(() => peer.link.send(message));
  }

  #flood(message: Extract<GossipMessage, { origin: string }>, via: Peer | undefined): void {
    for (const peer of this.#peers.values())
      if (peer.ready && peer !== via && peer.name !== message.origin) this.#send(peer, message);
  }

  #onMessage(peer: Peer, message: GossipMessage): void {
    if (!this.#running) return;
    this.#place.net.world.settle();
    peer.heard = true;
    if ('admitted' in message) {
      // The dialling side answers, and so the other one knows that it is heard.
      if (!peer.ready) peer.link.send({ admitted: true });
      this.#ready(peer);
    } else if ('entry' in message) this.#onEntry(peer, message);
    else if ('heartbeat' in message) this.#onHeartbeat(peer, message.heartbeat);
    else if ('pull' in message) this.#onPull(peer, message);
    else if ('page' in message) this.#onPage(message);
  }

  #onEntry(peer: Peer, message: Extract<GossipMessage, { origin: string }>): void {
    const { entry, origin, id } = message;
    const isNew = !this.#seen.has(id);
    this.#seen.add(id);
    if (!isNew && !this.#place.weather.doubles) return;
    if (!this.#rate.take(origin, this.#options.clock.now())) return this.#onFlood(origin);
    this.#counts.add('entriesReceived');
    this.#options.onEntry(origin, entry);
    if (isNew) this.#flood(message, peer);
  }

  #onHeartbeat({ name }: Peer, bytes: Uint8Array): void {
    if (!this.#rate.take(name, this.#options.clock.now())) return this.#onFlood(name);
    this.#counts.add('heartbeatsReceived');
    this.#options.onHeartbeat(name, bytes);
  }

  #onFlood(name: string): void {
    this.#membership.block(name, GOSSIP_FLOOD_PAUSE_MS, this.#options.clock.now());
    for (const peer of [...this.#peers.values()]) if (peer.name === name) this.#close(peer, 'flood');
  }

  #onPull(peer: Peer, { pull, id }: Extract<GossipMessage, { pull: Uint8Array }>): void {
    this.#counts.add('pullsServed');
    peer.link.send({ page: this.#options.onPull(peer.name, pull), id });
  }

  #onPage({ page, id }: Extract<GossipMessage, { page: unknown }>): void {
    if (!page) return this.#pullFailed(id, 'closed');
    this.#place.net.world.reached('gossip: a page was pulled');
    const pull = this.#pulls.get(id);
    pull?.timer.cancel();
    this.#pulls.delete(id);
    pull?.resolve(page);
  }

  #pullFailed(id: number, code: 'timeout' | 'closed'): void {
    const pull = this.#pulls.get(id);
    if (!pull) return;
    this.#pulls.delete(id);
    pull.timer.cancel();
    this.#counts.add('pullsFailed');
    this.#place.net.world.reached('gossip: a pull came to nothing');
    pull.reject(new BeaconError(code, 'no page came'));
  }
}
