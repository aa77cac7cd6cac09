/**
 * Keeps connections that wait awake, and finds out which are dead: a PING after every interval, and for those that
 * must answer a deadline for the PONG. Pure.
 */
import { Deadlines, earliest } from '../base/deadlines.ts';
import type { ConnectionId } from './lot.ts';

export interface PingOptions {
  readonly intervalMs: number;
  readonly pongTimeoutMs: number;
}

export type PingDue =
  | { readonly do: 'ping'; readonly connection: ConnectionId; readonly token: number }
  | { readonly do: 'dead'; readonly connection: ConnectionId };

const TOKEN_LIMIT = 2 ** 32;

export class Pings {
  readonly #options: PingOptions;
  readonly #pingAt = new Deadlines<ConnectionId>();
  readonly #noPongAt = new Deadlines<ConnectionId>();
  /** The ping that is not answered yet; undefined for connections that do not answer. */
  readonly #unanswered = new Map<ConnectionId, { readonly token: number; readonly at: number }>();
  readonly #answering = new Set<ConnectionId>();
  #lastToken = 0;

  constructor(options: PingOptions) {
    this.#options = options;
  }

  /** @param answers false for a broker: after HELLO all it sends is opaque. The ping keeps middleboxes awake. */
  add(connection: ConnectionId, answers: boolean, now: number): void {
    if (answers) this.#answering.add(connection);
    this.#pingAt.set(connection, now + this.#options.intervalMs);
  }

  delete(connection: ConnectionId): void {
    this.#answering.delete(connection);
    this.#unanswered.delete(connection);
    this.#pingAt.delete(connection);
    this.#noPongAt.delete(connection);
  }

  /** Milliseconds since the ping that it answers. An answer to nothing, or a late one, changes nothing: undefined. */
  pong(connection: ConnectionId, token: number, now: number): number | undefined {
    const ping = this.#unanswered.get(connection);
    if (ping?.token !== token) return undefined;
    this.#unanswered.delete(connection);
    this.#noPongAt.delete(connection);
    this.#pingAt.set(connection, now + this.#options.intervalMs);
    return now - ping.at;
  }

  next(): number | undefined {
    return earliest([this.#pingAt.next(), this.#noPongAt.next()]);
  }

  /** What is due, one by one; a dead connection is forgotten. */
  *due(now: number): Generator<PingDue> {
    for (
      let connection = this.#pingAt.due(now);
      connection !== undefined;
      connection = this.#pingAt.due(now)
    ) {
      this.#lastToken = (this.#lastToken + 1) % TOKEN_LIMIT;
      if (this.#answering.has(connection)) {
        this.#unanswered.set(connection, { token: this.#lastToken, at: now });
        this.#noPongAt.set(connection, now + this.#options.pongTimeoutMs);
      } else {
        this.#pingAt.set(connection, now + this.#options.intervalMs);
      }
      yield { do: 'ping', connection, token: this.#lastToken };
    }
    for (
      let connection = this.#noPongAt.due(now);
      connection !== undefined;
      connection = this.#noPongAt.due(now)
    ) {
      this.delete(connection);
      yield { do: 'dead', connection };
    }
  }
}
