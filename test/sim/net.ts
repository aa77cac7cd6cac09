/**
 * The network of a run: hosts by name, and connections between them that carry messages in order, each after a latency of
 * its own. What a message is its users decide: a frame, or bytes. Faults act between two hosts.
 */
import type { World } from './world.ts';

/** Between two tries of what does not get through. */
const RETRANSMIT_MS = 200;

/** The listener of a host where no other one is named. */
const CLIENTS = 'clients';

/** How a connection ended: `clean` after all that was sent, `reset` at once. */
export type Ending = 'clean' | 'reset';

export interface LinkHandler<M> {
  onMessage(message: M): void;
  /** Some of what was sent has arrived: {@link SimLink.unsent} is less than before. */
  onProgress?(): void;
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
  readonly #underWay: UnderWay<M>[] = [];
  #unsent = 0;
  #arrivesAt = 0;
  #isDue = false;
  #paused = false;
  #over = false;

  constructor(net: SimNet<M>, local: string, remote: string) {
    this.#net = net;
    this.local = local;
    this.remote = remote;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Bytes that were sent and have not arrived, as far as sizes were told. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Nothing arrives at this end until {@link resume}: what was sent stays with the other one, an end too. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const peer = this.#peer;
    if (peer) peer.#lookAgain();
  }

  /** Internal to {@link SimNet}. */
  join(peer: SimLink<M>): void {
    this.#peer = peer;
  }

  handle(handler: LinkHandler<M>): void {
    this.#handler = handler;
    for (const each of this.#early.splice(0)) each();
  }

  /** @param bytes that it takes in buffers. */
  send(message: M, bytes = 0): void {
    if (this.#over) return;
    this.#unsent += bytes;
    this.#deliver((peer) => peer.#take(message), bytes);
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
  #deliver(what: (peer: SimLink<M>) => void, bytes = 0): void {
    const { world } = this.#net;
    const latency = this.#net.latency(this.local, this.remote) ?? RETRANSMIT_MS;
    this.#arrivesAt = Math.max(this.#arrivesAt, world.now + latency);
    this.#underWay.push({ atMs: this.#arrivesAt, bytes, what });
    if (this.#underWay.length === 1) this.#look(latency);
  }

  #lookAgain(): void {
    if (this.#underWay.length > 0) this.#look(0);
  }

  #look(ms: number): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#net.world.after(ms, () => this.#arrive());
  }

  #arrive(): void {
    const { world } = this.#net;
    const peer = this.#peer;
    this.#isDue = false;
    if (!peer || peer.#over) {
      this.#underWay.length = 0;
      this.#unsent = 0;
      return;
    }
    const before = this.#unsent;
    const isThrough = this.#net.passes(this.local, this.remote);
    while (isThrough && !peer.#paused && (this.#underWay[0]?.atMs ?? Number.POSITIVE_INFINITY) <= world.now) {
      const { bytes, what } = this.#underWay.shift() as UnderWay<M>;
      this.#unsent -= bytes;
      what(peer);
    }
    const next = this.#underWay[0];
    // A paused end looks again when it is resumed.
    if (next && !(isThrough && peer.#paused))
      this.#look(Math.max(next.atMs - world.now, isThrough ? 0 : RETRANSMIT_MS));
    if (this.#unsent < before && !this.#over) this.#handler?.onProgress?.();
  }
}

interface UnderWay<M> {
  readonly atMs: number;
  readonly bytes: number;
  readonly what: (peer: SimLink<M>) => void;
}

export class SimNet<M> {
  readonly world: World;
  readonly #options: NetOptions;
  readonly #listeners = new Map<string, (link: SimLink<M>) => void>();
  readonly #troubles = new Map<string, Trouble>();
  readonly #frozen = new Set<string>();
  /** How often each host was killed. Nothing that a process began reaches the next one. */
  readonly #lives = new Map<string, number>();
  readonly #links = new Set<SimLink<M>>();
  /** Ends of those who dialled and do not know yet that they came through. */
  readonly #dialled = new Set<SimLink<M>>();

  constructor(world: World, options: NetOptions) {
    this.world = world;
    this.#options = options;
  }

  /** Ends that are open. */
  get links(): ReadonlySet<SimLink<M>> {
    return this.#links;
  }

  /** `host` takes connections until it closes, or dies. `port` names one of its listeners. */
  listen(host: string, onLink: (link: SimLink<M>) => void, port = CLIENTS): void {
    this.#listeners.set(`${host}:${port}`, onLink);
  }

  /** From now on `host` refuses; connections that are there stay. */
  unlisten(host: string, port = CLIENTS): void {
    this.#listeners.delete(`${host}:${port}`);
  }

  /** @param onDone with a link, or undefined where nobody listens, or nothing came back for `timeoutMs`. */
  dial(
    from: string,
    to: string,
    timeoutMs: number,
    onDone: (link: SimLink<M> | undefined) => void,
    port = CLIENTS,
  ): void {
    const { world } = this;
    const life = this.#lives.get(from);
    const isAlive = (): boolean => this.#lives.get(from) === life;
    const [there, back] = [this.latency(from, to, true), this.latency(to, from, true)];
    if (there === undefined || back === undefined || there + back > timeoutMs) {
      world.after(timeoutMs, () => isAlive() && onDone(undefined));
      return;
    }
    world.after(there, () => {
      if (!isAlive()) return;
      const accept = this.#listeners.get(`${to}:${port}`);
      if (!accept) {
        world.after(back, () => isAlive() && onDone(undefined));
        return;
      }
      const [near, far] = [new SimLink(this, from, to), new SimLink(this, to, from)];
      near.join(far);
      far.join(near);
      this.#dialled.add(near);
      this.#links.add(far);
      this.#whenAwake(to, () => (far.over ? undefined : accept(far)));
      world.after(back, () => this.#whenAwake(from, () => isAlive() && this.#through(near, onDone)));
    });
  }

  #through(near: SimLink<M>, onDone: (link: SimLink<M>) => void): void {
    if (this.#dialled.delete(near)) this.#links.add(near);
    onDone(near);
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
    for (const link of [...this.#links, ...this.#dialled])
      if ((link.local === one && link.remote === other) || (link.local === other && link.remote === one))
        link.end('reset');
  }

  /** The process at `host` does nothing: what is sent to it waits, and dials succeed. */
  freeze(host: string, frozen: boolean): void {
    if (frozen) this.#frozen.add(host);
    else this.#frozen.delete(host);
  }

  #whenAwake(host: string, what: () => void): void {
    if (this.#frozen.has(host)) this.world.after(RETRANSMIT_MS, () => this.#whenAwake(host, what));
    else what();
  }

  /** The process at `host` is gone. */
  kill(host: string, silent = false): void {
    this.#frozen.delete(host);
    this.#lives.set(host, (this.#lives.get(host) ?? 0) + 1);
    for (const key of [...this.#listeners.keys()])
      if (key.startsWith(`${host}:`)) this.#listeners.delete(key);
    for (const link of [...this.#links, ...this.#dialled]) if (link.local === host) link.die(silent);
  }

  /** Internal to {@link SimLink}. */
  forget(link: SimLink<M>): void {
    this.#links.delete(link);
    this.#dialled.delete(link);
  }

  /** Whether messages arrive now. */
  passes(from: string, to: string): boolean {
    if (this.#frozen.has(to)) return false;
    const trouble = this.#troubles.get(`${from}>${to}`);
    return !trouble?.cut && !trouble?.blackHole;
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
