/** A small HTTP server that nobody can make large: plain HTTP/1.1, limits on all that a client can send or leave out. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Address } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf, systemCode } from '../base/errors.ts';
import {
  ADMIN_BODY_BYTES,
  ADMIN_CLOSE_MS,
  ADMIN_CONNECTIONS,
  ADMIN_HEADER_BYTES,
  ADMIN_HEADERS,
  ADMIN_IDLE_MS,
  ADMIN_REQUEST_LOOK_MS,
  ADMIN_REQUEST_MS,
  ADMIN_STALL_MS,
} from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type BoundAddress, listenError } from '../net/listen.ts';
import { plainAddress } from '../net/socket-reset.ts';
import { type Answer, type Endpoint, line, type Request } from './exchange.ts';

export interface HttpListenerOptions {
  readonly address: Address;
  /** The setting that names `address`, for errors. */
  readonly flag: string;
  readonly answer: Endpoint;
  /** Milliseconds for a whole request. Default: ADMIN_REQUEST_MS. */
  readonly requestMs?: number;
  readonly clock: Clock;
  readonly log: Log;
}

type Socket = IncomingMessage['socket'];

/** Nothing of ours belongs into a cache, a frame, or the page of another site. */
const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};

export class HttpListener {
  readonly #options: HttpListenerOptions;
  readonly #server: Server;
  /** Open connections, the oldest first. */
  readonly #sockets = new Set<Socket>();

  constructor(options: HttpListenerOptions) {
    this.#options = options;
    const { requestMs = ADMIN_REQUEST_MS } = options;
    this.#server = createServer(
      {
        maxHeaderSize: ADMIN_HEADER_BYTES,
        headersTimeout: requestMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: Math.min(requestMs, ADMIN_REQUEST_LOOK_MS),
        keepAliveTimeout: ADMIN_IDLE_MS,
        noDelay: true,
      },
      (request, response) => this.#onRequest(request, response),
    );
    this.#server.maxHeadersCount = ADMIN_HEADERS;
    this.#server.timeout = ADMIN_STALL_MS;
    this.#server.on('connection', (socket) => this.#onConnection(socket));
  }

  /** Throws `config`, naming the flag, when the address cannot be listened on. */
  async listen(): Promise<BoundAddress> {
    const { address, flag, log } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).once('listening', resolve);
    this.#server.listen({ port: address.port, ...(address.host !== '' && { host: address.host }) });
    try {
      await promise;
    } catch (error) {
      throw listenError(error, address, flag);
    }
    this.#server.off('error', reject);
    this.#server.on('error', (error) =>
      log.debug('a connection for health or status was not accepted', { reason: systemCode(error) }),
    );
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw listenError(bound, address, flag);
    return { address: bound.address, port: bound.port };
  }

  /** Frees the port; answers under way may finish for ADMIN_CLOSE_MS. Idempotent. */
  async close(): Promise<void> {
    const timer = this.#options.clock.after(ADMIN_CLOSE_MS, () => this.#server.closeAllConnections());
    // Called back with an error where it never listened: just as good.
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
    timer.cancel();
  }

  #onConnection(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const [oldest] = this.#sockets;
    if (this.#sockets.size > ADMIN_CONNECTIONS) oldest?.destroy();
  }

  #onRequest(message: IncomingMessage, response: ServerResponse): void {
    let bytes = 0;
    let isOver = false;
    message.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= ADMIN_BODY_BYTES || isOver) return;
      isOver = true;
      write(response, message, line(413, 'no request here has a body', { connection: 'close' }));
      message.pause();
      response.once('finish', () => message.socket.destroy());
    });
    message.once('end', () => {
      if (!isOver) void this.#answer(message, response);
    });
    message.on('error', () => {});
    response.on('error', () => {});
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { answer, log } = this.#options;
    try {
      write(response, message, await answer(requestOf(message)));
    } catch (error) {
      log.error('a request for health or status met a fault of ours; run with debug logs for more');
      log.debug('the fault', { detail: messageOf(error) });
      write(response, message, line(500, 'a fault of this process; its log says more'));
    }
  }
}

function write(
  response: ServerResponse,
  { method }: IncomingMessage,
  { status, type = 'text/plain; charset=utf-8', headers = {}, body }: Answer,
): void {
  if (response.headersSent || response.destroyed) return;
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...HEADERS, 'content-type': type, 'content-length': length, ...headers });
  response.end(method === 'HEAD' ? undefined : body);
}

function requestOf({ method = '', url = '', headers, socket }: IncomingMessage): Request {
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  return {
    method,
    path: url.split('?', 1)[0] ?? '',
    host,
    origin,
    fetchSite: typeof site === 'string' ? site : undefined,
    peer: plainAddress(socket.remoteAddress ?? ''),
  };
}
