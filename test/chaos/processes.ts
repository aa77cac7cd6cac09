/** Which daemons of a run are up, as the run itself started and ended them; what ended by itself is a fault of the product. */

import type { Violation } from '../scenario/checker.ts';
import type { Event, Happening } from '../scenario/history.ts';
import type { Cluster } from './cluster.ts';
import type { Processes } from './faults.ts';
import type { Look } from './observer.ts';

interface Life {
  readonly name: string;
  readonly fromMs: number;
  untilMs: number | undefined;
  /** Told by the relay itself. */
  incarnation: number | undefined;
}

/** By SIGKILL; some time from then until then. */
export interface Death {
  readonly name: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A bridge gives running streams 15 s, a broker 10 s. */
const STOP_SECONDS = 30;

export class Lives implements Processes {
  readonly #cluster: Cluster;
  readonly #now: () => number;
  readonly #tell: (happening: Happening) => void;
  readonly #lives: Life[] = [];
  /** Who is wanted to run, by who wants it not to: a fault, or the plan of the client. */
  readonly #reasonsToBeDown = new Map<string, number>();
  /** Killed or stopped, and not ended yet. */
  readonly #ending = new Set<string>();
  readonly found: Violation[] = [];
  readonly deaths: Death[] = [];

  /** @param now milliseconds since the run began */
  constructor(cluster: Cluster, now: () => number, tell: (happening: Happening) => void) {
    this.#cluster = cluster;
    this.#now = now;
    this.#tell = tell;
  }

  /** It runs already, since before the run. */
  runs(name: string): void {
    this.#lives.push({ name, fromMs: 0, untilMs: undefined, incarnation: undefined });
  }

  /** It is to come later, as its plan says. */
  waits(name: string): void {
    this.#reasonsToBeDown.set(name, 1);
  }

  isUp(name: string): boolean {
    return this.#current(name) !== undefined;
  }

  /** Starts it, unless something else still wants it to be down. */
  async up(name: string): Promise<void> {
    const reasons = (this.#reasonsToBeDown.get(name) ?? 1) - 1;
    this.#reasonsToBeDown.set(name, Math.max(0, reasons));
    if (reasons > 0 || this.isUp(name)) return;
    const fromMs = this.#now();
    await this.#cluster.start(name);
    this.#lives.push({ name, fromMs, untilMs: undefined, incarnation: undefined });
  }

  async kill(name: string): Promise<void> {
    if (!this.#goesDown(name)) return;
    const fromMs = this.#now();
    await this.#cluster.signal(name, 'KILL');
    await this.#cluster.ended(name);
    this.#ended(name);
    this.deaths.push({ name, fromMs, untilMs: this.#now() });
  }

  async drain(name: string, seconds: number): Promise<void> {
    if (!this.#goesDown(name)) return;
    this.#tell({ what: 'draining', node: name });
    await this.#stop(name, seconds);
  }

  /** A client leaves, as its plan says. */
  async leave(name: string): Promise<void> {
    if (this.#goesDown(name)) await this.#stop(name, STOP_SECONDS);
  }

  /** Looks whether everything that is to run does. */
  async verify(): Promise<void> {
    for (const life of this.#lives.filter(({ untilMs }) => untilMs === undefined)) {
      const runs = (await this.#cluster.pid(life.name)) > 0;
      if (runs || this.#ending.has(life.name) || life.untilMs !== undefined) continue;
      this.#fault(`${life.name} ended by itself`);
      life.untilMs = this.#now();
    }
  }

  /** What a daemon says of itself belongs to the life in which it was asked. */
  onLook({ name, status, ms }: Look, beganMs: number): Life | undefined {
    const life = this.#current(name);
    if (!life || ms - beganMs < life.fromMs) return undefined;
    if (typeof status.incarnation === 'number') life.incarnation ??= status.incarnation;
    return life;
  }

  /** Of relays, as a history tells it. One that ended before it was asked has taken a time soon after its start. */
  events(beganMs: number): Event[] {
    return this.#lives
      .filter(({ name }) => name.startsWith('relay'))
      .flatMap(({ name: node, fromMs, untilMs, incarnation = beganMs + fromMs }) => [
        { what: 'up', node, incarnation, ms: fromMs } as const,
        ...(untilMs === undefined ? [] : [{ what: 'down', node, incarnation, ms: untilMs } as const]),
      ]);
  }

  #current(name: string): Life | undefined {
    return this.#lives.findLast((life) => life.name === name && life.untilMs === undefined);
  }

  /** Whether it runs, and is to be ended. */
  #goesDown(name: string): boolean {
    this.#reasonsToBeDown.set(name, (this.#reasonsToBeDown.get(name) ?? 0) + 1);
    const life = this.#current(name);
    if (!life) return false;
    this.#ending.add(name);
    return true;
  }

  async #stop(name: string, seconds: number): Promise<void> {
    const code = await this.#cluster.stop(name, seconds);
    this.#ended(name);
    // 1: a relay has cut splices, as its clients could not move in time.
    if (code > 1) this.#fault(`${name} was asked to end and ended with ${code}`);
  }

  #ended(name: string): void {
    this.#ending.delete(name);
    const life = this.#current(name);
    if (life) life.untilMs = this.#now();
  }

  #fault(text: string): void {
    this.found.push({ checker: 'processes', ms: this.#now(), text });
  }
}
