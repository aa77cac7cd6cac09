/**
 * The broker: listens for the store's clients and carries each connection as a stream of a tunnel to the bridge.
 * It answers a client at once, also while the tunnel is being built; a stream waits for it.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import { STALL_TIMEOUT_MS, STREAM_WAIT_MS, WAITING_STREAMS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { type Splice, spliceLinks } from '../net/splice.ts';
import { BrokerTunnel, type OpenedStream } from '../tunnel/broker-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import { Reconnect } from '../tunnel/reconnect.ts';
import type { RelayDialer } from '../tunnel/relay-dialer.ts';
import { INSTANCE_BYTES } from '../wire/frames.ts';
import { connectThrough } from './connect.ts';

export interface BrokerOptions {
  readonly dialer: RelayDialer;
  readonly identity: TunnelIdentity;
  /** Name of the target that every stream is for. */
  readonly target: string;
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A client that waits for a tunnel. */
interface Waiter {
  readonly client: Link;
  readonly timer: Timer;
}

export class Broker {
  readonly #options: BrokerOptions;
  readonly #instance: Buffer;
  readonly #reconnect: Reconnect;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<Waiter>();
  readonly #splices = new Set<Splice>();
  /** All that are not gone: the one in use, and those that finish their last streams. */
  readonly #tunnels = new Set<BrokerTunnel>();
  #tunnel: BrokerTunnel | undefined;
  #kept: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#instance = options.random.bytes(INSTANCE_BYTES);
    this.#reconnect = new Reconnect(options.random, options.log);
  }

  /** Whether a tunnel is up. */
  get connected(): boolean {
    return this.#tunnel?.usable ?? false;
  }

  get streams(): number {
    return this.#splices.size;
  }

  /** Builds a tunnel, and another whenever that one is gone, until {@link stop}. */
  start(): void {
    this.#kept = this.#keepTunnel();
  }

  /** Carries a client's connection. The link is closed with its stream, or reset when there is none to be had. */
  serve(client: Link): void {
    const tunnel = this.#tunnel;
    if (tunnel?.usable) return this.#carry(client, tunnel);
    if (this.#stop.signal.aborted) return client.reset();
    if (this.#waiters.size >= WAITING_STREAMS) return this.#turnAway(client, 'too many wait for a tunnel');
    const waiter: Waiter = {
      client,
      timer: this.#options.clock.after(STREAM_WAIT_MS, () => {
        this.#waiters.delete(waiter);
        this.#turnAway(client, `no tunnel within ${STREAM_WAIT_MS / 1_000} s`);
      }),
    };
    this.#waiters.add(waiter);
  }

  /** Takes no new clients, waits until `deadline` for the running streams, then cuts what is left. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#stop.abort();
    for (const { client, timer } of this.#waiters) {
      timer.cancel();
      client.reset();
    }
    this.#waiters.clear();
    const closing = [...this.#tunnels].map((tunnel) => tunnel.close());
    await Promise.race([Promise.all(closing), deadline]);
    for (const tunnel of this.#tunnels) tunnel.destroy();
    for (const splice of this.#splices) splice.abort();
    await Promise.all([this.#kept, ...closing, ...[...this.#splices].map((splice) => splice.done)]);
  }

  async #keepTunnel(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let since: number | undefined;
      try {
        const tunnel = await this.#build();
        since = clock.now();
        this.#use(tunnel);
        await tunnel.left;
        throw new BeaconError('closed', 'the tunnel is gone; building another', { retry: true });
      } catch (cause) {
        if (signal.aborted) return;
        const error =
          cause instanceof BeaconError ? cause : new BeaconError('internal', messageOf(cause), { cause });
        const waitMs = this.#reconnect.failed(error, since === undefined ? 0 : clock.now() - since);
        log.debug('the next try for a tunnel follows', { waitMs: Math.round(waitMs) });
        await sleep(clock, waitMs, signal);
      }
    }
  }

  async #build(): Promise<BrokerTunnel> {
    const { dialer, identity, software, clock } = this.#options;
    const { signal } = this.#stop;
    const link = await dialer.dial(signal);
    const { infoHash } = identity;
    await connectThrough(link, { infoHash, instance: this.#instance, software, clock, signal });
    return BrokerTunnel.open(link, identity);
  }

  #use(tunnel: BrokerTunnel): void {
    this.#tunnels.add(tunnel);
    void tunnel.closed.then(() => this.#tunnels.delete(tunnel));
    if (this.#stop.signal.aborted) return tunnel.destroy();
    this.#tunnel = tunnel;
    this.#reconnect.succeeded();
    this.#options.log.info('a tunnel to the bridge is up');
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.timer.cancel();
      this.#carry(waiter.client, tunnel);
    }
  }

  #carry(client: Link, tunnel: BrokerTunnel): void {
    const { clock, log, target } = this.#options;
    let opened: OpenedStream;
    try {
      opened = tunnel.connect(target);
    } catch (cause) {
      return this.#turnAway(client, messageOf(cause));
    }
    opened.accepted.catch((error: BeaconError) => log.warn(error.message, { code: error.code }));
    const splice = spliceLinks(client, opened.link, { clock, stallMs: STALL_TIMEOUT_MS });
    this.#splices.add(splice);
    void splice.done.then(() => this.#splices.delete(splice));
  }

  #turnAway(client: Link, why: string): void {
    this.#options.log.warn(`a client was turned away: ${why}`, { code: 'noTunnel' });
    client.reset();
  }
}
