/** The host of a bridge or broker: processes come and go on it, by its plan and by faults. */
import type { SimClient, SimClientOptions } from './client.ts';
import { ProcessClock } from './process-clock.ts';

/** Longer than the longest leave of a client; what is not gone by then is killed. */
const LEAVE_MS = 30_000;

export type ClientHostOptions<C extends SimClient> = Omit<SimClientOptions, 'clock'> & {
  readonly make: (options: SimClientOptions) => C;
};

export class ClientHost<C extends SimClient> {
  readonly #options: ClientHostOptions<C>;
  #client: C | undefined;
  #clock: ProcessClock | undefined;
  #wallOffset = 0;
  #isWanted = false;
  /** Faults that keep it down. */
  #down = 0;

  constructor(options: ClientHostOptions<C>) {
    this.#options = options;
  }

  /** The process that runs, if one does; it may be leaving. */
  get client(): C | undefined {
    return this.#client;
  }

  /** Its plan has it run from now on, or not. */
  want(wanted: boolean): void {
    this.#isWanted = wanted;
    if (wanted) this.#start();
    else this.#leave();
  }

  /** A fault ends it, until {@link release}. */
  kill(): void {
    this.#down += 1;
    this.#kill();
  }

  release(): void {
    this.#down -= 1;
    if (this.#isWanted) this.#start();
  }

  pause(): void {
    this.#clock?.pause();
    this.#options.net.freeze(this.#options.name, true);
  }

  resume(): void {
    this.#options.net.freeze(this.#options.name, false);
    this.#clock?.resume();
  }

  jumpWall(ms: number): void {
    this.#wallOffset += ms;
    this.#clock?.jumpWall(ms);
  }

  renew(): void {
    this.#client?.renew();
  }

  /** What is left, into the history; all of it is to be gone. */
  tellHeld(): void {
    const { world, net, name: at } = this.#options;
    const { sessions, streams } = this.#client?.held() ?? { sessions: 0, streams: 0 };
    const sockets = [...net.links].filter(({ local }) => local === at).length;
    const timers = this.#clock?.pending ?? 0;
    for (const [of, value] of Object.entries({ sockets, timers, sessions, streams }))
      world.record({ what: 'held', of: of as 'sockets', at, value, base: 0 });
  }

  #start(): void {
    if (this.#down > 0) return;
    // One that still leaves: its service manager would have waited for so long and no longer.
    this.#kill();
    const { make, ...rest } = this.#options;
    const clock = new ProcessClock(this.#options.world);
    clock.jumpWall(this.#wallOffset);
    this.#clock = clock;
    this.#client = make({ ...rest, clock });
  }

  #leave(): void {
    const client = this.#client;
    if (!client) return;
    client.stop(() => this.#gone(client));
    this.#options.world.after(LEAVE_MS, () => {
      if (this.#client === client && !this.#isWanted) this.#kill();
    });
  }

  /** It has left in good order, and is to have given everything back. */
  #gone(client: C): void {
    if (this.#client !== client) return;
    this.tellHeld();
    this.#client = undefined;
    this.#clock?.stop();
    this.#options.net.kill(this.#options.name);
  }

  #kill(): void {
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    this.#clock?.stop();
    client.kill();
    this.#options.net.kill(this.#options.name);
  }
}
