/**
 * The other nodes, as the relay deals with them: what they hold, forwards to them, and forwards from them. A forward
 * that came in stands in for a broker under a number of its own. What sockets say becomes inputs of the matcher.
 */
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { ClusterPeer } from '../base/cluster-peer.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { FORWARD_PATIENCE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { SOFTWARE } from '../base/version.ts';
import { Cluster, type ClusterStatus } from '../cluster/cluster.ts';
import type { Holder } from '../cluster/directory/effects.ts';
import { Forwarder } from '../cluster/forward/forwarder.ts';
import { ForwardServer } from '../cluster/forward/server.ts';
import type { ForwardFailure, IncomingForward, OutgoingForward } from '../cluster/forward/types.ts';
import type { ForwardCredentials } from '../cluster/forward-certificates.ts';
import type { ClusterSecret } from '../cluster/secret.ts';
import type { Door } from '../net/door/door.ts';
import type { Link } from '../net/link.ts';
import { FORWARD_HOPS } from '../wire/forward-frames.ts';
import type { RelayEdge } from './edge.ts';
import type { Effect } from './effects.ts';
import type { RelayEvents } from './events.ts';
import type { ConnectionId, InstanceId } from './lot.ts';
import type { Matcher } from './matcher.ts';

/** How this node takes part in its cluster. */
export interface ClusterPlace {
  readonly peers: readonly ClusterPeer[];
  readonly secret: ClusterSecret;
  /** Where gossip listens. */
  readonly listen: Address;
  /** Where forwards of other nodes come in. */
  readonly forwardListen: Address;
  /** Host at which the others reach this node, where it is not the one in their lists. */
  readonly advertise: string | undefined;
}

export interface NeighboursOptions extends ClusterPlace {
  readonly node: string;
  readonly zone: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: RelayEvents;
  readonly edge: RelayEdge;
  /** What connections of other nodes pass as well. */
  readonly door: Door;
  /** A number for a forward that came in, of the same series as those of connections. */
  readonly newId: () => ConnectionId;
  /** Gives the matcher an input and carries out what follows. */
  readonly feed: (input: (matcher: Matcher, now: number) => Effect[]) => void;
  /** Another node is about to leave. */
  readonly onDraining: (node: string) => void;
  /** A newer process runs under our name. */
  readonly onSuperseded: () => void;
}

/** Effects that concern other nodes. */
export type NeighbourEffect = Extract<
  Effect,
  {
    do:
      | 'parked'
      | 'unparked'
      | 'watch'
      | 'unwatch'
      | 'forward'
      | 'answer'
      | 'cancel'
      | 'queued'
      | 'ready'
      | 'notHere';
  }
