/**
 * The cluster as the relay sees it: what is parked here is told to the others, and what is parked there can be asked
 * for. This is the shell around the pure directory: it turns what gossip says into inputs and effects into sends.
 */
import type { Address } from '../base/address.ts';
import { Alarm } from '../base/alarm.ts';
import type { Clock } from '../base/clock.ts';
import type { ClusterPeer } from '../base/cluster-peer.ts';
import { messageOf } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { GossipDoor } from './admission.ts';
import { Directory } from './directory/directory.ts';
import type { DirectorySnapshot, Effect, Holder } from './directory/effects.ts';
import type { InstanceId } from './directory/entries.ts';
import { Gossip, type GossipOptions, type GossipPort } from './gossip.ts';
import type { GossipCounters } from './gossip-counters.ts';
import type { MemberStatus } from './membership.ts';
import type { ClusterSecret } from './secret.ts';

export interface ClusterOptions {
  readonly node: string;
  /** Empty: not known. */
  readonly zone: string;
  readonly software: string;
  readonly peers: readonly ClusterPeer[];
  readonly secret: ClusterSecret;
  /** Where gossip listens. */
  readonly listen: Address;
  /** What members are told as our address, where it is not the one they dial. */
  readonly advertise?: Address;
  /** host:port of our forward listener for the others; without a host, the one by which they know us. */
  readonly forward: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of the gossip port. Default: every address may start a handshake. */
  readonly door?: GossipDoor;
  /** Makes what carries our words to the others. Default: {@link Gossip}. */
  readonly gossip?: (options: GossipOptions) => GossipPort;
  /** A watched info_hash is parked on another node now, or its node says so again. */
  readonly onAppeared: (infoHash: InfoHash) => void;
  /** Another node says that it is about to leave. Once for each of its starts. */
  readonly onDraining: (node: string) => void;
  /** A newer process runs under our name. Once. */
  readonly onSuperseded: () => void;
}

