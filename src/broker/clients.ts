/** The clients of a broker: those that wait for a tunnel, and those that have a stream in one. Each wants one target. */
import type { Clock, Timer } from '../base/clock.ts';
import { type BeaconError, messageOf } from '../base/errors.ts';
import { STALL_TIMEOUT_MS, STREAM_WAIT_MS, WAITING_STREAMS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Link } from '../net/link.ts';
import { type Splice, spliceLinks } from '../net/splice.ts';
import type { BrokerTunnel, OpenedStream } from '../tunnel/broker-tunnel.ts';
import { News } from '../tunnel/news.ts';
import { EarlyBytes } from './early-bytes.ts';
import type { BrokerEvents } from './events.ts';
import { StreamCounts } from './stream-counts.ts';

export interface ClientsOptions {
  /** Where the next stream is best placed; undefined: nowhere now. {@link Clients.serveWaiting} is to follow when that changes. */
  readonly pick: () => BrokerTunnel | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: BrokerEvents;
}

export class Clients {
  readonly #options: ClientsOptions;
  /** By target, of which there are no more than listeners. */
  readonly #refusals = new Map<string, News>();
  readonly #turnedAway: News;
  /** Who waits for a tunnel, or for a place in one, until when. */
  readonly #waiting = new Map<Client, Timer>();
  readonly #splices = new Set<Splice>();
  /** What became of the streams, and of the clients that got none. */
  readonly counts = new StreamCounts();
  #stopped = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#turnedAway = new News(options.log);
  }

  /** Streams that run. */
  get streams(): number {
    return this.#splices.size;
  }

  /** Clients that wait for a tunnel, or for a place in one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Carries a client's connection to `target`, by the name that the bridge knows. The link is closed with its stream, or
   * reset when there is none to be had.
   */
  serve(link: Link, target: string): void {
    const client: Client = { early: new EarlyBytes(link, () => this.#forget(client)), target };
    this.#place(client);
  }

  /** Gives streams to those that wait, as far as there is room. */
  serveWaiting(): void {
    for (const client of this.#waiting.keys()) {
      const tunnel = this.#options.pick();
      if (!tunnel) return;
      this.#turnedAway.good();
      this.#forget(client);
      this.#open(client, tunnel);
    }
  }

  /** Takes no new clients and resets those that wait. Streams go on. */
  stop(): void {
    this.#stopped = true;
    for (const client of this.#waiting.keys()) {
      this.#forget(client);
      client.early.client.reset();
    }
  }

  /** Cuts every stream; resolves when all are closed. */
  async abort(): Promise<void> {
    const splices = [...this.#splices];
    for (const splice of splices) splice.abort();
    await Promise.all(splices.map(({ done }) => done));
  }

  #place(client: Client): void {
    if (this.#stopped) return client.early.client.reset();
    const tunnel = this.#options.pick();
    if (tunnel) return this.#open(client, tunnel);
    if (this.#waiting.size >= WAITING_STREAMS) return this.#turnAway(client, 'too many wait for a tunnel');
    const timer = this.#options.clock.after(STREAM_WAIT_MS, () => {
      this.#forget(client);
      this.#turnAway(client, `no tunnel within ${STREAM_WAIT_MS / 1_000} s`);
    });
    this.#waiting.set(client, timer);
  }

  #forget(client: Client): void {
    this.#waiting.get(client)?.cancel();
    this.#waiting.delete(client);
  }

  #open(client: Client, tunnel: BrokerTunnel): void {
    let opened: OpenedStream;
    try {
      opened = tunnel.connect(client.target, client.early.client.ends);
    } catch (cause) {
      return this.#turnAway(client, messageOf(cause));
    }
    const { link, accepted } = opened;
    const { clock, events } = this.#options;
    const since = clock.now();
    client.early.passTo(link);
    void accepted.then(
      () => {
        events?.streamOpened(clock.now() - since);
        this.#carry(client, link);
      },
      (error: BeaconError) => this.#onRefused(client, tunnel, error),
    );
  }

  #carry({ early, target }: Client, link: Link): void {
    this.counts.add('accepted');
    this.#refusals.get(target)?.good();
    early.release();
    const { clock } = this.#options;
    const splice = spliceLinks(early.client, link, { clock, stallMs: STALL_TIMEOUT_MS });
    this.#splices.add(splice);
    void splice.done.then(() => {
      this.#splices.delete(splice);
      this.serveWaiting();
    });
  }

  #onRefused(client: Client, tunnel: BrokerTunnel, { code, message }: BeaconError): void {
    const { early, target } = client;
    // Once for each tunnel: a bridge that is up and takes no streams is not asked again and again.
    if (code === 'noTunnel' && !tunnel.usable && !early.client.stream.destroyed) return this.#place(client);
    this.counts.add(code);
    // The client left, or the tunnel was cut: not about this stream.
    if (code === 'closed') this.#options.log.debug('a stream ended before its target was reached');
    else this.#newsOf(target).bad(message, code);
    early.client.reset();
    this.serveWaiting();
  }

  #newsOf(target: string): News {
    const news = this.#refusals.get(target) ?? new News(this.#options.log.child({ target }));
    this.#refusals.set(target, news);
    return news;
  }

  #turnAway({ early }: Client, why: string): void {
    this.counts.add('noTunnel');
    this.#turnedAway.bad(`a client was turned away: ${why}`, 'noTunnel');
    early.client.reset();
  }
}

/** A connection that has no stream yet. */
interface Client {
  readonly early: EarlyBytes;
  /** Name of the target, as the bridge knows it. */
  readonly target: string;
}
