/**
 * The transport of the cluster, over libp2p: entries that reach every member, heartbeats to one member, and pulls from
 * one member. What the bytes mean is the directory's affair.
 */
import assert from 'node:assert';
import { type Message, TopicValidatorResult } from '@libp2p/gossipsub';
import type { Connection, PeerId, Stream } from '@libp2p/interface';
import type { Address } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { ClusterPeer } from '../base/cluster-peer.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import {
  CLUSTER_MEMBERS,
  GOSSIP_FLOOD_PAUSE_MS,
  GOSSIP_VALUE_BYTES,
  HEARTBEAT_STREAMS,
  PULLS_PER_MEMBER,
} from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { createGater, type GossipDoor } from './admission.ts';
import { type GossipCounters, GossipCounts } from './gossip-counters.ts';
import { HEARTBEAT_PROTOCOL, Heartbeats, readHeartbeats } from './heartbeats.ts';
import { KnownPeers, nodeIdentity } from './identity.ts';
import { type ClusterMetrics, type ClusterNode, createClusterNode } from './libp2p-node.ts';
import { Links } from './links.ts';
import { type MemberStatus, Membership } from './membership.ts';
import { PULL_PROTOCOL, pullPage, servePull } from './pull.ts';
import { EntryRate } from './rate.ts';
import type { ClusterSecret } from './secret.ts';

/** The same for every secret: while it is rotated, members under either must hear each other. */
export const GOSSIP_TOPIC = 'beacon/adverts/1';
const OPEN_DOOR: GossipDoor = () => () => {};

export interface GossipOptions {
  readonly nodeName: string;
  /** Host: an IP address, or empty for all. Port 0 takes any free one. */
  readonly listen: Address;
  /** Told to members as our address, for people who look; members dial what their own list says. */
  readonly advertise?: Address;
  /** Expected members. The own name may be among them. */
  readonly members: readonly ClusterPeer[];
  readonly secret: ClusterSecret;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /**
   * An entry whose author is proved to be the node `from`, relayed by others or not; borrowed until the call returns.
   * `from` may be the own name: then another process runs under it.
   */
  readonly onEntry: (from: string, bytes: Uint8Array) => void;
  /** A heartbeat that came over our own connection to `from`; borrowed until the call returns. */
  readonly onHeartbeat: (from: string, bytes: Uint8Array) => void;
  /**
   * Heartbeats, pulls and gossip are possible. Called for each connection: another one to a connected node may lead to
   * another process.
   */
  readonly onConnected: (node: string) => void;
  /** No direct connection is left. Not called by {@link Gossip.stop}. Entries may still come, by way of others. */
  readonly onDisconnected: (node: string) => void;
  /** The page that answers a pull of the node `from`, at most PULL_PAGE_BYTES; undefined refuses. */
  readonly onPull: (from: string, request: Uint8Array) => Uint8Array | undefined;
  /** Default: every address may start a handshake. */
  readonly door?: GossipDoor;
  readonly metrics?: ClusterMetrics;
}

/** What the cluster needs of it. */
export type GossipPort = Pick<
  Gossip,
  'start' | 'stop' | 'publish' | 'heartbeat' | 'pull' | 'members' | 'counters'
>;

export class Gossip {
  readonly #options: GossipOptions;
  readonly #membership: Membership;
  readonly #links: Links;
  readonly #rate = new EntryRate();
  readonly #counts = new GossipCounts();
  readonly #heartbeats: Heartbeats;
  #known: KnownPeers | undefined;
  #node: ClusterNode | undefined;

