/**
 * The door, one for all listeners of a process: accept, descriptors, source (PROXY header where trusted), rate, and then
 * the budget of handshakes. Nothing that costs more than the step before runs before it.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { NoiseReason } from '../noise.ts';
import { Capacity, type CapacityOptions, type CapacityStatus } from './capacity.ts';
import { Handshakes, type HandshakesStatus } from './handshakes.ts';
import { ONE_SOURCE_WARNING, OneSource } from './one-source.ts';
import { type RateCounts, RateLimit, type RateLimitOptions } from './rate-limit.ts';
import { readProxyHeader } from './read-proxy-header.ts';
import { type SourceKey, sourceOf } from './source.ts';
import { TrustedProxies } from './trusted-proxies.ts';

export interface DoorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Who speaks the PROXY protocol to listeners that take it. Default: nobody. */
  readonly proxies?: TrustedProxies;
  /** What the machine can take. Default: as the system says. */
  readonly capacity?: Pick<CapacityOptions, 'descriptors' | 'watchLoad'>;
  /** Default: the limits of the product. Only tests pass others. */
  readonly rate?: RateLimitOptions;
}

/** A connection that may go on to its handshake. */
export interface Entry {
  /** IP address of the client. */
  readonly source: string;
  /** The source that it counts as. */
  readonly key: SourceKey;
  /** Over the limit: it is to be refused `rateLimit`, and may come again after so long. Undefined: within it. */
  readonly retryAfterMs: number | undefined;
  /** It is no stranger: it does not count against its source. */
  exempt(): void;
  /** A proof of it holds: its source goes first in floods. Call what it returns when the connection has ended. */
  proved(): () => void;
}

/** One connection on its way through the door. */
export interface Comer {
  readonly socket: Socket;
  /** Who is at the other end of the socket, IP address. */
  readonly peer: string;
  /** Whether this listener takes PROXY headers. */
  readonly proxied: boolean;
  /** Whether those over the limit can be told so; else they are closed. */
  readonly tells: boolean;
  /** Called once at the most, perhaps before {@link Door.enter} returns; must not throw. The socket is the callee's, paused. */
  readonly onEntry: (entry: Entry) => void;
  /** It was closed here. `detail` is for the debug log. */
  readonly onTurnedAway: (reason: NoiseReason, detail?: unknown) => void;
}

export interface DoorStatus {
  readonly rate: RateCounts;
  readonly handshakes: HandshakesStatus;
  readonly capacity: CapacityStatus;
}

export class Door {
  /** The budget that listeners hand to their TLS. */
  readonly handshakes: Handshakes;
  readonly #options: DoorOptions;
  readonly #proxies: TrustedProxies;
  readonly #rate: RateLimit;
  readonly #oneSource = new OneSource();
  readonly #capacity: Capacity;

  constructor(options: DoorOptions) {
    const { clock, log, proxies = new TrustedProxies([]) } = options;
    this.#options = options;
    this.#proxies = proxies;
    this.#rate = new RateLimit(options.rate);
    this.handshakes = new Handshakes({ clock });
    this.#capacity = new Capacity({
      ...options.capacity,
      clock,
      log,
      onPaused: (paused) => (paused ? this.handshakes.pause() : this.handshakes.resume()),
    });
  }

  /** Begins to watch time and memory; the caller stops it. */
  start(): void {
    this.#capacity.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#capacity.stop();
  }

  get status(): DoorStatus {
    return {
      rate: this.#rate.counts,
      handshakes: this.handshakes.status,
      capacity: this.#capacity.status,
    };
  }

  /** For each accepted socket, in the same turn and before anything was read from it. */
  enter(comer: Comer): void {
    const { socket, peer } = comer;
    if (!this.#capacity.admit()) return turnAway(comer, 'full');
    socket.once('close', () => this.#capacity.released());
    if (!comer.proxied || !this.#proxies.has(peer)) return this.#judge(comer, peer);
    readProxyHeader(socket, {
      clock: this.#options.clock,
      onRead: (read) => {
        switch (read.kind) {
          case 'failed':
            return comer.onTurnedAway(read.reason, read.detail);
          case 'client':
            return this.#judge(comer, read.address);
          case 'unknown':
            return this.#judge(comer, peer);
          case 'local':
            // A health check of the operator's own proxy: several of them may share an address.
            return comer.onEntry(this.#entry(peer));
        }
      },
    });
  }

  /**
   * For a listener whose sockets are not ours: whether a connection from this IP address may go on. Undefined: no. Else what
   * is to be called once it proves to be no stranger.
   */
  readonly knock = (source: string): (() => void) | undefined => {
    const verdict = this.#rate.take(source, this.#options.clock.now());
    return verdict.verdict === 'enter' ? () => this.#rate.giveBack(source, verdict.token) : undefined;
  };

  #judge(comer: Comer, source: string): void {
    const now = this.#options.clock.now();
    this.#warn(comer, source, now);
    const verdict = this.#rate.take(source, now);
    if (verdict.verdict === 'enter') return comer.onEntry(this.#entry(source, verdict.token));
    if (verdict.verdict === 'close' || !comer.tells) return turnAway(comer, 'rateLimit');
    comer.onEntry({ ...this.#entry(source), retryAfterMs: verdict.retryAfterMs });
  }

  /** @param token of the rate limit; none where it did not count. */
  #entry(source: string, token?: number): Entry {
    const key = sourceOf(source);
    return {
      source,
      key,
      retryAfterMs: undefined,
      exempt: () => {
        if (token !== undefined) this.#rate.giveBack(source, token);
      },
      proved: () => this.handshakes.proved(key),
    };
  }

  /** Only where a load balancer would be: members of a cluster may well share one address. */
  #warn({ proxied }: Comer, source: string, now: number): void {
    if (!proxied || this.#proxies.configured || !this.#oneSource.sees(source, now)) return;
    this.#options.log.warn(ONE_SOURCE_WARNING);
  }
}

function turnAway({ socket, onTurnedAway }: Comer, reason: NoiseReason): void {
  socket.destroy();
  onTurnedAway(reason);
}

/** Of a connection that passed no door. */
export function openEntry(source: string): Entry {
  return { source, key: sourceOf(source), retryAfterMs: undefined, exempt: () => {}, proved: () => () => {} };
}
