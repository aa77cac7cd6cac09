/**
 * The bridge: keeps connections parked at relays, turns each pairing into a tunnel, and serves its streams from the
 * secret store.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import { STALL_TIMEOUT_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { type Splice, spliceLinks } from '../net/splice.ts';
import { BridgeTunnel, type ReachTarget } from '../tunnel/bridge-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import { Reconnect } from '../tunnel/reconnect.ts';
import type { RelayDialer } from '../tunnel/relay-dialer.ts';
import { INSTANCE_BYTES } from '../wire/frames.ts';
import { ParkPlan } from './park-plan.ts';
import { ParkedConnection } from './parked-connection.ts';

export interface BridgeOptions {
  readonly dialer: RelayDialer;
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
  readonly #parks = new Set<ParkedConnection>();
  readonly #tunnels = new Set<BridgeTunnel>();
  readonly #splices = new Set<Splice>();
  #parked = 0;
  #dialling = 0;
  #timer: Timer | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#instance = options.random.bytes(INSTANCE_BYTES);
    this.#plan = new ParkPlan(options.parks);
    this.#reconnect = new Reconnect(options.random, options.log);
  }

  /** Connections that wait at a relay now. */
  get parked(): number {
    return this.#parked;
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
    for (const park of this.#parks) park.close();
    const closing = [...this.#tunnels].map((tunnel) => tunnel.close());
    await Promise.race([Promise.all(closing), deadline]);
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const splice of this.#splices) splice.abort();
    await Promise.all([...closing, ...[...this.#splices].map((splice) => splice.done)]);
  }

  /** Dials until as many connections are parked, or on their way, as the plan wants; unless a backoff runs. */
  #fill(): void {
    if (this.#stop.signal.aborted || this.#timer) return;
    const missing = this.#plan.target(this.#options.clock.now()) - this.#parks.size - this.#dialling;
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
    let since: number | undefined;
    const unpark = (): void => {
      this.#parks.delete(park);
      if (since !== undefined) this.#parked -= 1;
    };
    const park = new ParkedConnection(
      link,
      { infoHash: identity.infoHash, instance: this.#instance, software, clock },
      {
        onParked: ({ node, zone }) => {
          since = clock.now();
          this.#parked += 1;
          this.#reconnect.succeeded();
          log[this.#parked === 1 ? 'info' : 'debug']('parked at a relay', { node, zone });
        },
        onPaired: (paired) => {
          unpark();
          this.#plan.paired(clock.now());
          void this.#serve(paired);
          this.#fill();
        },
        onEnd: (error) => {
          unpark();
          this.#lost(error, since === undefined ? 0 : clock.now() - since);
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
    try {
      const tunnel = await BridgeTunnel.accept(link, identity, reach, {
        onStream: (stream, target) => this.#splice(stream, target),
        onRefused: (error) => log.warn(`a stream was refused: ${error.message}`, { code: error.code }),
      });
      this.#tunnels.add(tunnel);
      log.debug('a tunnel is up');
      void tunnel.closed.then(() => this.#tunnels.delete(tunnel));
      if (this.#stop.signal.aborted) tunnel.destroy();
    } catch (error) {
      link.reset();
      log.warn(`a broker came, and no tunnel: ${messageOf(error)}`);
    }
  }

  #splice(stream: Link, target: Link): void {
    const splice = spliceLinks(stream, target, { clock: this.#options.clock, stallMs: STALL_TIMEOUT_MS });
    this.#splices.add(splice);
    void splice.done.then(() => this.#splices.delete(splice));
  }

  /** A connection was refused, lost, or could not be had: try again after a while. */
  #lost(error: unknown, livedMs: number): void {
    if (this.#stop.signal.aborted) return;
    const known =
      error instanceof BeaconError ? error : new BeaconError('internal', messageOf(error), { cause: error });
    // One timer for all: when a relay dies, every park is lost at the same moment.
    if (this.#timer) return;
    this.#timer = this.#options.clock.after(this.#reconnect.failed(known, livedMs), () => {
      this.#timer = undefined;
      this.#fill();
    });
  }
}