  constructor(options: GossipOptions) {
    assert(options.members.length <= CLUSTER_MEMBERS, 'too many cluster members');
    const { clock, log, random, members, nodeName } = options;
    const names = members.map(({ name }) => name);
    this.#options = options;
    this.#heartbeats = new Heartbeats(clock);
    this.#membership = new Membership(nodeName, names, random, clock.now());
    this.#links = new Links({
      clock,
      log,
      members,
      membership: this.#membership,
      nameOf: ({ remotePeer }) => this.#known?.nameOf(remotePeer),
      gossips: (connection) => this.#gossips(connection),
      onConnected: (name) => this.#handOver(name, () => options.onConnected(name)),
      onDisconnected: (name) => this.#handOver(name, () => options.onDisconnected(name)),
      onClosed: (why) => this.#counts.closed(why),
      onReopened: () => this.#counts.add('reopened'),
    });
  }

  /** Listens, and dials members from now on. Once. Throws `config` when the address cannot be listened on. */
  async start(): Promise<{ address: string; port: number }> {
    assert(!this.#node, 'gossip was started before');
    const { secret, nodeName, listen, members } = this.#options;
    const names = new Set([nodeName, ...members.map(({ name }) => name)]);
    this.#known = await KnownPeers.of(secret, [...names]);
    const node = await this.#createNode(this.#known);
    this.#links.attach(node);
    await this.#prepare(node);
    await startNode(node, listen);
    this.#node = node;
    node.libp2p.services.pubsub.subscribe(GOSSIP_TOPIC);
    this.#links.start();
    return node.bound();
  }

  /** Closes every connection and frees the port. Members see us as disconnected at once. Idempotent. */
  async stop(): Promise<void> {
    const node = this.#node;
    if (!node) return;
    this.#node = undefined;
    this.#known = undefined;
    await this.#links.stop();
    await node.libp2p.stop();
  }

  /**
   * Sends an entry to every connected member; it is not copied, so leave it as it is. Resolves when it is on its way:
   * best effort, to whom is not known. Throws `errGossipValueTooLarge`, or `closed` when not running.
   */
  async publish(bytes: Uint8Array): Promise<void> {
    if (bytes.length > GOSSIP_VALUE_BYTES) {
      this.#counts.rejected('errGossipValueTooLarge');
      throw new BeaconError(
        'errGossipValueTooLarge',
        `a gossip entry has ${bytes.length} bytes, at most ${GOSSIP_VALUE_BYTES} are allowed; it was not sent`,
      );
    }
    if (!this.#node) throw new BeaconError('closed', 'gossip is not running; nothing was sent');
    try {
      await this.#node.libp2p.services.pubsub.publish(GOSSIP_TOPIC, bytes);
    } catch (cause) {
      throw new BeaconError('closed', 'gossip is stopping; nothing was sent', { cause });
    }
    this.#counts.add('entriesSent');
  }

  /** Sends at most HEARTBEAT_BYTES over our own connections to `to`; best effort, nothing when there is none. */
  heartbeat(to: string, bytes: Uint8Array): void {
    for (const connection of this.#links.connectionsTo(to)) {
      this.#heartbeats.send(connection, bytes);
      this.#counts.add('heartbeatsSent');
    }
  }

  /**
   * Asks the node `from` for a page. `request` has at most PULL_REQUEST_BYTES. Throws `unreachable` when it is not
   * connected; `closed`, `timeout` or `malformed` when no page came.
   */
  async pull(from: string, request: Uint8Array): Promise<Uint8Array> {
    const connection = this.#links.connectionsTo(from).at(-1);
    if (!connection) throw new BeaconError('unreachable', `node ${from} is not connected`, { retry: true });
    this.#counts.add('pullsMade');
    try {
      return await pullPage(connection, request, this.#options.clock);
    } catch (error) {
      this.#counts.add('pullsFailed');
      throw error;
    }
  }

  /** Every expected member but ourselves, in the order in which they were given. */
  members(): readonly MemberStatus[] {
    return this.#membership.status();
  }

  counters(): GossipCounters {
    return this.#counts.read(this.#membership.status());
  }

  async #createNode(known: KnownPeers): Promise<ClusterNode> {
    const { nodeName, secret, listen, advertise, clock, door = OPEN_DOOR, metrics } = this.#options;
    const { privateKey } = await nodeIdentity(secret.current, nodeName);
    return createClusterNode({
      privateKey,
      listen,
      topic: GOSSIP_TOPIC,
      ...(advertise && { advertise }),
      ...(metrics && { metrics }),
      gater: createGater({
        clock,
        known,
        membership: this.#membership,
        door,
        onRefused: (why) => this.#counts.refused(why),
        dialledName: (address) => this.#links.dialledName(address),
        dialOf: (name) => this.#links.dialOf(name),
        onAdmitted: (connection) => this.#links.listenTo(connection),
      }),
    });
  }

  async #prepare({ libp2p }: ClusterNode): Promise<void> {
    const { pubsub } = libp2p.services;
    pubsub.topicValidators.set(GOSSIP_TOPIC, (_, message) => this.#validate(message));
    pubsub.addEventListener('message', ({ detail }) => this.#onEntry(detail));
    await libp2p.handle(PULL_PROTOCOL, (stream, connection) => this.#onPullStream(stream, connection), {
      maxInboundStreams: PULLS_PER_MEMBER,
      maxOutboundStreams: PULLS_PER_MEMBER,
    });
    await libp2p.handle(
      HEARTBEAT_PROTOCOL,
      (stream, connection) => this.#onHeartbeatStream(stream, connection),
      {
        maxInboundStreams: HEARTBEAT_STREAMS,
        maxOutboundStreams: HEARTBEAT_STREAMS,
      },
    );
  }

  /** What is not accepted is neither delivered nor relayed; the connection that brought it stays. */
  #validate(message: Message): TopicValidatorResult {
    const origin = this.#origin(message);
    if (origin === undefined) return this.#reject('stranger');
    if (message.data.length > GOSSIP_VALUE_BYTES) return this.#reject('errGossipValueTooLarge');
    if (this.#rate.take(origin, this.#options.clock.now())) return TopicValidatorResult.Accept;
    this.#onFlood(origin);
    return this.#reject('flood');
  }

  #reject(why: 'stranger' | 'errGossipValueTooLarge' | 'flood'): TopicValidatorResult {
    this.#counts.rejected(why);
    return TopicValidatorResult.Reject;
  }

  #onFlood(origin: string): void {
    const { clock, log } = this.#options;
    if (!this.#membership.isConnected(origin)) return;
    log.warn('a node sends more gossip than one can need; it is cut off for a while', {
      node: origin,
    });
    this.#membership.block(origin, GOSSIP_FLOOD_PAUSE_MS, clock.now());
    this.#links.cut(origin, 'flood');
  }

  #onEntry(message: Message): void {
    const origin = this.#origin(message);
    if (origin === undefined) return;
    this.#counts.add('entriesReceived');
    this.#handOver(origin, () => this.#options.onEntry(origin, message.data));
  }

  /** A fault of ours in what a member did must end neither its connection nor the process. */
  #handOver(from: string, take: () => void): void {
    try {
      take();
    } catch (error) {
      const detail = messageOf(error);
      this.#options.log.error('what a node sent or did could not be taken', { node: from, detail });
    }
  }

  #origin(message: Message): string | undefined {
    return message.type === 'signed' ? this.#known?.nameOf(message.from) : undefined;
  }

  async #onPullStream(stream: Stream, { remotePeer }: Connection): Promise<void> {
    const { clock, log, onPull } = this.#options;
    const from = this.#known?.nameOf(remotePeer);
    if (from === undefined) return stream.abort(new BeaconError('closed', 'not a member'));
    this.#counts.add('pullsServed');
    try {
      await servePull(stream, (request) => onPull(from, request), clock);
    } catch (error) {
      log.debug('a pull could not be answered', { node: from, detail: messageOf(error) });
    }
  }

  async #onHeartbeatStream(stream: Stream, { remotePeer }: Connection): Promise<void> {
    const { clock, log, onHeartbeat } = this.#options;
    const from = this.#known?.nameOf(remotePeer);
    if (from === undefined) return stream.abort(new BeaconError('closed', 'not a member'));
    const take = (bytes: Uint8Array): void => {
      if (!this.#rate.take(from, clock.now())) return this.#onFlood(from);
      this.#counts.add('heartbeatsReceived');
      this.#handOver(from, () => onHeartbeat(from, bytes));
    };
    try {
      await readHeartbeats(stream, take, clock);
    } catch (error) {
      log.debug('a heartbeat stream ended', { node: from, detail: messageOf(error) });
      stream.abort(new BeaconError('closed', 'the heartbeat stream is over'));
    }
  }

  #gossips(connection: Connection): boolean {
    const { remotePeer, streams } = connection;
    const isUp = (direction: 'inbound' | 'outbound'): boolean =>
      streams.some((stream) => stream.protocol.startsWith('/meshsub/') && stream.direction === direction);
    return isUp('inbound') && isUp('outbound') && this.#isSubscribed(remotePeer);
  }

  #isSubscribed(peerId: PeerId): boolean {
    const subscribers = this.#node?.libp2p.services.pubsub.getSubscribers(GOSSIP_TOPIC) ?? [];
    return subscribers.some((subscriber) => subscriber.equals(peerId));
  }
}

async function startNode(node: ClusterNode, listen: Address): Promise<void> {
  try {
    await node.libp2p.start();
  } catch (cause) {
    await node.libp2p.stop();
    const port = `${listen.host}:${listen.port}`;
    throw new BeaconError(
      'config',
      `cannot listen for the cluster on ${port}: is another process using it, and is the address this machine's?`,
      { cause },
    );
  }
}
