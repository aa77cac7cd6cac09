/**
 * How a node leaves: its parks are sent elsewhere at random times, its splices have until a deadline to be moved away,
 * and what is left then is cut. Pure: says what to do, and is told what is left.
 */
import type { DrainState } from '../base/drain.ts';
import { DRAIN_LINGER_MS, DRAIN_PARK_MS, DRAIN_PARKS_MS, PING_INTERVAL_MS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { ConnectionId } from './lot.ts';

export type DrainEffect =
  | { readonly do: 'goAway'; readonly connection: ConnectionId; readonly reconnectAfterMs: number }
  /** Parks that are still here are told again that this node drains: clients forget it after a while. */
  | { readonly do: 'tell'; readonly connections: readonly ConnectionId[] }
  /** Nothing is left that is worth a wait, or the time is up: `cut` splices that still run are to be cut. Comes once. */
  | { readonly do: 'drained'; readonly cut: number };

export interface DrainOptions {
  readonly timeoutMs: number;
  readonly random: Random;
}

export class Drain {
  readonly #options: DrainOptions;
  readonly #parks = new Set<ConnectionId>();
  #state: DrainState = 'serving';
  #splices = 0;
  /** Parks are not waited for any longer then, nor splices at the deadline. */
  #parksUntil = 0;
  #deadline: number | undefined;
  #tellAt = 0;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get state(): DrainState {
    return this.#state;
  }

  /** Nobody is to be taken in from now on. Call once, and {@link sendAway} when the others know. */
  begin(): void {
    this.#state = 'draining';
  }

  /** The time begins. @param parks connections that are parked here; `splices`: how many run. */
  sendAway(parks: readonly ConnectionId[], splices: number, now: number): DrainEffect[] {
    const { timeoutMs, random } = this.#options;
    const spreadMs = Math.min(parks.length * DRAIN_PARK_MS, DRAIN_PARKS_MS, timeoutMs / 3);
    this.#deadline = now + timeoutMs;
    this.#parksUntil = Math.min(now + spreadMs + DRAIN_LINGER_MS, this.#deadline);
    this.#splices = splices;
    this.#tellAt = now;
    const away = parks.map((connection): DrainEffect => {
      this.#parks.add(connection);
      return { do: 'goAway', connection, reconnectAfterMs: Math.floor(random.fraction() * spreadMs) };
    });
    return [...this.tick(now), ...away];
  }

  /** A connection is gone. Those that were not parked here are fine. */
  left(connection: ConnectionId, now: number): DrainEffect[] {
    return this.#parks.delete(connection) ? this.tick(now) : [];
  }

  /** So many splices run now. */
  spliced(splices: number, now: number): DrainEffect[] {
    this.#splices = splices;
    return this.tick(now);
  }

  /** When {@link tick} is due, or undefined. */
  nextDeadline(): number | undefined {
    if (this.#state !== 'draining' || this.#deadline === undefined) return undefined;
    const end = this.#splices > 0 ? this.#deadline : this.#parksUntil;
    return this.#parks.size > 0 ? Math.min(end, this.#tellAt) : end;
  }

  /** Lets the deadlines up to `now` take effect. */
  tick(now: number): DrainEffect[] {
    if (this.#state !== 'draining') return [];
    if (this.#isWorthAWait(now)) return this.#tell(now);
    this.#state = 'drained';
    return [{ do: 'drained', cut: this.#splices }];
  }

  #tell(now: number): DrainEffect[] {
    if (this.#deadline === undefined || this.#parks.size === 0 || now < this.#tellAt) return [];
    this.#tellAt = now + PING_INTERVAL_MS;
    return [{ do: 'tell', connections: [...this.#parks] }];
  }

  #isWorthAWait(now: number): boolean {
    if (this.#deadline === undefined) return true;
    if (this.#splices > 0) return now < this.#deadline;
    return this.#parks.size > 0 && now < this.#parksUntil;
  }
}
