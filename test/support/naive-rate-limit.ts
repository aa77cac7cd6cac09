/**
 * The twin of src/net/door/rate-limit.ts: lists of times, nothing clever, nothing shared. Where the two disagree, one of
 * them is wrong.
 */
export interface NaiveOptions {
  readonly connections: number;
  readonly told: number;
  readonly windowMs: number;
  readonly sources: number;
  readonly share56: number;
  readonly share48: number;
}

interface Network {
  readonly name: string;
  entered: number[];
  told: number[];
}

export class NaiveRateLimit {
  readonly #options: NaiveOptions;
  /** Touched least recently first. */
  #known: Network[] = [];
  evicted = 0;

  constructor(options: NaiveOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#known.length;
  }

  /** @param names of the source and the networks around it. */
  take(
    names: readonly string[],
    now: number,
  ): { verdict: 'enter' | 'tell' | 'close'; retryAfterMs?: number } {
    const { connections, told, windowMs, share56, share48 } = this.#options;
    const shares = [1, share56, share48];
    const networks = names.map((name) => this.#touch(name));
    const waits = (kind: 'entered' | 'told', limit: number): number[] =>
      networks.flatMap((network, at) => {
        if (!network) return [];
        network[kind] = network[kind].filter((stamp) => now - stamp < windowMs);
        if (network[kind].length < limit * (shares[at] ?? 0)) return [];
        return [windowMs + (network[kind][0] ?? 0) - now];
      });
    const wait = waits('entered', connections);
    const tells = waits('told', told);
    if (wait.length > 0 && tells.length > 0) return { verdict: 'close' };
    for (const [at, name] of names.entries()) {
      (networks[at] ?? this.#add(name))[wait.length === 0 ? 'entered' : 'told'].push(Math.ceil(now));
    }
    if (wait.length === 0) return { verdict: 'enter' };
    return { verdict: 'tell', retryAfterMs: Math.ceil(Math.max(...wait)) };
  }

  giveBack(names: readonly string[], token: number): void {
    for (const { name, entered } of this.#known) {
      if (names.includes(name) && entered.includes(token)) entered.splice(entered.indexOf(token), 1);
    }
  }

  #touch(name: string): Network | undefined {
    const network = this.#known.find((each) => each.name === name);
    if (network) this.#known = [...this.#known.filter((each) => each !== network), network];
    return network;
  }

  #add(name: string): Network {
    const network = { name, entered: [], told: [] };
    this.#known.push(network);
    if (this.#known.length > this.#options.sources) {
      this.#known.shift();
      this.evicted += 1;
    }
    return network;
  }
}
