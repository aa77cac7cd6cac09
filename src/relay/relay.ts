/**
 * The relay: accepts TLS from both sides, reads one HELLO per connection, pairs, and then only copies bytes.
 *
 * This class is the shell around the pure parts (admission, matcher): it turns what sockets say into inputs and
 * effects into writes. It holds no secret of either side and writes nothing to disk.
 */
import { Alarm } from '../base/alarm.ts';
import type { Drainable, DrainState } from '../base/drain.ts';
import { BeaconError, messageOf, type RefusalCode } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { HANDSHAKE_TIMEOUT_MS, PING_INTERVAL_MS } from '../base/limits.ts';
import type { ClusterStatus } from '../cluster/cluster.ts';
import type { Holder } from '../cluster/directory/effects.ts';
import { Door, type DoorStatus, type Entry } from '../net/door/door.ts';
import type { Link } from '../net/link.ts';
import type { Listener } from '../net/tls-listener.ts';
import { ALPN, type Hello, PAIR_ID_BYTES } from '../wire/frames.ts';
import { refusal, refusedFor } from '../wire/refusal.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import { ConnectionLog, type SpliceFacts, spliceFacts } from './connection-log.ts';
import { Departure } from './departure.ts';
import { type RelayEdge, SYSTEM_EDGE } from './edge.ts';
import type { Effect } from './effects.ts';
import { Entrance } from './entrance.ts';
import { NO_EVENTS, type RelayEvents } from './events.ts';
import type { ConnectionId } from './lot.ts';
import { Matcher } from './matcher.ts';
import { MATCHER_LIMITS } from './matcher-options.ts';
import { type ClusterPlace, Neighbours } from './neighbours.ts';
import type { RelayOptions } from './relay-options.ts';
import { Splices, type SpliceTotals } from './splices.ts';

