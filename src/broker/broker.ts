/**
 * The broker: listens for the store's clients and carries each connection as a stream of a tunnel to the bridge.
 * It answers a client at once, also while the tunnel is being built; a stream waits for it.
 */
import { type Clock, sleep } from '../base/clock.ts';
import { asBeaconError, BeaconError } from '../base/errors.ts';
import { RECONNECT_HEALTHY_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { BrokerTunnel } from '../tunnel/broker-tunnel.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import { Reconnect } from '../tunnel/reconnect.ts';
import type { RelayDialer } from '../tunnel/relay-dialer.ts';
import { INSTANCE_BYTES } from '../wire/frames.ts';
import { Clients } from './clients.ts';
import { connectThrough } from './connect.ts';

export interface BrokerOptions {
  readonly dialer: Pick<RelayDialer, 'dial'>;
  readonly identity: TunnelIdentity;
  /** Name of the target that every stream is for. */
  readonly target: string;
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class Broker {
  readonly #options: BrokerOptions;
  readonly #instance: Buffer;
  readonly #reconnect: Reconnect;
  readonly #clients: Clients;
  readonly #stop = new AbortController();
  /** All that are not gone: the one in use, and those that finish their last streams. */
  readonly #tunnels = new Set<BrokerTunnel>();
  #tunnel: BrokerTunnel | undefined;
  #kept: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#instance = options.random.bytes(INSTANCE_BYTES);
    this.#reconnect = new Reconnect(options.random, options.log);
    this.#clients = new Clients(options);
  }

  /** Whether a tunnel is up. */
  get connected(): boolean {
    return this.#tunnel?.usable ?? false;
  }

  get streams(): number {
    return this.#clients.streams;
  }

  /** Builds a tunnel, and another whenever that one is gone, until {@link stop}. */
  start(): void {
    this.#kept = this.#keepTunnel();
  }

  /** Carries a client's connection. The link is closed with its stream, or reset when there is none to be had. */
  serve(client: Link): void {
    this.#clients.serve(client);
  }

  /** Takes no new clients, waits until `deadline` for the running streams, then cuts what is left. */
  async stop(deadline: Promise<void>): Promise<void> {
    this.#stop.abort();
    this.#clients.stop();
    const closing = [...this.#tunnels].map((tunnel) => tunnel.close());
    await Promise.race([Promise.all(closing), deadline]);
    for (const tunnel of this.#tunnels) tunnel.destroy();
    await Promise.all([this.#kept, ...closing, this.#clients.abort()]);
  }

  async #keepTunnel(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let since: number | undefined;
      try {
        const { tunnel, path } = await this.#build();
        since = clock.now();
        this.#use(tunnel, path);
        const reason = await tunnel.left;
        // The bridge leaves in good order: another may be there already. One that never stays is left to the backoff.
        if (reason === 'goaway' && clock.now() - since >= RECONNECT_HEALTHY_MS) continue;
        throw new BeaconError('closed', 'the tunnel is gone; building another', { retry: true });
      } catch (cause) {
        if (signal.aborted) return;
        const error = asBeaconError(cause);
        const waitMs = this.#reconnect.failed(error, since === undefined ? 0 : clock.now() - since);
        log.debug('the next try for a tunnel follows', { waitMs: Math.round(waitMs) });
        await sleep(clock, waitMs, signal);
      }
    }
  }

  /** A tunnel, and the nodes that its leg crosses. */
  async #build(): Promise<{ tunnel: BrokerTunnel; path: readonly string[] }> {
    const { dialer, identity, software, clock } = this.#options;
    const { signal } = this.#stop;
    const link = await dialer.dial(signal);
    const { infoHash } = identity;
    const { path } = await connectThrough(link, {
      infoHash,
      instance: this.#instance,
      software,
      clock,
      signal,
    });
    const onStop = (): void => link.reset();
    signal.addEventListener('abort', onStop, { once: true });
    try {
      return { tunnel: await BrokerTunnel.open(link, identity), path };
    } finally {
      signal.removeEventListener('abort', onStop);
    }
  }

  #use(tunnel: BrokerTunnel, path: readonly string[]): void {
    this.#tunnels.add(tunnel);
    void tunnel.closed.then(() => this.#tunnels.delete(tunnel));
    if (this.#stop.signal.aborted) return tunnel.destroy();
    this.#tunnel = tunnel;
    this.#reconnect.succeeded();
    this.#options.log.info('a tunnel to the bridge is up', { path: path.join(', ') });
    this.#clients.use(tunnel);
  }
}
