/** A listening TCP socket and all connections that it accepted: what the TCP and the TLS listener share. */
import { createServer, type Server, type Socket } from 'node:net';
import { BeaconError, systemCode } from '../base/errors.ts';
import { KEEPALIVE_MS, LISTEN_BACKLOG, STREAM_BUFFER_BYTES } from '../base/limits.ts';
import { ignoreErrors, plainAddress } from './socket-reset.ts';

export interface ListenOptions {
  /** IP address or name to listen on; empty: every address of this machine. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface BoundAddress {
  readonly address: string;
  readonly port: number;
}

/** What is still open and must be reset when the server closes. */
export interface Resettable {
  reset(): void;
}

export interface SocketServerOptions extends ListenOptions {
  /**
   * A connection, in the same turn in which it was accepted. Keepalive is on. `source` is the peer's address. What
   * it throws closes this connection only and is handed to `onFailure`.
   */
  readonly onSocket: (socket: Socket, source: string) => void;
  readonly onFailure: (error: unknown) => void;
}

export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #server: Server;
  readonly #open = new Map<Socket, Resettable | undefined>();
  #closed: Promise<void> | undefined;

  constructor(options: SocketServerOptions) {
    this.#options = options;
    this.#server = createServer(
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

  /** Throws `config` when the address cannot be listened on. */
  listen(): Promise<BoundAddress> {
    const { host, port } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<BoundAddress>();
    const onError = (error: unknown): void => reject(listenError(error, this.#options));
    this.#server.once('error', onError);
    this.#server.listen({ port, backlog: LISTEN_BACKLOG, ...(host !== '' && { host }) }, () => {
      this.#server.off('error', onError);
      // Accepting one connection can fail (no descriptors left); the listener goes on.
      this.#server.on('error', this.#options.onFailure);
      const bound = this.#server.address();
      if (bound === null || typeof bound === 'string') return reject(listenError(bound, this.#options));
      resolve({ address: bound.address, port: bound.port });
    });
    return promise;
  }

  /** Frees the port; connections that are open stay. Idempotent. */
  stopAccepting(): void {
    this.#closed ??= new Promise((resolve) => {
      // Called back with an error when it never listened: just as good.
      this.#server.close(() => resolve());
    });
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

function listenError(cause: unknown, { host, port }: ListenOptions): BeaconError {
  const where = host === '' ? `port ${port}` : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new BeaconError('config', `cannot listen on ${where}: ${listenAdvice(systemCode(cause), port)}`, {
    cause,
  });
}

function listenAdvice(code: string | undefined, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the other process or choose another port';
    case 'EACCES':
    case 'EPERM':
      return port < 1_024
        ? 'no permission for a port below 1024; choose a port from 1024 up (such as 8443) or grant CAP_NET_BIND_SERVICE'
        : 'no permission; choose another port';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have that address; name one of its own, or none to listen on all';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_NODATA':
      return 'the name has no address; name an IP address of this machine, or none to listen on all';
    default:
      return `the system refused (${code ?? 'no reason given'}); choose another address`;
  }
}
