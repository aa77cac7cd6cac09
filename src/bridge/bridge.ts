/**
 * The bridge: keeps connections parked at relays, turns each pairing into a tunnel, and serves its streams from the
 * secret store.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { asBeaconError, messageOf } from '../base/errors.ts';
import { BRIDGE_TUNNELS, STALL_TIMEOUT_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { type Splice, spliceLinks } from '../net/splice.ts';
import { BridgeTunnel, type ReachTarget } from '../tunnel/bridge-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import { News } from '../tunnel/news.ts';
import { Reconnect } from '../tunnel/reconnect.ts';
import type { RelayDialer } from '../tunnel/relay-dialer.ts';
import { INSTANCE_BYTES } from '../wire/frames.ts';
import { ParkPlan } from './park-plan.ts';
import { ParkedConnection } from './parked-connection.ts';

export interface BridgeOptions {
  readonly dialer: Pick<RelayDialer, 'dial'>;
  readonly identity: TunnelIdentity;
  /** Parked connections to keep at the least. */
  readonly parks: number;
  readonly reach: ReachTarget;
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class Bridge {
  readonly #options: BridgeOptions;
  readonly #instance: Buffer;
  readonly #plan: ParkPlan;
  readonly #reconnect: Reconnect;
  readonly #stop = new AbortController();
  readonly #refusals: News;
  readonly #parks = new Set<ParkedConnection>();
  /** Parks that a relay wants to be rid of: each is closed when another is parked. */
  readonly #leaving = new Set<ParkedConnection>();
  /** Paired, and not yet a tunnel. */
  readonly #handshakes = new Set<Link>();
  readonly #tunnels = new Set<BridgeTunnel>();
  readonly #splices = new Set<Splice>();
  #dialling = 0;
  #timer: Timer | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#instance = options.random.bytes(INSTANCE_BYTES);
    this.#plan = new ParkPlan(options.parks);
    this.#reconnect = new Reconnect(options.random, options.log);
    this.#refusals = new News(options.log);
  }

  /** Connections that wait at a relay now. */
  get parked(): number {
    return [...this.#parks, ...this.#leaving].filter((park) => park.parked).length;
  }

  get tunnels(): number {
    return this.#tunnels.size;
  }

  start(): void {
    this.#fill();
  }

  /** Leaves the relays, says GOAWAY in every tunnel, and waits until `deadline` for their streams to finish. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    for (const park of [...this.#parks, ...this.#leaving]) park.close();
    for (const link of this.#handshakes) link.reset();
    const closing = [...this.#tunnels].map((tunnel) => tunnel.close());
    await Promise.race([Promise.all(closing), deadline]);
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const splice of this.#splices) splice.abort();
    await Promise.all([...closing, ...[...this.#splices].map((splice) => splice.done)]);
  }

  /** Dials until as many connections are parked, or on their way, as the plan wants; unless a backoff runs. */
  #fill(): void {
    if (this.#stop.signal.aborted || this.#timer) return;
    const room = BRIDGE_TUNNELS - this.#tunnels.size - this.#handshakes.size;
    const wanted = Math.min(room, this.#plan.target(this.#options.clock.now()));
    const missing = wanted - this.#parks.size - this.#dialling;
    for (let count = 0; count < missing; count += 1) void this.#dial();
  }

  async #dial(): Promise<void> {
    this.#dialling += 1;
    try {
      const link = await this.#options.dialer.dial(this.#stop.signal);
      this.#park(link);
    } catch (error) {
      this.#lost(error, 0);
    } finally {
      this.#dialling -= 1;
    }
  }

  #park(link: Link): void {
    const { clock, identity, log, software } = this.#options;
    const unpark = (): void => {
      this.#parks.delete(park);
      this.#leaving.delete(park);
    };
    const park = new ParkedConnection(
      link,
      { infoHash: identity.infoHash, instance: this.#instance, software, clock },
      {
        onParked: ({ node, zone }) => {
          this.#reconnect.succeeded();
          log[this.parked === 1 ? 'info' : 'debug']('parked at a relay', { node, zone });
          this.#closeOneLeaving();
        },
        onLeave: () => {
          this.#parks.delete(park);
          this.#leaving.add(park);
          this.#fill();
        },
        onPaired: (paired) => {
          unpark();
          this.#plan.paired(clock.now());
          void this.#serve(paired);
          this.#fill();
        },
        onEnd: (error, parkedMs) => {
          unpark();
          this.#lost(error, parkedMs);
        },
      },
    );
    this.#parks.add(park);
    // Stopped while the dial was under way.
    if (this.#stop.signal.aborted) {
      unpark();
      park.close();
    }
  }

  async #serve(link: Link): Promise<void> {
    const { identity, reach, log } = this.#options;
    this.#handshakes.add(link);
    try {
      const tunnel = await BridgeTunnel.accept(link, identity, reach, {
        onStream: (stream, target) => this.#splice(stream, target),
        onRefused: ({ message, code }) => this.#refusals.bad(`a stream was refused: ${message}`, code),
      });
      this.#tunnels.add(tunnel);
      log.debug('a tunnel is up');
      void tunnel.closed.then(() => {
        this.#tunnels.delete(tunnel);
        this.#fill();
      });
      if (this.#stop.signal.aborted) tunnel.destroy();
    } catch (error) {
      link.reset();
      if (!this.#stop.signal.aborted) log.warn(`a broker came, and no tunnel: ${messageOf(error)}`);
    } finally {
      this.#handshakes.delete(link);
      this.#fill();
    }
  }

  #closeOneLeaving(): void {
    const [park] = this.#leaving;
    if (!park) return;
    this.#leaving.delete(park);
    park.close();
  }

  #splice(stream: Link, target: Link): void {
    this.#refusals.good();
    const splice = spliceLinks(stream, target, { clock: this.#options.clock, stallMs: STALL_TIMEOUT_MS });
    this.#splices.add(splice);
    void splice.done.then(() => this.#splices.delete(splice));
  }

  /** A connection was refused, lost, or could not be had: try again after a while. */
  #lost(error: unknown, livedMs: number): void {
    if (this.#stop.signal.aborted) return;
    const known = asBeaconError(error);
    // One timer for all: when a relay dies, every park is lost at the same moment.
    if (this.#timer) return;
    this.#timer = this.#options.clock.after(this.#reconnect.failed(known, livedMs), () => {
      this.#timer = undefined;
      this.#fill();
    });
  }
}
