/** Takes a relay out of service: the shell around {@link Drain}, which owns its timer and its promise. */
import { Alarm } from '../base/alarm.ts';
import type { Clock } from '../base/clock.ts';
import type { Drainable, DrainState } from '../base/drain.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { refusal } from '../wire/refusal.ts';
import type { Connection } from './connection.ts';
import { Drain, type DrainEffect } from './drain.ts';
import type { ConnectionId } from './lot.ts';

export interface DepartureOptions {
  readonly node: string;
  /** From the beginning to the cut. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** All clients that are not spliced. */
  readonly connections: () => readonly Connection[];
  /** Takes a connection out of the matcher. */
  readonly unmatch: (connection: ConnectionId) => void;
  /** Tells the other nodes that this one drains, and sends their brokers back. */
  readonly tellCluster: () => void;
  /** Splices that run. */
  readonly splices: () => number;
  /** Cuts the splices that run; resolves when they are gone. */
  readonly cutAll: () => Promise<void>;
}

export class Departure implements Drainable {
  readonly #options: DepartureOptions;
  readonly #drain: Drain;
  readonly #alarm: Alarm;
  readonly #parks = new Map<ConnectionId, Connection>();
  readonly #over = Promise.withResolvers<{ readonly cut: number }>();

  constructor(options: DepartureOptions) {
    const { clock, random, timeoutMs } = options;
    this.#options = options;
    this.#drain = new Drain({ timeoutMs, random });
    this.#alarm = new Alarm(clock, () => this.#carryOut(this.#drain.tick(clock.now())));
  }

  get drainState(): DrainState {
    return this.#drain.state;
  }

  drain(): Promise<{ readonly cut: number }> {
    if (this.#drain.state === 'serving') this.#begin();
    return this.#over.promise;
  }

  /** A connection is gone. */
  left(connection: ConnectionId): void {
    this.#parks.delete(connection);
    this.#carryOut(this.#drain.left(connection, this.#options.clock.now()));
  }

  /** The splices that run are more or less than before. */
  spliced(): void {
    const { clock, splices } = this.#options;
    this.#carryOut(this.#drain.spliced(splices(), clock.now()));
  }

  /** Waits for nothing any more: the relay is about to cut what runs. */
  stop(): void {
    this.#alarm.cancel();
    this.#over.resolve({ cut: this.#options.splices() });
  }

  #begin(): void {
    const { clock, log, tellCluster, splices } = this.#options;
    this.#drain.begin();
    this.#endPairing();
    tellCluster();
    const parks = [...this.#parks.keys()];
    log.info('this node drains', { parked: parks.length, splices: splices() });
    this.#carryOut(this.#drain.sendAway(parks, splices(), clock.now()));
  }

  /** Parks leave the lot first, or a broker that goes would make room for the next one. */
  #endPairing(): void {
    const { connections, unmatch } = this.#options;
    for (const connection of connections().filter(({ state }) => state === 'parked')) {
      this.#parks.set(connection.id, connection);
      unmatch(connection.id);
    }
    for (const connection of connections().filter(({ state }) => state === 'waiting')) {
      connection.refuse(refusal('draining'));
      unmatch(connection.id);
    }
  }

  #carryOut(effects: readonly DrainEffect[]): void {
    for (const effect of effects) {
      if (effect.do === 'drained') this.#end(effect.cut);
      else if (effect.do === 'goAway') this.#sendAway(effect);
      else for (const id of effect.connections) this.#parks.get(id)?.tellDraining(this.#options.node);
    }
    this.#alarm.set(this.#drain.nextDeadline());
  }

  #sendAway({ connection, reconnectAfterMs }: Extract<DrainEffect, { do: 'goAway' }>): void {
    this.#parks.get(connection)?.send({ type: 'goaway', reconnectAfterMs });
  }

  #end(cut: number): void {
    const { log, cutAll } = this.#options;
    log[cut > 0 ? 'warn' : 'info']('this node has drained', { cut });
    void cutAll().then(() => this.#over.resolve({ cut }));
  }
}