>;

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #cluster: Cluster;
  readonly #forwarder: Forwarder;
  readonly #server: ForwardServer;
  /** Forwards that left, by the broker's connection, until they are joined or have failed. */
  readonly #outgoing = new Map<ConnectionId, OutgoingForward>();
  /** The far ends of those that were joined, until the relay splices them in the same turn. */
  readonly #joined = new Map<ConnectionId, Link>();
  /** Forwards that came in, until they are joined or over. */
  readonly #incoming = new Map<ConnectionId, IncomingForward>();

  private constructor(
    options: NeighboursOptions,
    credentials: ForwardCredentials,
    server: ForwardServer,
    forward: string,
  ) {
    const { node, zone, peers, secret, listen, advertise, clock, random, log, edge, door, feed } = options;
    this.#options = options;
    this.#server = server;
    this.#forwarder = new Forwarder({
      credentials,
      clock,
      log,
      dial: edge.dial,
      onNegotiated: (group) => options.events?.negotiated(group),
    });
    this.#cluster = new Cluster({
      node,
      zone,
      software: SOFTWARE,
      peers,
      secret,
      forward,
      listen,
      clock,
      random,
      log,
      door: door.knock,
      gossip: edge.gossip,
      ...(advertise !== undefined && { advertise: { host: advertise, port: listen.port } }),
      onAppeared: (infoHash) => feed((matcher, now) => matcher.appeared(infoHash, now)),
      onDraining: options.onDraining,
      onSuperseded: options.onSuperseded,
    });
  }

  /** Listens for forwards and gossip. Rejects with BeaconError('config') when a port cannot be had. */
  static async start(options: NeighboursOptions): Promise<Neighbours> {
    const { node, secret, forwardListen, advertise, clock, log, edge, door, newId } = options;
    const credentials = edge.credentials(secret, node);
    const server = new ForwardServer({
      ...forwardListen,
      credentials,
      clock,
      log,
      door,
      newId,
      listener: edge.listener,
      handler: {
        onRequest: (incoming) => neighbours.#onRequest(incoming),
        onAnswer: (incoming, yes) => neighbours.#onAnswer(incoming, yes),
        onGone: (incoming) => neighbours.#onGone(incoming),
      },
    });
    const { port } = await server.listen();
    const forward = formatAddress({ host: advertise ?? '', port });
    const neighbours = new Neighbours(options, credentials, server, forward);
    try {
      await neighbours.#cluster.start();
    } catch (error) {
      await server.close();
      throw error;
    }
    return neighbours;
  }

  /** Leaves the cluster; forwards that are not joined end. Joined ones are the relay's splices. */
  async stop(): Promise<void> {
    this.#forwarder.close();
    await Promise.all([this.#cluster.stop(), this.#server.close()]);
  }

  /** This node is about to leave: all others are told, and their brokers that are not served yet are sent back. */
  drain(): void {
    for (const [id, incoming] of [...this.#incoming]) {
      this.#options.feed((matcher, now) => matcher.left(id, now));
      this.#incoming.delete(id);
      incoming.refuse('draining');
    }
    this.#cluster.setDraining();
  }

  /** Other nodes that are about to leave. */
  get draining(): readonly string[] {
    return this.#cluster.draining();
  }

  status(): ClusterStatus {
    return this.#cluster.status();
  }

  /** Of this node. */
  get incarnation(): number {
    return this.#cluster.incarnation;
  }

  /** Splices under way here, for the others' choice. */
  setLoad(splices: number): void {
    this.#cluster.setLoad(splices);
  }

  holders(infoHash: InfoHash): readonly Holder[] {
    return this.#cluster.holders(infoHash);
  }

  /** The far end of a forward that was joined; taken out once, for the effect `join`. */
  takeJoined(broker: ConnectionId): Link | undefined {
    const link = this.#joined.get(broker);
    this.#joined.delete(broker);
    return link;
  }

  /** Name of the broker's node; undefined: no forward of that number. */
  originOf(id: ConnectionId): string | undefined {
    return this.#incoming.get(id)?.request.origin;
  }

  /** Tells the origin that a bridge has accepted; its link, for the effect `pair`. Undefined: no forward of that number. */
  joinIncoming(id: ConnectionId, bridge: InstanceId): Link | undefined {
    const incoming = this.#incoming.get(id);
    if (!incoming) return undefined;
    this.#incoming.delete(id);
    return incoming.join(bridge);
  }

  carryOut(effect: NeighbourEffect): void {
    switch (effect.do) {
      case 'parked':
        return this.#cluster.parked(effect.park.infoHash, effect.park.instance);
      case 'unparked':
        return this.#cluster.unparked(effect.park.infoHash, effect.park.instance);
      case 'watch':
        return this.#cluster.watch(effect.infoHash, true);
      case 'unwatch':
        return this.#cluster.watch(effect.infoHash, false);
      case 'forward':
        return this.#forward(effect);
      case 'answer':
        return effect.yes ? this.#outgoing.get(effect.broker)?.take() : this.#decline(effect.broker);
      case 'cancel':
        this.#outgoing.get(effect.broker)?.cancel();
        return void this.#outgoing.delete(effect.broker);
      case 'queued':
        return this.#incoming.get(effect.forward)?.queued();
      case 'ready':
        return this.#incoming.get(effect.forward)?.ready();
      case 'notHere':
        return this.#notHere(effect.forward);
    }
  }

  // ---- forwards that leave

  #forward({ broker, request, holder, pairId }: Extract<Effect, { do: 'forward' }>): void {
    const { node, feed } = this.#options;
    const { infoHash, wanted, except } = request;
    const outgoing = this.#forwarder.forward(
      {
        infoHash,
        pairId,
        origin: node,
        hops: FORWARD_HOPS,
        wanted,
        except,
        timeLeftMs: FORWARD_PATIENCE_MS,
      },
      { node: holder.node, address: this.#addressOf(holder) },
      {
        onQueued: () => feed((matcher, now) => matcher.forwardQueued(broker, now)),
        onReady: () => feed((matcher, now) => matcher.forwardReady(broker, now)),
        onJoined: (link, bridge) => {
          this.#outgoing.delete(broker);
          this.#options.events?.forwarded('joined');
          this.#joined.set(broker, link);
          feed((matcher) => matcher.forwardJoined(broker, bridge));
          // The broker left in the same turn: nobody took the link.
          this.takeJoined(broker)?.reset();
        },
        onFailed: (failure) => {
          this.#outgoing.delete(broker);
          this.#onFailed(broker, infoHash, holder.node, failure);
        },
      },
    );
    this.#outgoing.set(broker, outgoing);
  }

  #onFailed(broker: ConnectionId, infoHash: InfoHash, holder: string, failure: ForwardFailure): void {
    this.#options.log.debug('a forward came to nothing', { node: holder, reason: failure.kind });
    this.#options.events?.forwarded(failure.kind);
    if (failure.kind === 'notHere') this.#cluster.notHere(holder, infoHash, failure.sequence);
    const reached = failure.kind !== 'unreachable';
    this.#options.feed((matcher, now) => matcher.forwardFailed(broker, reached, now));
  }

  #decline(broker: ConnectionId): void {
    this.#outgoing.get(broker)?.decline();
    this.#outgoing.delete(broker);
  }

  /** A node that names no host for forwards is reached where gossip reaches it. */
  #addressOf({ node, forward }: Holder): Address {
    const { host, port } = parseAddress(forward, { allowAnyHost: true });
    const peer = this.#options.peers.find(({ name }) => name === node);
    return { host: host === '' ? (peer?.host ?? '') : host, port };
  }

  // ---- forwards that come in

  #onRequest(incoming: IncomingForward): void {
    const { id, request } = incoming;
    const { infoHash, wanted, except, pairId } = request;
    const asked = { connection: id, infoHash, wanted, except };
    this.#incoming.set(id, incoming);
    this.#options.feed((matcher, now) => matcher.forwarded(asked, pairId, now));
  }

  #onAnswer({ id }: IncomingForward, yes: boolean): void {
    if (!yes) this.#incoming.delete(id);
    this.#options.feed((matcher, now) => matcher.answered(id, yes, now));
  }

  #onGone({ id }: IncomingForward): void {
    this.#incoming.delete(id);
    this.#options.feed((matcher, now) => matcher.left(id, now));
  }

  #notHere(id: ConnectionId): void {
    const incoming = this.#incoming.get(id);
    this.#incoming.delete(id);
    incoming?.notHere(this.#cluster.incarnation, this.#cluster.sequence);
  }
}
