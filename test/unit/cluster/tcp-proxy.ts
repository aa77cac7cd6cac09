/** A TCP proxy on 127.0.0.1 that counts, records and swallows. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class TcpProxy {
  /** Where new connections lead. */
  target: number;
  /** Nothing passes any more, and nothing is closed: a black hole for old and new connections. */
  swallows = false;
  /** Bytes wait until {@link release}. */
  holds = false;
  #held: (() => void)[] = [];
  /** What the dialling side sent, one entry for each connection. */
  readonly recorded: Buffer[][] = [];
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server: Server;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer((near) => this.#onConnection(near));
  }

  /** Listening; closed when the test ends. `target` is a port of 127.0.0.1. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => proxy.#close());
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

  /** Lets what was held pass, and holds no longer. */
  release(): void {
    this.holds = false;
    for (const pass of this.#held.splice(0)) pass();
  }

  #pass(bytes: Buffer, to: Socket): void {
    if (this.swallows) return;
    if (this.holds) this.#held.push(() => to.write(bytes));
    else to.write(bytes);
  }

  #onConnection(near: Socket): void {
    const far = connect(this.target, '127.0.0.1');
    const pair = [near, far] as const;
    const record: Buffer[] = [];
    this.recorded.push(record);
    this.#pairs.add(pair);
    near.on('data', (bytes: Buffer) => {
      record.push(bytes);
      this.#pass(bytes, far);
    });
    far.on('data', (bytes: Buffer) => this.#pass(bytes, near));
    for (const [socket, other] of [pair, [far, near] as const]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        if (!this.swallows) other.destroy();
      });
    }
  }

  async #close(): Promise<void> {
    this.swallows = false;
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
