/** A TCP proxy on 127.0.0.1 that counts, records, delays and swallows. `forth` is from who dialled, `back` is to it. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class TcpProxy {
  /** Where new connections lead. */
  target: number;
  /** Nothing passes that way any more, and nothing is closed: a black hole for old and new connections. */
  swallowsForth = false;
  swallowsBack = false;
  /** Bytes wait until {@link release}. */
  holds = false;
  /** Bytes arrive so much later, each way: half of the round trip that is added. */
  delayMs = 0;
  #held: (() => void)[] = [];
  /** What the dialling side sent, one entry for each connection. */
  readonly recorded: Buffer[][] = [];
  readonly #dialled = new Set<() => void>();
  readonly #pairs = new Set<Pair>();
  /** Of which something was swallowed: bytes, or that one side has closed. */
  readonly #hurt = new Set<Pair>();
  readonly #server: Server;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((near) => this.#onConnection(near));
  }

  /** Listening; closed when the test ends. `target` is a port of 127.0.0.1. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = await TcpProxy.listen(target);
    onTestFinished(() => proxy.close());
    return proxy;
  }

  /** As {@link start}; the caller closes it. */
  static async listen(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Connections that are open at both ends. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Resolves when it has been dialled `count` times in all. */
  dialled(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.recorded.length < count) return;
        this.#dialled.delete(look);
        resolve();
      };
      this.#dialled.add(look);
      look();
    });
  }

  set swallows(both: boolean) {
    this.swallowsForth = both;
    this.swallowsBack = both;
  }

  /** Swallows no longer. Connections of which something was swallowed are cut, as TCP gives up on them. */
  heal(): void {
    this.swallows = false;
    for (const pair of this.#hurt) destroy(pair);
    this.#hurt.clear();
  }

  /** Lets what was held pass, and holds no longer. */
  release(): void {
    this.holds = false;
    for (const pass of this.#held.splice(0)) pass();
  }

  /** Cuts every connection and frees the port. */
  async close(): Promise<void> {
    this.heal();
    for (const pair of this.#pairs) destroy(pair);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #onConnection(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    const pair: Pair = [near, far];
    const record: Buffer[] = [];
    this.recorded.push(record);
    for (const look of [...this.#dialled]) look();
    this.#pairs.add(pair);
    near.on('data', (bytes: Buffer) => record.push(bytes));
    this.#join(pair, near, far, () => this.swallowsForth);
    this.#join(pair, far, near, () => this.swallowsBack);
  }

  #join(pair: Pair, from: Socket, to: Socket, swallows: () => boolean): void {
    const later = new Later();
    from.on('error', () => {});
    from.on('data', (bytes: Buffer) => {
      if (swallows()) this.#hurt.add(pair);
      else if (this.holds) this.#held.push(() => to.write(bytes));
      else later.run(this.delayMs, () => to.write(bytes));
    });
    from.on('close', () => {
      this.#pairs.delete(pair);
      if (swallows()) this.#hurt.add(pair);
      else later.run(this.delayMs, () => to.destroy());
    });
  }
}

/** The socket of who dialled, and ours to the target. */
type Pair = readonly [Socket, Socket];

function destroy(pair: Pair): void {
  for (const socket of pair) socket.destroy();
}

/** Runs what it is given in that order, each after its delay or when the one before it has run. */
class Later {
  readonly #queue: (() => void)[] = [];

  run(delayMs: number, what: () => void): void {
    if (delayMs === 0 && this.#queue.length === 0) return what();
    this.#queue.push(what);
    // Whichever timer it is, the oldest comes first.
    setTimeout(() => this.#queue.shift()?.(), delayMs);
  }
}