export class Relay implements ConnectionHandler, Drainable {
  readonly #options: RelayOptions;
  readonly #events: RelayEvents;
  readonly #edge: RelayEdge;
  readonly #door: Door;
  readonly #listener: Listener;
  readonly #entrance: Entrance;
  readonly #matcher: Matcher;
  readonly #alarm: Alarm;
  readonly #startedMs: number;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #splices: Splices;
  readonly #departure: Departure;
  readonly #emptied = Promise.withResolvers<void>();
  #neighbours: Neighbours | undefined;
  #closing = false;
  #lastId = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#events = options.events ?? NO_EVENTS;
    const { clock, random, log, tap, node, zone, edge = SYSTEM_EDGE, limits = MATCHER_LIMITS } = options;
    this.#edge = edge;
    this.#startedMs = Math.floor(clock.wall());
    this.#entrance = new Entrance({ policy: options.policy, clock });
    this.#door = new Door({
      clock,
      log,
      ...edge.door,
      ...(options.proxies && { proxies: options.proxies }),
    });
    this.#alarm = new Alarm(clock, () => this.#feed((matcher, now) => matcher.tick(now)));
    this.#splices = new Splices({
      clock,
      log,
      ...(tap && { tap }),
      ...(options.connectionLog && {
        connectionLog: new ConnectionLog({ ...options.connectionLog, node, clock, log }),
      }),
      onEnded: () => this.#onSpliceEnded(),
    });
    this.#departure = new Departure({
      node,
      timeoutMs: options.drainTimeoutMs,
      clock,
      random,
      log,
      connections: () => [...this.#connections.values()],
      unmatch: (id) => this.#feed((matcher, now) => matcher.left(id, now)),
      tellCluster: () => this.#neighbours?.drain(),
      splices: () => this.#splices.size,
      cutAll: () => this.#splices.abort(),
    });
    this.#matcher = new Matcher({
      node,
      zone,
      ...limits,
      holders: (infoHash) => this.#neighbours?.holders(infoHash) ?? [],
      newPairId: () => random.bytes(PAIR_ID_BYTES).toString('hex'),
      random,
    });
    this.#listener = edge.listener({
      host: options.host,
      port: options.port,
      credentials: options.credentials,
      alpn: ALPN,
      requestCert: true,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      clock,
      log,
      door: { door: this.#door, proxied: true, tells: true },
      onLink: (link, entry) => this.#onLink(link, entry),
      onNoise: (reason) => this.#events.turnedAway(reason),
      onHandshake: (ms) => this.#events.handshake(ms),
    });
  }

  /** Joins the cluster and resolves with the bound address. Rejects with BeaconError('config') when a port cannot be had. */
  async listen(): Promise<{ address: string; port: number }> {
    const { cluster } = this.#options;
    if (cluster) this.#neighbours = await this.#meet(cluster);
    this.#door.start();
    try {
      return await this.#listener.listen();
    } catch (error) {
      this.#door.stop();
      await this.#neighbours?.stop();
      throw error;
    }
  }

  /** For connections accepted from now on. Throws `config` and keeps the old pair when the new one is of no use. */
  setCredentials(credentials: RelayOptions['credentials']): void {
    this.#listener.setCredentials(credentials);
  }

  /** Bridge connections parked here. */
  get parked(): number {
    return this.#matcher.parked;
  }

  /** Nodes at which a broker would be served now, this one included; a bridge may be parked on others as well. */
  holders(infoHash: InfoHash): readonly string[] {
    const others = this.#neighbours?.holders(infoHash).map(({ node }) => node) ?? [];
    const isHere = [...this.#connections.values()].some(
      (connection) => connection.state === 'parked' && connection.infoHash === infoHash,
    );
    return isHere && this.drainState === 'serving' ? [this.#options.node, ...others] : others;
  }

  /** Splices that run. */
  get splices(): number {
    return this.#splices.size;
  }

  /** Splice slots in use, and brokers that wait for one. */
  get slots(): { readonly used: number; readonly waiting: number } {
    return this.#matcher.slots;
  }

  /** What splices have come to since the start. */
  get totals(): SpliceTotals {
    return this.#splices.totals;
  }

  /** Who comes in, who waits, who is turned away. */
  get door(): DoorStatus {
    return this.#door.status;
  }

  /** What this node knows of its cluster; undefined where it runs alone. */
  clusterStatus(): ClusterStatus | undefined {
    return this.#neighbours?.status();
  }

  get drainState(): DrainState {
    return this.#departure.drainState;
  }

  /**
   * Takes the node out of service: nobody is paired here any more, and whoever is here is asked to go elsewhere. Newcomers
   * are told so until {@link close}. A drain has no end but that.
   */
  drain(): Promise<{ readonly cut: number }> {
    return this.#departure.drain();
  }

  /**
   * Stops: cuts splices, refuses all others with `draining`. Resolves when every socket is closed: at once where clients
   * close as they should, after REFUSED_LINGER_MS at the latest.
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#listener.stopAccepting();
    for (const connection of this.#connections.values()) connection.refuse(refusal('draining'));
    // Not only once they have closed: until then other nodes would be told of parks here.
    for (const id of [...this.#connections.keys()]) this.#feed((matcher, now) => matcher.left(id, now));
    this.#departure.stop();
    await this.#splices.abort();
    if (this.#connections.size > 0) await this.#emptied.promise;
    await this.#listener.close();
    await this.#neighbours?.stop();
    this.#door.stop();
    this.#alarm.cancel();
  }

  #meet(cluster: ClusterPlace): Promise<Neighbours> {
    const { node, zone, clock, random, log } = this.#options;
    return Neighbours.start({
      ...cluster,
      node,
      zone,
      door: this.#door,
      clock,
      random,
      log,
      edge: this.#edge,
      events: this.#events,
      newId: () => this.#newId(),
      feed: (input) => this.#feed(input),
      onDraining: (leaving) => this.#connections.forEach((each) => void each.tellDraining(leaving)),
      onSuperseded: () => this.#options.onSuperseded?.(),
    });
  }

  #newId(): ConnectionId {
    this.#lastId += 1;
    return this.#lastId;
  }

  #onLink(link: Link, entry: Entry): void {
    if (this.#closing) return link.reset();
    const connection = new Connection(this.#newId(), link, entry, this.#options.clock, this);
    this.#connections.set(connection.id, connection);
    connection.start();
    const { retryAfterMs } = entry;
    if (retryAfterMs !== undefined) connection.refuse(refusal('rateLimit', { retryAfterMs }));
  }

  onHello(connection: Connection, hello: Hello): void {
    const { log, node, zone } = this.#options;
    if (this.drainState !== 'serving') return connection.refuse(refusal('draining'));
    const verdict = this.#entrance.judge(connection, hello);
    if (!verdict.admitted) {
      log.debug('a client was refused', { role: hello.role, code: verdict.code });
      return connection.refuse(refusal(verdict.code, { text: verdict.text }));
    }
    this.#events.entered(hello.role, 'admitted');
    const client = { connection: connection.id, infoHash: verdict.infoHash };
    if (hello.role === 'park') {
      const incarnation = this.#neighbours?.incarnation ?? this.#startedMs;
      connection.park(verdict.infoHash);
      connection.send({ type: 'parked', node, zone, incarnation, pingIntervalMs: PING_INTERVAL_MS });
      for (const other of this.#neighbours?.draining ?? []) connection.tellDraining(other);
      const instance = hello.instance.toString('hex');
      this.#feed((matcher, now) => matcher.park({ ...client, instance }, now));
    } else {
      connection.wait(verdict.infoHash);
      const choice = {
        wanted: hello.wanted?.toString('hex'),
        except: hello.except.map((instance) => instance.toString('hex')),
        avoid: hello.avoid,
      };
      this.#feed((matcher, now) => matcher.connect({ ...client, ...choice }, now));
    }
  }

  onPong(connection: Connection, token: number): void {
    const ms = this.#matcher.pong(connection.id, token, this.#options.clock.now());
    if (ms !== undefined) this.#events.ponged(ms);
    this.#alarm.set(this.#matcher.nextDeadline());
  }

  onAccept(connection: Connection, pairId: Buffer): void {
    this.#feed((matcher) => matcher.accept(connection.id, pairId.toString('hex')));
  }

  onViolation(connection: Connection, error: unknown): void {
    const { log } = this.#options;
    if (error instanceof BeaconError) log.debug('a client broke the protocol', { code: error.code });
    else {
      log.error('a connection was dropped by a fault of ours; debug logs say more');
      log.debug('the fault', { detail: messageOf(error) });
    }
    connection.refuse(refusedFor(error));
    this.#feed((matcher, now) => matcher.left(connection.id, now));
  }

  onRefused({ role }: Connection, code: RefusalCode, isNew: boolean): void {
    if (isNew) this.#events.entered(role, code);
    else this.#events.refused(role, code);
  }

  onGone(connection: Connection): void {
    this.#connections.delete(connection.id);
    this.#feed((matcher, now) => matcher.left(connection.id, now));
    this.#departure.left(connection.id);
    if (this.#closing && this.#connections.size === 0) this.#emptied.resolve();
  }

  #onSpliceEnded(): void {
    this.#neighbours?.setLoad(this.#splices.size);
    this.#departure.spliced();
    this.#feed((matcher, now) => matcher.spliceEnded(now));
  }

  #feed(input: (matcher: Matcher, now: number) => Effect[]): void {
    for (const effect of input(this.#matcher, this.#options.clock.now())) this.#carryOut(effect);
    this.#alarm.set(this.#matcher.nextDeadline());
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'offer':
        this.#entrance.unparked(effect.bridge);
        return this.#connections.get(effect.bridge)?.offer(Buffer.from(effect.pairId, 'hex'));
      case 'waiting':
        return this.#connections.get(effect.broker)?.send({ type: 'waiting' });
      case 'ping':
        return this.#ping(effect);
      case 'refuse':
        return this.#connections.get(effect.connection)?.refuse(refusal(effect.code));
      case 'drop':
        this.#options.log.debug('a parked connection was dropped', { reason: effect.reason });
        this.#events.dropped(effect.reason);
        return this.#connections.get(effect.connection)?.drop();
      case 'pair':
        return this.#pair(effect);
      case 'join':
        return this.#join(effect);
      default:
        return this.#neighbours?.carryOut(effect);
    }
  }

  /** With it goes, again, what a parked bridge is to know: clients forget it after a while. */
  #ping({ connection: id, token }: Extract<Effect, { do: 'ping' }>): void {
    const connection = this.#connections.get(id);
    connection?.send({ type: 'ping', token });
    for (const node of this.#neighbours?.draining ?? []) connection?.tellDraining(node);
  }

  /** Both ends are here, or the broker's end is a forward that came in. */
  #pair({ broker, bridge, pairId, bridgeInstance }: Extract<Effect, { do: 'pair' }>): void {
    const bridgeSide = this.#connections.get(bridge);
    const ends = { broker: this.#connections.get(broker), bridge: bridgeSide };
    const origin = this.#neighbours?.originOf(broker);
    const facts = spliceFacts(this.#options.node, { pairId, ...ends, origin });
    const incoming = this.#neighbours?.joinIncoming(broker, bridgeInstance);
    if (incoming) this.#events.paired('incoming', undefined);
    const brokerSide = incoming ?? this.#tellPaired(broker, { pairId, bridgeInstance, holder: undefined });
    this.#connections.delete(bridge);
    this.#splice(brokerSide, bridgeSide?.release(), facts);
  }

  /** The bridge is parked on another node. */
  #join({ broker, holder, pairId, bridgeInstance }: Extract<Effect, { do: 'join' }>): void {
    const brokerSide = this.#connections.get(broker);
    const facts = spliceFacts(this.#options.node, { pairId, broker: brokerSide, holder: holder.node });
    const forward = this.#neighbours?.takeJoined(broker);
    this.#splice(this.#tellPaired(broker, { pairId, bridgeInstance, holder }), forward, facts);
  }

  /** Sends PAIRED, the last frame to a broker, and takes its link over; undefined when it is gone. */
  #tellPaired(
    broker: ConnectionId,
    {
      pairId,
      bridgeInstance,
      holder,
    }: { pairId: string; bridgeInstance: string; holder: Holder | undefined },
  ): Link | undefined {
    const connection = this.#connections.get(broker);
    const { node, zone } = this.#options;
    const here = { node, zone };
    connection?.send({
      type: 'paired',
      pairId: Buffer.from(pairId, 'hex'),
      bridge: Buffer.from(bridgeInstance, 'hex'),
      path: holder === undefined ? [here] : [here, { node: holder.node, zone: holder.zone }],
    });
    // It may have been dropped just now, for frames it did not read.
    if (!connection || connection.state === 'gone') return undefined;
    this.#connections.delete(broker);
    this.#events.paired(holder === undefined ? 'local' : 'forward', connection.waitedMs);
    return connection.release();
  }

  /** Where one side is missing the other is reset, and the slot is free. */
  #splice(broker: Link | undefined, bridge: Link | undefined, facts: SpliceFacts): void {
    if (broker && bridge) {
      this.#splices.join(broker, bridge, facts);
      return this.#neighbours?.setLoad(this.#splices.size);
    }
    broker?.reset();
    bridge?.reset();
    this.#feed((matcher, now) => matcher.spliceEnded(now));
  }
}
