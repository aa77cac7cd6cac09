/** A listening TCP socket and all connections that it accepted: what the TCP and the TLS listener share. */
import { createServer, type Server, type Socket } from 'node:net';
import { KEEPALIVE_MS, LISTEN_BACKLOG, STREAM_BUFFER_BYTES } from '../base/limits.ts';
import { type BoundAddress, type ListenOptions, listenError } from './listen.ts';
import { ignoreErrors, plainAddress } from './socket-reset.ts';

/** What is still open and must be reset when the server closes. */
export interface Resettable {
  reset(): void;
}

export interface SocketServerOptions extends ListenOptions {
  /**
   * Sockets that listen on the port, of which each accepts one connection in a turn of the event loop; only where the
   * system can spread connections over them (Linux), elsewhere one. Default: 1.
   */
  readonly acceptors?: number;
  /**
   * A connection, in the same turn in which it was accepted. Keepalive is on. `source` is the peer's address. What
   * it throws closes this connection only and is handed to `onFailure`.
   */
  readonly onSocket: (socket: Socket, source: string) => void;
  readonly onFailure: (error: unknown) => void;
}

export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #servers: readonly Server[];
  readonly #open = new Map<Socket, Resettable | undefined>();
  #closed: Promise<unknown> | undefined;

  constructor(options: SocketServerOptions) {
    this.#options = options;
    const count = process.platform === 'linux' ? (options.acceptors ?? 1) : 1;
    this.#servers = Array.from({ length: count }, () => this.#createServer());
  }

  /** Throws `config` when the address cannot be listened on. */
  async listen(): Promise<BoundAddress> {
    const [first, ...others] = this.#servers as [Server, ...Server[]];
    try {
      if (others.length > 0 && this.#options.port !== 0) await this.#probe();
      const bound = await this.#listenWith(first, this.#options.port);
      for (const server of others) await this.#listenWith(server, bound.port);
      return bound;
    } catch (error) {
      this.stopAccepting();
      throw error;
    }
  }

  /** Sockets that share a port do so with other processes of this user as well: nobody else may have it before. */
  async #probe(): Promise<void> {
    const server = createServer();
    await listening(server, this.#options);
    await new Promise((resolve) => server.close(resolve));
  }

  async #listenWith(server: Server, port: number): Promise<BoundAddress> {
    const bound = await listening(server, { ...this.#options, port, shared: this.#servers.length > 1 });
    // Accepting one connection can fail (no descriptors left); the listener goes on.
    server.on('error', this.#options.onFailure);
    return bound;
  }

  #createServer(): Server {
    return createServer(
      {
        // On the handle, before the first byte: a peer that dies in its handshake is noticed as well.
        keepAlive: true,
        keepAliveInitialDelay: KEEPALIVE_MS,
        noDelay: true,
        allowHalfOpen: true,
        highWaterMark: STREAM_BUFFER_BYTES,
      },
      (socket) => this.#onConnection(socket),
    );
  }

  /** Frees the port; connections that are open stay. Idempotent. */
  stopAccepting(): void {
    // Called back with an error when it never listened: just as good.
    const close = (server: Server): Promise<void> =>
      new Promise((resolve) => void server.close(() => resolve()));
    this.#closed ??= Promise.all(this.#servers.map(close));
  }

  /** From now on `close` resets `link` instead of the bare socket. */
  adopt(socket: Socket, link: Resettable): void {
    if (this.#open.has(socket)) this.#open.set(socket, link);
  }

  /** Frees the port and resets every open connection; resolves when all are gone. Idempotent. */
  async close(): Promise<void> {
    this.stopAccepting();
    for (const [socket, link] of this.#open) {
      if (link) link.reset();
      else socket.destroy();
    }
    await this.#closed;
  }

  #onConnection(socket: Socket): void {
    socket.on('error', ignoreErrors);
    const { remoteAddress } = socket;
    // The peer is gone already.
    if (remoteAddress === undefined) return void socket.destroy();
    this.#open.set(socket, undefined);
    socket.once('close', () => this.#open.delete(socket));
    try {
      this.#options.onSocket(socket, plainAddress(remoteAddress));
    } catch (error) {
      socket.destroy();
      this.#options.onFailure(error);
    }
  }
}

/** Throws `config`. */
function listening(
  server: Server,
  options: ListenOptions & { readonly shared?: boolean },
): Promise<BoundAddress> {
  const { host, port, shared = false } = options;
  return new Promise((resolve, reject) => {
    const onError = (error: unknown): void => reject(listenError(error, options));
    server.once('error', onError);
    const address = { port, backlog: LISTEN_BACKLOG, reusePort: shared, ...(host !== '' && { host }) };
    server.listen(address, () => {
      server.off('error', onError);
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return reject(listenError(bound, options));
      resolve({ address: bound.address, port: bound.port });
    });
  });
}
