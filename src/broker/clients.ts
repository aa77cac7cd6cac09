/** The clients of a broker: those that wait for a tunnel, and those that have a stream in one. */
import type { Clock, Timer } from '../base/clock.ts';
import { type BeaconError, messageOf } from '../base/errors.ts';
import { STALL_TIMEOUT_MS, STREAM_WAIT_MS, WAITING_STREAMS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Link } from '../net/link.ts';
import { type Splice, spliceLinks } from '../net/splice.ts';
import type { BrokerTunnel, OpenedStream } from '../tunnel/broker-tunnel.ts';
import { News } from '../tunnel/news.ts';
import { EarlyBytes } from './early-bytes.ts';

export interface ClientsOptions {
  /** Name of the target that every stream is for. */
  readonly target: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class Clients {
  readonly #options: ClientsOptions;
  readonly #refusals: News;
  readonly #turnedAway: News;
  /** Who waits for a tunnel, or for a place in one, until when. */
  readonly #waiting = new Map<EarlyBytes, Timer>();
  readonly #splices = new Set<Splice>();
  #tunnel: BrokerTunnel | undefined;
  #stopped = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#refusals = new News(options.log);
    this.#turnedAway = new News(options.log);
  }

  /** Streams that run. */
  get streams(): number {
    return this.#splices.size;
  }

  /** Carries a client's connection. The link is closed with its stream, or reset when there is none to be had. */
  serve(client: Link): void {
    const early: EarlyBytes = new EarlyBytes(client, () => this.#forget(early));
    this.#place(early);
  }

  /** Opens streams in `tunnel` from now on; those that wait come first. */
  use(tunnel: BrokerTunnel): void {
    this.#tunnel = tunnel;
    this.#turnedAway.good();
    this.#serveWaiting();
  }

  /** Takes no new clients and resets those that wait. Streams go on. */
  stop(): void {
    this.#stopped = true;
    for (const early of this.#waiting.keys()) {
      this.#forget(early);
      early.client.reset();
    }
  }

  /** Cuts every stream; resolves when all are closed. */
  async abort(): Promise<void> {
    const splices = [...this.#splices];
    for (const splice of splices) splice.abort();
    await Promise.all(splices.map(({ done }) => done));
  }

  #place(early: EarlyBytes): void {
    if (this.#stopped) return early.client.reset();
    if (this.#tunnel?.hasRoom) return this.#open(early, this.#tunnel);
    if (this.#waiting.size >= WAITING_STREAMS) return this.#turnAway(early, 'too many wait for a tunnel');
    const timer = this.#options.clock.after(STREAM_WAIT_MS, () => {
      this.#forget(early);
      this.#turnAway(early, `no tunnel within ${STREAM_WAIT_MS / 1_000} s`);
    });
    this.#waiting.set(early, timer);
  }

  #forget(early: EarlyBytes): void {
    this.#waiting.get(early)?.cancel();
    this.#waiting.delete(early);
  }

  #serveWaiting(): void {
    for (const early of this.#waiting.keys()) {
      if (!this.#tunnel?.hasRoom) return;
      this.#forget(early);
      this.#open(early, this.#tunnel);
    }
  }

  #open(early: EarlyBytes, tunnel: BrokerTunnel): void {
    let opened: OpenedStream;
    try {
      opened = tunnel.connect(this.#options.target);
    } catch (cause) {
      return this.#turnAway(early, messageOf(cause));
    }
    const { link, accepted } = opened;
    early.passTo(link);
    void accepted.then(
      () => this.#carry(early, link),
      (error: BeaconError) => this.#onRefused(early, tunnel, error),
    );
  }

  #carry(early: EarlyBytes, link: Link): void {
    this.#refusals.good();
    early.release();
    const { clock } = this.#options;
    const splice = spliceLinks(early.client, link, { clock, stallMs: STALL_TIMEOUT_MS });
    this.#splices.add(splice);
    void splice.done.then(() => {
      this.#splices.delete(splice);
      this.#serveWaiting();
    });
  }

  #onRefused(early: EarlyBytes, tunnel: BrokerTunnel, { code, message }: BeaconError): void {
    // Once for each tunnel: a bridge that is up and takes no streams is not asked again and again.
    if (code === 'noTunnel' && !tunnel.usable && !early.client.stream.destroyed) return this.#place(early);
    // The client left, or the tunnel was cut: not about this stream.
    if (code === 'closed') this.#options.log.debug('a stream ended before its target was reached');
    else this.#refusals.bad(message, code);
    early.client.reset();
    this.#serveWaiting();
  }

  #turnAway({ client }: EarlyBytes, why: string): void {
    this.#turnedAway.bad(`a client was turned away: ${why}`, 'noTunnel');
    client.reset();
  }
}
