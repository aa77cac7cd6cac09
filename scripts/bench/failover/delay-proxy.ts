/**
 * A way to a relay that takes time, and that can be cut, closed or silenced: a TCP proxy on 127.0.0.1 with one queue for
 * each direction of each connection. Bandwidth is not limited. `forth` is from who dialled, `back` is to it.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock, type Timer } from '../../../src/base/clock.ts';
import { LOOPBACK } from '../loopback.ts';

export interface DelayProxyOptions {
  /** Each byte arrives so much later, each way: half of the round trip that is added. Default 0. */
  readonly delayMs?: number;
  /** Where the connection to the relay comes from, asked for each. Default: the kernel chooses. */
  readonly source?: () => string;
}

/** Which bytes are swallowed: read and dropped, nothing is closed. */
export type Hole = 'none' | 'both' | 'forth' | 'back';

/** Above it a direction is read no further: more than a delay of 25 ms holds at 300 MB/s. */
const QUEUE_BYTES = 8 * 1_024 * 1_024;

export class DelayProxy {
  /** Bytes that came in from either side since the start, swallowed ones as well. */
  bytes = 0;
  /** When it was dialled, by `systemClock.now()`. */
  readonly dials: number[] = [];
  /** What new connections lose, and old ones from now on. A connection that has lost something stays silent for good. */
  hole: Hole = 'none';
  readonly #target: () => number;
  readonly #options: DelayProxyOptions;
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;
  #port = 0;
  #closed = false;

  private constructor(target: () => number, options: DelayProxyOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Listening on a port of its own; the caller stops it. `target`: the relay's port, asked at each dial. */
  static async listen(target: () => number, options: DelayProxyOptions = {}): Promise<DelayProxy> {
    const proxy = new DelayProxy(target, options);
    await proxy.admit();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open and have lost nothing. */
  get open(): number {
    return [...this.#connections].filter(({ hurt }) => !hurt).length;
  }

  /** Who dials is refused, as by a machine on which nobody listens. Open connections go on. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Whether it refuses for good. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Refuses for good: {@link admit} is of no effect. */
  close(): void {
    this.#closed = true;
    this.refuse();
  }

  /** Takes dials again, on the same port. */
  async admit(): Promise<void> {
    if (this.#server || this.#closed) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.#join(near));
    this.#server = server;
    server.listen(this.#port, LOOPBACK);
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address) this.#port = address.port;
  }

  /** Resets every connection at both ends. */
  cut(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** Swallows no longer. What has lost bytes is reset: TCP gives up on it. */
  heal(): void {
    this.hole = 'none';
    for (const connection of this.#connections) if (connection.hurt) connection.reset();
  }

  stop(): void {
    this.refuse();
    this.cut();
  }

  #join(near: Socket): void {
    this.dials.push(systemClock.now());
    const { source, delayMs = 0 } = this.#options;
    const localAddress = source?.();
    const far = connect({
      host: LOOPBACK,
      port: this.#target(),
      allowHalfOpen: true,
      noDelay: true,
      ...(localAddress !== undefined && { localAddress }),
    });
    const connection = new Connection(near, far, delayMs, {
      swallows: (way) => this.hole === 'both' || this.hole === way,
      onBytes: (count) => {
        this.bytes += count;
      },
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }
}

interface Watcher {
  swallows(way: 'forth' | 'back'): boolean;
  onBytes(count: number): void;
  onClosed(): void;
}

/** Both directions of one connection. */
class Connection {
  /** Something was swallowed. */
  hurt = false;
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #queues: readonly Queue[];

  constructor(near: Socket, far: Socket, delayMs: number, watcher: Watcher) {
    this.#near = near;
    this.#far = far;
    const forth = this.#direction(near, far, 'forth', delayMs, watcher);
    const back = this.#direction(far, near, 'back', delayMs, watcher);
    this.#queues = [forth, back];
    let closed = 0;
    for (const socket of [near, far]) {
      socket.once('close', () => {
        closed += 1;
        if (closed === 2) watcher.onClosed();
      });
    }
  }

  reset(): void {
    for (const queue of this.#queues) queue.drop();
    for (const socket of [this.#near, this.#far]) socket.resetAndDestroy();
  }

  #direction(from: Socket, to: Socket, way: 'forth' | 'back', delayMs: number, watcher: Watcher): Queue {
    const queue = new Queue(from, to, delayMs);
    const swallowed = (): boolean => {
      this.hurt ||= watcher.swallows(way);
      return this.hurt;
    };
    from.on('data', (bytes: Buffer) => {
      watcher.onBytes(bytes.length);
      if (!swallowed()) queue.push(bytes.length, () => void to.write(bytes));
    });
    from.on('end', () => {
      if (!swallowed()) queue.push(0, () => void to.end());
    });
    from.on('error', () => {
      if (!swallowed()) queue.push(0, () => void to.resetAndDestroy());
    });
    from.on('close', () => {
      // A half that is gone carries nothing; the other side notices once all has arrived.
      if (!swallowed()) queue.push(0, () => void to.destroySoon());
    });
    to.on('drain', () => queue.relieve());
    return queue;
  }
}

/** What is under way in one direction, in order. */
class Queue {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: number;
  readonly #items: { readonly due: number; readonly size: number; readonly deliver: () => void }[] = [];
  #size = 0;
  #timer: Timer | undefined;

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
  }

  push(size: number, deliver: () => void): void {
    if (this.#delayMs === 0) deliver();
    else {
      this.#items.push({ due: systemClock.now() + this.#delayMs, size, deliver });
      this.#size += size;
      this.#arm();
    }
    if (this.#held > QUEUE_BYTES) this.#from.pause();
  }

  /** Reads on when there is room again. */
  relieve(): void {
    if (this.#from.isPaused() && this.#held < QUEUE_BYTES / 2) this.#from.resume();
  }

  drop(): void {
    this.#timer?.cancel();
    this.#items.length = 0;
    this.#size = 0;
  }

  get #held(): number {
    return this.#size + this.#to.writableLength;
  }

  #arm(): void {
    const [first] = this.#items;
    if (!first || this.#timer) return;
    this.#timer = systemClock.after(Math.max(0, first.due - systemClock.now()), () => {
      this.#timer = undefined;
      this.#deliver();
      this.#arm();
      this.relieve();
    });
  }

  #deliver(): void {
    // Half a millisecond early is nearer than a whole one late.
    const now = systemClock.now() + 0.5;
    let count = 0;
    for (const { due, size, deliver } of this.#items) {
      if (due > now) break;
      count += 1;
      this.#size -= size;
      deliver();
    }
    this.#items.splice(0, count);
  }
}
