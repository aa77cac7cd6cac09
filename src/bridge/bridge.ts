/**
 * The bridge: keeps connections parked at relays, turns each pairing into a tunnel, and serves its streams from the
 * secret store.
 */
import { Alarm } from '../base/alarm.ts';
import type { Clock } from '../base/clock.ts';
import { asBeaconError, type BeaconError } from '../base/errors.ts';
import { BRIDGE_TUNNELS, STALL_TIMEOUT_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { type Splice, spliceLinks } from '../net/splice.ts';
import { BridgeTunnel, type ReachTarget, type StreamRequest } from '../tunnel/bridge-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import { News } from '../tunnel/news.ts';
import type { RelayChoice } from '../tunnel/relay-dialer.ts';
import type { SessionStats } from '../tunnel/session/types.ts';
import type { SessionStream } from '../tunnel/session-stream.ts';
import { Sessions } from '../tunnel/sessions.ts';
import { INSTANCE_BYTES } from '../wire/frames.ts';
import type { BridgeEvents } from './events.ts';
import { LeavePlan } from './leave-plan.ts';
import { Parks } from './parks.ts';
import type { StreamLog } from './stream-log.ts';

export interface BridgeOptions {
  readonly dialer: RelayChoice;
  readonly identity: TunnelIdentity;
  /** Parked connections to keep at the least. */
  readonly parks: number;
  readonly reach: ReachTarget;
  /** As {@link BridgeTunnelHandler.denies}; {@link Bridge.denyListed} is to follow when its answers change. */
  readonly denies?: (peerChain: readonly Buffer[]) => boolean;
  /** Where each stream is written down. Default: nowhere. */
  readonly streamLog?: StreamLog;
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: BridgeEvents;
}

export class Bridge {
  readonly #options: BridgeOptions;
  #identity: TunnelIdentity;
  readonly #parks: Parks;
  readonly #stop = new AbortController();
  readonly #refusals: News;
  readonly #sessions: Sessions;
  /** Which brokers are to get off a node that drains. */
  readonly #leaves: LeavePlan<SessionStream>;
  readonly #leaveAlarm: Alarm;
  /** Sessions whose inner handshake is not over. */
  readonly #handshakes = new Set<SessionStream>();
  readonly #tunnels = new Set<BridgeTunnel>();
  readonly #splices = new Set<Splice>();

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#identity = options.identity;
    this.#parks = new Parks({
      ...options,
      infoHash: options.identity.infoHash,
      instance: options.random.bytes(INSTANCE_BYTES),
      least: options.parks,
      // Not less when there are many tunnels: theirs may be the next legs.
      room: () => BRIDGE_TUNNELS - this.#sessions.opening,
      onPaired: (link, node) => this.#sessions.accept(link, [node]),
      onDraining: (node) => this.#onDraining(node),
      onParked: (node) => this.#leaves.back(node),
    });
    this.#leaves = new LeavePlan(options.random);
    this.#leaveAlarm = new Alarm(options.clock, () => this.#leave());
    this.#refusals = new News(options.log);
    this.#sessions = new Sessions({
      clock: options.clock,
      random: options.random,
      onSession: (stream) => void this.#serve(stream),
      onLegOpened: () => this.#parks.fill(),
      onLegFailed: (error) => this.#legFailed(error),
      watcher: {
        onLegGone: () => options.log.debug('a leg is gone'),
        onSuspect: () => {},
        onMove: (_leg, why) => {
          options.log.debug('a tunnel moved to another leg', { reason: why });
          options.events?.moved(why);
        },
        onResumed: (waitedMs) => options.events?.resumed(waitedMs),
        onLeave: () => {},
      },
    });
  }

  /** Connections that wait at a relay now. */
  get parked(): number {
    return this.#parks.parked;
  }

  /** How many of them wait at each host of relays. */
  get parkedByHost(): ReadonlyMap<string, number> {
    return this.#parks.byHost;
  }

  get tunnels(): number {
    return this.#tunnels.size;
  }

  /** Streams that run. */
  get streams(): number {
    return this.#splices.size;
  }

  /** Of each session, those whose inner handshake is not over included. */
  get sessions(): readonly SessionStats[] {
    return this.#sessions.stats;
  }

  start(): void {
    this.#parks.fill();
  }

  /**
   * From now on: brokers are asked to replace their tunnels, and parks are made anew, one after the other. Tunnels of brokers
   * under a CA that `identity` does not accept any more are cut. `identity` has the info_hash of the first one.
   */
  setIdentity(identity: TunnelIdentity): void {
    this.#identity = identity;
    for (const tunnel of this.#tunnels) this.#outdated(tunnel);
    this.#parks.renew();
  }

  /** Cuts the tunnels of brokers that are denied now. */
  denyListed(): void {
    const denied = [...this.#tunnels].filter((tunnel) => tunnel.denyIfListed());
    if (denied.length > 0)
      this.#options.log.warn('tunnels of denied brokers are cut', { tunnels: denied.length });
  }

  /** Leaves the relays, says GOAWAY in every tunnel, and waits until `deadline` for their streams to finish. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#stop.abort();
    this.#parks.stop();
    this.#leaveAlarm.cancel();
    this.#sessions.close();
    for (const stream of this.#handshakes) stream.destroy();
    const closing = [...this.#tunnels].map((tunnel) => tunnel.close());
    await Promise.race([Promise.all(closing), deadline]);
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const splice of this.#splices) splice.abort();
    await Promise.all([...closing, ...[...this.#splices].map((splice) => splice.done)]);
  }

  #outdated(tunnel: BridgeTunnel): void {
    if (this.#identity.accepts.includes(tunnel.infoHash)) tunnel.askRenewal();
    else tunnel.destroy();
  }

  /** Legs across `node` are to be replaced before it is gone. */
  #onDraining(node: string): void {
    const { clock, log } = this.#options;
    log.debug('a node is about to leave', { node });
    for (const stream of this.#leaves.heard(node, this.#sessions.all, clock.now())) stream.leave(node);
    this.#leave();
  }

  /** Tells the brokers whose time has come. */
  #leave(): void {
    const { clock, dialer } = this.#options;
    const now = clock.now();
    const hosts = dialer.routes.nodes.hosts(now).size;
    for (const { session, node } of this.#leaves.due(hosts, now)) session.leave(node);
    if (!this.#stop.signal.aborted) this.#leaveAlarm.set(this.#leaves.next(hosts));
  }

  async #serve(stream: SessionStream): Promise<void> {
    const { reach, log, denies } = this.#options;
    const identity = this.#identity;
    this.#handshakes.add(stream);
    void stream.gone.then(() => this.#leaves.forget(stream));
    try {
      const tunnel = await BridgeTunnel.accept(stream, identity, reach, {
        onStream: (each, target, request) => this.#splice(each, target, request),
        onRefused: (error, request) => this.#refuse(error, request),
        ...(denies && { denies }),
      });
      this.#tunnels.add(tunnel);
      log.debug('a tunnel is up');
      // Its handshake began before our certificate was changed.
      if (identity !== this.#identity) this.#outdated(tunnel);
      void tunnel.closed.then(() => {
        this.#tunnels.delete(tunnel);
        this.#parks.fill();
      });
      if (this.#stop.signal.aborted) tunnel.destroy();
    } catch (error) {
      const { message, code } = asBeaconError(error);
      if (!this.#stop.signal.aborted) log.warn(`a broker came, and no tunnel: ${message}`, { code });
    } finally {
      this.#handshakes.delete(stream);
      this.#parks.fill();
    }
  }

  /** A relay that dies, or a session that is over, is no news; somebody who speaks another language is. */
  #legFailed({ message, code }: BeaconError): void {
    const { log } = this.#options;
    if (code === 'closed' || code === 'proofInvalid')
      log.debug(`a leg came to nothing: ${message}`, { code });
    else log.warn(`a broker came, and no tunnel: ${message}`, { code });
  }

  #refuse({ message, code }: BeaconError, request: StreamRequest): void {
    // That a client leaves is no news.
    if (code !== 'closed') this.#refusals.bad(`a stream was refused: ${message}`, code);
    this.#options.streamLog?.refused(request, code);
    this.#options.events?.stream(code);
  }

  #splice(stream: Link, target: Link, request: StreamRequest): void {
    this.#refusals.good();
    const write = this.#options.streamLog?.begin(request);
    this.#options.events?.stream('accepted');
    const splice = spliceLinks(stream, target, { clock: this.#options.clock, stallMs: STALL_TIMEOUT_MS });
    this.#splices.add(splice);
    void splice.done.then((result) => {
      this.#splices.delete(splice);
      write?.(result);
    });
  }
}
