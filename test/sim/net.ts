/**
 * The network of a run: hosts by name, and connections between them that carry messages in order, each after a latency of
 * its own. What a message is its users decide: a frame, or bytes. Faults act between two hosts.
 */
import type { World } from './world.ts';

/** Between two tries of what does not get through. */
const RETRANSMIT_MS = 200;

/** How a connection ended: `clean` after all that was sent, `reset` at once. */
export type Ending = 'clean' | 'reset';

export interface LinkHandler<M> {
  onMessage(message: M): void;
  /** Once. Nothing comes after it. */
  onEnd(how: Ending): void;
}

/** What goes wrong between two hosts, from the first to the second. */
export interface Trouble {
  /** Nothing arrives while it lasts. Dials fail by their time-out. */
  cut: boolean;
  /** Dials succeed, and nothing arrives while it lasts. */
  blackHole: boolean;
  slowMs: number;
}

export interface NetOptions {
  readonly minLatencyMs: number;
  readonly maxLatencyMs: number;
}

/** One end of a connection. */
export class SimLink<M> {
  readonly local: string;
  readonly remote: string;
  readonly #net: SimNet<M>;
  #peer: SimLink<M> | undefined;
  #handler: LinkHandler<M> | undefined;
  /** What came before there was a handler. */
  readonly #early: (() => void)[] = [];
  /** What was sent and has not arrived, in order, and when the last of it does. */
  readonly #underWay: { readonly atMs: number; readonly what: (peer: SimLink<M>) => void }[] = [];
  #arrivesAt = 0;
  #over = false;

  constructor(net: SimNet<M>, local: string, remote: string) {
    this.#net = net;
    this.local = local;
    this.remote = remote;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Internal to {@link SimNet}. */
  join(peer: SimLink<M>): void {
    this.#peer = peer;
  }

  handle(handler: LinkHandler<M>): void {
    this.#handler = handler;
    for (const each of this.#early.splice(0)) each();
  }

  send(message: M): void {
    if (this.#over) return;
    this.#deliver((peer) => peer.#take(message));
  }

  /** The other end sees it after all that was sent. This end sees nothing more. */
  close(): void {
    this.#finish('clean');
  }

  reset(): void {
    this.#finish('reset');
  }

  /** As when the process of this end dies: the other one sees a reset; `silent`, as when its machine does: nothing. */
  die(silent: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#net.forget(this);
    if (!silent) this.#deliver((peer) => peer.end('reset'));
  }

  /** Internal to {@link SimNet}: what the other end did has arrived, or the connection was torn. */
  end(how: Ending): void {
    if (this.#over) return;
    this.#over = true;
    this.#net.forget(this);
    this.#hand(() => this.#handler?.onEnd(how));
  }

  #finish(how: Ending): void {
    if (this.#over) return;
    this.#over = true;
    this.#net.forget(this);
    this.#deliver((peer) => peer.end(how));
  }

  #take(message: M): void {
    if (this.#over) return;
    this.#hand(() => this.#handler?.onMessage(message));
  }

  #hand(what: () => void): void {
    if (this.#handler) what();
    else this.#early.push(what);
  }

  /** In order, as TCP has it: what does not get through is sent again until it does, or an end of the connection is gone. */
  #deliver(what: (peer: SimLink<M>) => void): void {
    const { world } = this.#net;
    const latency = this.#net.latency(this.local, this.remote) ?? RETRANSMIT_MS;
    this.#arrivesAt = Math.max(this.#arrivesAt, world.now + latency);
    this.#underWay.push({ atMs: this.#arrivesAt, what });
    if (this.#underWay.length === 1) world.after(latency, () => this.#arrive());
  }

  #arrive(): void {
    const { world } = this.#net;
    const peer = this.#peer;
    if (!peer || peer.#over) {
      this.#underWay.length = 0;
      return;
    }
    const isThrough = this.#net.latency(this.local, this.remote) !== undefined;
    while (isThrough && (this.#underWay[0]?.atMs ?? Number.POSITIVE_INFINITY) <= world.now)
      this.#underWay.shift()?.what(peer);
    const next = this.#underWay[0];
    if (next)
      world.after(Math.max(next.atMs - world.now, isThrough ? 0 : RETRANSMIT_MS), () => this.#arrive());
  }
}

export class SimNet<M> {
  readonly world: World;
  readonly #options: NetOptions;
  readonly #listeners = new Map<string, (link: SimLink<M>) => void>();
  readonly #troubles = new Map<string, Trouble>();
  readonly #links = new Set<SimLink<M>>();

  constructor(world: World, options: NetOptions) {
    this.world = world;
    this.#options = options;
  }

  /** Ends that are open. */
  get links(): ReadonlySet<SimLink<M>> {
    return this.#links;
  }

  /** `host` takes connections until it closes, or dies. */
  listen(host: string, onLink: (link: SimLink<M>) => void): void {
    this.#listeners.set(host, onLink);
  }

  /** From now on `host` refuses; connections that are there stay. */
  unlisten(host: string): void {
    this.#listeners.delete(host);
  }

  /** @param onDone with a link, or undefined where nobody listens, or nothing came back for `timeoutMs`. */
  dial(from: string, to: string, timeoutMs: number, onDone: (link: SimLink<M> | undefined) => void): void {
    const { world } = this;
    const [there, back] = [this.latency(from, to, true), this.latency(to, from, true)];
    if (there === undefined || back === undefined) {
      world.after(timeoutMs, () => onDone(undefined));
      return;
    }
    world.after(there, () => {
      const accept = this.#listeners.get(to);
      if (!accept) {
        world.after(back, () => onDone(undefined));
        return;
      }
      const [near, far] = [new SimLink(this, from, to), new SimLink(this, to, from)];
      near.join(far);
      far.join(near);
      this.#links.add(near);
      this.#links.add(far);
      accept(far);
      world.after(back, () => onDone(near));
    });
  }

  /** What is wrong from `from` to `to`; changes are in force at once. */
  trouble(from: string, to: string): Trouble {
    const key = `${from}>${to}`;
    const known = this.#troubles.get(key) ?? { cut: false, blackHole: false, slowMs: 0 };
    this.#troubles.set(key, known);
    return known;
  }

  /** Ends all connections between the two at once, for both to see. */
  resetBetween(one: string, other: string): void {
    for (const link of [...this.#links])
      if ((link.local === one && link.remote === other) || (link.local === other && link.remote === one))
        link.end('reset');
  }

  /** The process at `host` is gone. */
  kill(host: string, silent = false): void {
    this.unlisten(host);
    for (const link of [...this.#links]) if (link.local === host) link.die(silent);
  }

  /** Internal to {@link SimLink}. */
  forget(link: SimLink<M>): void {
    this.#links.delete(link);
  }

  /** Of the next message, milliseconds; undefined: it never arrives. */
  latency(from: string, to: string, isDial = false): number | undefined {
    const trouble = this.#troubles.get(`${from}>${to}`);
    if (trouble && (trouble.cut || (trouble.blackHole && !isDial))) return undefined;
    const { minLatencyMs: least, maxLatencyMs: most } = this.#options;
    const slow = trouble?.slowMs ?? 0;
    const { random } = this.world;
    return least + random.fraction() * (most - least) + (slow > 0 ? slow * (1 + random.fraction()) : 0);
  }
}
