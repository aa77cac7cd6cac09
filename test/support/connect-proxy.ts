/** An HTTP proxy on 127.0.0.1 that does CONNECT and nothing else, with Basic authentication if told so. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface ConnectProxyOptions {
  /** user:password that it asks for. */
  readonly credentials?: string;
  /** Where names lead: host:port as asked for, and the port of 127.0.0.1. IP addresses lead where they say. */
  readonly names?: Readonly<Record<string, number>>;
}

export class ConnectProxy {
  /** The first lines of what it was asked, in order: `CONNECT host:port HTTP/1.1`. */
  readonly asked: string[] = [];
  /** The status of each answer, in order. */
  readonly answered: number[] = [];
  readonly #options: ConnectProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: ConnectProxyOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#onConnection(socket));
  }

  /** The caller closes it. */
  static async start(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts what is open and frees the port. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #onConnection(socket: Socket): void {
    this.#adopt(socket);
    let head = '';
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', onData).pause();
      if (head.length > end + 4) socket.unshift(Buffer.from(head.slice(end + 4), 'latin1'));
      this.#onRequest(socket, head.slice(0, end).split('\r\n'));
    };
    socket.on('data', onData);
  }

  #onRequest(socket: Socket, [first = '', ...fields]: readonly string[]): void {
    this.asked.push(first);
    const { credentials, names = {} } = this.#options;
    const expected = `Proxy-Authorization: Basic ${Buffer.from(credentials ?? '').toString('base64')}`;
    if (credentials !== undefined && !fields.includes(expected)) {
      return this.#refuse(socket, 407, 'Proxy-Authenticate: Basic realm="test"\r\n');
    }
    const [, authority = '', host = '', port] = /^CONNECT ((.+):(\d+)) HTTP\/1\.1$/.exec(first) ?? [];
    if (port === undefined) return this.#refuse(socket, 405);
    const named = names[authority];
    const far = connect(named ?? Number(port), named === undefined ? host : '127.0.0.1');
    this.#adopt(far);
    far.once('error', () => this.#refuse(socket, 502));
    far.once('connect', () => {
      this.answered.push(200);
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(far);
      far.pipe(socket);
      socket.once('close', () => far.destroy());
      far.once('close', () => socket.destroy());
    });
  }

  #refuse(socket: Socket, status: number, field = ''): void {
    if (socket.destroyed) return;
    this.answered.push(status);
    socket.end(`HTTP/1.1 ${status} No\r\n${field}Content-Length: 0\r\n\r\n`);
  }

  #adopt(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
  }
}