export interface ClusterStatus {
  readonly directory: DirectorySnapshot;
  readonly members: readonly MemberStatus[];
  readonly gossip: GossipCounters;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #directory: Directory;
  readonly #gossip: GossipPort;
  readonly #alarm: Alarm;
  readonly #startedMs: number;
  #running = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { node, zone, forward, software, clock, random, log, peers, secret, listen, advertise, door } =
      options;
    const { gossip = (given: GossipOptions): GossipPort => new Gossip(given) } = options;
    this.#alarm = new Alarm(clock, () => this.#apply(this.#directory.tick(clock.now())));
    this.#startedMs = Math.floor(clock.wall());
    this.#directory = new Directory({ node, zone, forward, software, wallMs: this.#startedMs });
    const directory = this.#directory;
    this.#gossip = gossip({
      nodeName: node,
      listen,
      members: peers,
      secret,
      clock,
      random,
      log,
      ...(advertise && { advertise }),
      ...(door && { door }),
      onEntry: (from, bytes) => this.#apply(directory.onGossip(from, bytes, clock.now())),
      onHeartbeat: (from, bytes) => this.#apply(directory.onHeartbeat(from, bytes, clock.now())),
      onConnected: (from) => this.#apply(directory.onConnected(from, clock.now())),
      onDisconnected: (from) => this.#apply(directory.onDisconnected(from, clock.now())),
      onPull: (from, request) => directory.onPullRequest(from, request),
    });
  }

  /** Listens for members and dials them. Rejects with BeaconError('config') when the port cannot be had. */
  async start(): Promise<{ address: string; port: number }> {
    const bound = await this.#gossip.start();
    this.#running = true;
    this.#schedule();
    return bound;
  }

  /** Leaves: members see us as gone at once. Idempotent. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#alarm.cancel();
    await this.#gossip.stop();
  }

  /** A bridge connection parked here. */
  parked(infoHash: InfoHash, instance: InstanceId): void {
    this.#directory.parked(infoHash, instance, this.#options.clock.now());
    this.#schedule();
  }

  /** A bridge connection that {@link parked} was told of is parked no longer. */
  unparked(infoHash: InfoHash, instance: InstanceId): void {
    this.#directory.unparked(infoHash, instance, this.#options.clock.now());
    this.#schedule();
  }

  /** Splices under way here, to be told with the next heartbeat. */
  setLoad(splices: number): void {
    this.#directory.setLoad(splices);
  }

  /** Live nodes, other than this one, where `infoHash` is parked. */
  holders(infoHash: InfoHash): readonly Holder[] {
    return this.#directory.holders(infoHash, this.#options.clock.now());
  }

  /** Tells every member, at once, that this node is about to leave. There is no way back. */
  setDraining(): void {
    this.#apply(this.#directory.setDraining(this.#options.clock.now()));
  }

  /** Live nodes, other than this one, that are about to leave. */
  draining(): readonly string[] {
    return this.#directory.draining();
  }

  /** `holder` said, at its `sequence`, that `infoHash` is not parked there. */
  notHere(holder: string, infoHash: InfoHash, sequence: number): void {
    this.#directory.suppress(holder, infoHash, sequence, this.#options.clock.now());
    this.#schedule();
  }

  /** Asks for `onAppeared`, or does so no longer. */
  watch(infoHash: InfoHash, watched: boolean): void {
    if (watched) this.#directory.watch(infoHash);
    else this.#directory.unwatch(infoHash);
  }

  /** What to answer a forward with that finds nothing here. */
  get sequence(): number {
    return this.#directory.sequence;
  }

  /** Of this node: chosen when the first member was met; until then, its start by the wall clock. */
  get incarnation(): number {
    return this.#directory.incarnation ?? this.#startedMs;
  }

  status(): ClusterStatus {
    const directory = this.#directory.snapshot(this.#options.clock.now());
    return { directory, members: this.#gossip.members(), gossip: this.#gossip.counters() };
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(effect);
    this.#schedule();
  }

  #carryOut(effect: Effect): void {
    const { log, onAppeared, onDraining, onSuperseded } = this.#options;
    switch (effect.do) {
      case 'gossip':
        return this.#publish(effect.bytes);
      case 'heartbeat':
        return this.#gossip.heartbeat(effect.to, effect.bytes);
      case 'pull':
        return void this.#pull(effect.from, effect.request);
      case 'appeared':
        return onAppeared(effect.infoHash);
      case 'vanished':
        return;
      case 'memberUp':
        return log.info('a node joined', { node: effect.node });
      case 'memberDown':
        return log.info('a node is gone', { node: effect.node, reason: effect.reason });
      case 'draining':
        log.info('a node is about to leave', { node: effect.node });
        return onDraining(effect.node);
      case 'chosen':
        return log.debug('the incarnation of this node is chosen', { incarnation: effect.incarnation });
      case 'superseded':
        log.error('a newer process runs under the name of this node; give each its own --node-name');
        return onSuperseded();
      case 'refused':
        return log.debug(`something that a node sent was refused: ${effect.detail}`, {
          node: effect.from,
          reason: effect.why,
        });
    }
  }

  #publish(bytes: Uint8Array): void {
    this.#gossip.publish(bytes).catch((error: unknown) => {
      if (this.#running) this.#options.log.warn(`an advert was not sent: ${messageOf(error)}`);
    });
  }

  async #pull(from: string, request: Uint8Array): Promise<void> {
    const { clock, log } = this.#options;
    try {
      const page = await this.#gossip.pull(from, request);
      this.#apply(this.#directory.onPullPage(from, page, clock.now()));
    } catch (error) {
      log.debug('a pull came to nothing', { node: from, detail: messageOf(error) });
      this.#apply(this.#directory.onPullFailed(from, clock.now()));
    }
  }

  #schedule(): void {
    if (this.#running) this.#alarm.set(this.#directory.nextDeadline());
  }
}
