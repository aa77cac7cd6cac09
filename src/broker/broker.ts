/**
 * The broker: listens for the store's clients and carries each connection as a stream of a tunnel to a bridge.
 * It answers a client at once, also while the tunnel is being built; a stream waits for it.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import type { Redundancy } from '../tunnel/leg-step.ts';
import type { RelayChoice } from '../tunnel/relay-dialer.ts';
import type { SessionStats } from '../tunnel/session/types.ts';
import { INSTANCE_BYTES } from '../wire/frames.ts';
import { Clients } from './clients.ts';
import { bridgeDialer } from './dial-bridge.ts';
import type { BrokerEvents } from './events.ts';
import type { StreamCounts } from './stream-counts.ts';
import { Tunnels } from './tunnels.ts';

export interface BrokerOptions {
  readonly dialer: RelayChoice;
  readonly identity: TunnelIdentity;
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: BrokerEvents;
}

/** One tunnel, for status and metrics. */
export interface TunnelStatus {
  /** Instance of its bridge, 32 hex digits. */
  readonly bridge: string;
  readonly streams: number;
  /** Nodes that each leg crosses. */
  readonly paths: readonly (readonly string[])[];
  readonly redundancy: Redundancy;
  /** Another one has taken its place: it finishes its streams. */
  readonly retired: boolean;
  readonly session: SessionStats;
}

export class Broker {
  readonly #tunnels: Tunnels;
  readonly #clients: Clients;

  constructor(options: BrokerOptions) {
    const { dialer, identity, software, clock, random, log, events } = options;
    const instance = random.bytes(INSTANCE_BYTES);
    this.#tunnels = new Tunnels({
      dialer,
      dial: bridgeDialer({ dialer, infoHash: identity.infoHash, instance, software, clock }),
      identity,
      clock,
      random,
      log,
      ...(events && { events }),
      onRoom: () => this.#clients.serveWaiting(),
    });
    this.#clients = new Clients({ clock, log, pick: () => this.#tunnels.pick(), ...(events && { events }) });
  }

  /** Whether a tunnel is up and has a leg. */
  get connected(): boolean {
    return this.#tunnels.connected;
  }

  get streams(): number {
    return this.#clients.streams;
  }

  /** Clients that wait for a tunnel. */
  get waiting(): number {
    return this.#clients.waiting;
  }

  /** What became of the streams since the start. */
  get counts(): StreamCounts {
    return this.#clients.counts;
  }

  get tunnels(): readonly TunnelStatus[] {
    return this.#tunnels.all.map(({ instance, tunnel, redundancy, retired }) => ({
      bridge: instance,
      streams: tunnel.streams,
      paths: tunnel.legs.map(({ path }) => path),
      redundancy,
      retired,
      session: tunnel.stats,
    }));
  }

  /** Builds a tunnel to each bridge that it finds, and another whenever one is gone, until {@link stop}. */
  start(): void {
    this.#tunnels.start();
  }

  /**
   * Carries a client's connection to `target`, by the name that the bridge knows. The link is closed with its stream, or
   * reset when there is none to be had.
   */
  serve(client: Link, target: string): void {
    this.#clients.serve(client, target);
  }

  /** From now on; every tunnel is replaced by a new one to the same bridge. `identity` has the info_hash of the first one. */
  setIdentity(identity: TunnelIdentity): void {
    this.#tunnels.setIdentity(identity);
  }

  /** Replaces every tunnel by a new one to the same bridge, without harm to a stream. */
  renew(): void {
    this.#tunnels.renew();
  }

  /** Takes no new clients, waits until `deadline` for the running streams, then cuts what is left. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#clients.stop();
    await this.#tunnels.stop(deadline);
    await this.#clients.abort();
  }
}
