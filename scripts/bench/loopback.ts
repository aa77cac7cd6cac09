/** Ports and addresses of 127.0.0.0/8, and proxies between them that can swallow what passes. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { integerBelow, systemRandom } from '../../src/base/random.ts';

export const LOOPBACK = '127.0.0.1';

/** Below the ports that the kernel gives to clients, so that a port stays free while its process restarts. */
const FIRST_PORT = 20_000;
const PORTS = 10_000;

/** `count` ports of 127.0.0.1 that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = FIRST_PORT + integerBelow(systemRandom, PORTS);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** From `host` to the same ports of 127.0.0.1. */
export class SwallowingProxy {
  /**
   * While true nothing passes and nothing is closed, as where packets are dropped; new connections are taken, and stay
   * silent. A connection that has lost bytes stays silent for good.
   */
  swallows = false;
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];

  /** Listening on each of `ports`; the caller stops it. */
  static async start(host: string, ports: readonly number[]): Promise<SwallowingProxy> {
    const proxy = new SwallowingProxy();
    for (const port of ports) {
      const server = createServer((near) => proxy.#join(near, port));
      proxy.#servers.push(server);
      server.listen(port, host);
      await once(server, 'listening');
    }
    return proxy;
  }

  stop(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket, port: number): void {
    const far = connect({ port, host: LOOPBACK, noDelay: true });
    near.setNoDelay(true);
    const connection = { broken: false };
    this.#pass(near, far, connection);
    this.#pass(far, near, connection);
  }

  #pass(from: Socket, to: Socket, connection: { broken: boolean }): void {
    this.#sockets.add(from);
    from.on('error', () => {});
    from.on('data', (bytes: Buffer) => {
      connection.broken ||= this.swallows;
      if (!connection.broken) to.write(bytes);
    });
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.swallows) to.destroy();
    });
  }
}
