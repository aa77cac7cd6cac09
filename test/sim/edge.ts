/** Where a simulated relay meets its machine: listeners, dials and gossip on the simulated network. */
import { X509Certificate } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock } from '../../src/base/clock.ts';
import { BeaconError } from '../../src/base/errors.ts';
import { type ForwardCredentials, forwardCredentials } from '../../src/cluster/forward-certificates.ts';
import type { ClusterSecret } from '../../src/cluster/secret.ts';
import type { DialTlsOptions } from '../../src/net/dial.ts';
import { type Entry, openEntry } from '../../src/net/door/door.ts';
import type { Link } from '../../src/net/link.ts';
import type { Listener, TlsListenerOptions } from '../../src/net/tls-listener.ts';
import type { RelayEdge } from '../../src/relay/edge.ts';
import { relayFrames } from '../../src/wire/decode.ts';
import { encodeClientFrame } from '../../src/wire/encode.ts';
import { ALPN, type ClientFrame, type RelayFrame } from '../../src/wire/frames.ts';
import { SimGossip } from './gossip.ts';
import type { Message } from './message.ts';
import type { SimLink, SimNet } from './net.ts';
import type { Observer } from './observer.ts';
import { SimStream, simLink } from './stream.ts';
import type { Weather } from './weather.ts';

const FORWARDS = 'forwards';
/** More than there are hosts. Memory for all that the product remembers would take a tenth of the time of a run. */
export const SOURCES = 64;

export interface SimEdgeOptions {
  readonly net: SimNet<Message>;
  /** Name of the host, and of the node. */
  readonly host: string;
  readonly clock: Clock;
  readonly weather: Weather;
  readonly observer: Observer;
  /** Something happens at the relay. `settles`: promises may follow from it. */
  readonly onTurn: (settles: boolean) => void;
}

/** The edge of one process, and what of it is seen from outside. */
export class SimEdge implements RelayEdge {
  readonly #options: SimEdgeOptions;
  readonly #streams = new Set<SimStream>();
  readonly #ends = new Set<() => void>();
  readonly door: RelayEdge['door'] = {
    capacity: {
      descriptors: { limit: undefined, count: () => undefined },
      watchLoad: () => ({ sample: () => ({ delayP99Ms: 0, memoryPart: 0 }), stop: () => {} }),
    },
    rate: { sources: SOURCES },
  };
  readonly credentials = keptCredentials;

  constructor(options: SimEdgeOptions) {
    this.#options = options;
  }

  /** Bytes that one stream keeps at the most now, because the other side takes none. */
  get mostWaiting(): number {
    let most = 0;
    for (const { writableLength } of this.#streams) most = Math.max(most, writableLength);
    return most;
  }

  /** The process is gone: for the history, so are its connections. */
  ended(): void {
    for (const end of this.#ends) end();
    this.#ends.clear();
  }

  readonly listener = (options: TlsListenerOptions): Listener =>
    new SimListener(options, this.#options, options.alpn === ALPN ? this.#onClient : this.#onNode);

  readonly gossip: RelayEdge['gossip'] = (options) => {
    const { net, host, weather } = this.#options;
    return new SimGossip(options, { net, host, addressOf, weather });
  };

  readonly dial = (options: DialTlsOptions): Promise<Link> => {
    const { net, host } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Link>();
    const fail = (code: 'closed' | 'unreachable'): void =>
      reject(new BeaconError(code, `${options.name} was not connected`, { retry: true }));
    options.signal?.addEventListener('abort', () => fail('closed'), { once: true });
    const onDone = (link: SimLink<Message> | undefined): void => {
      this.#options.onTurn(true);
      if (!link || link.over) return fail('unreachable');
      if (options.signal?.aborted) return link.reset();
      link.send({ node: [leafOf(options.identity?.certPem ?? '')] });
      resolve(this.#bytes(link, []));
    };
    net.dial(host, options.host, options.timeoutMs, onDone, FORWARDS);
    return promise;
  };

  /** The first message of a client: what it shows in its handshake, and HELLO. */
  readonly #onClient: OnFirst = (link, first, entry, onLink) => {
    if (!('hello' in first)) return link.reset();
    const { observer, host } = this.#options;
    const seen = observer.connection(link.remote, host, first);
    const decoder = relayFrames();
    let isOpaque = false;
    const end = (): void => seen.over();
    this.#ends.add(end);
    const toLine = (bytes: Buffer): Message => {
      if (isOpaque) return { opaque: bytes };
      decoder.push(bytes);
      const frame = decoder.next() as RelayFrame;
      decoder.next();
      isOpaque = seen.says(frame);
      return { frame };
    };
    const stream = this.#stream(link, toLine, fromClient, () => {
      this.#ends.delete(end);
      end();
    });
    onLink(simLink(stream, entry.source, first.chain), entry);
    stream.emit('data', encodeClientFrame(first.hello));
  };

  readonly #onNode: OnFirst = (link, first, entry, onLink) => {
    if ('node' in first) onLink(this.#bytes(link, first.node), entry);
    else link.reset();
  };

  #bytes(link: SimLink<Message>, chain: readonly Buffer[]): Link {
    const toLine = (opaque: Buffer): Message => ({ opaque });
    return simLink(
      this.#stream(link, toLine, fromClient, () => {}),
      addressOf(link.remote),
      chain,
    );
  }

  #stream(
    link: SimLink<Message>,
    toLine: (bytes: Buffer) => Message,
    fromLine: (message: Message) => Buffer | undefined,
    onOver: () => void,
  ): SimStream {
    const { clock, onTurn } = this.#options;
    const stream: SimStream = new SimStream({
      link,
      clock,
      toLine,
      fromLine,
      onTurn,
      onOver: () => {
        this.#streams.delete(stream);
        onOver();
      },
    });
    this.#streams.add(stream);
    return stream;
  }
}

type OnFirst = (
  link: SimLink<Message>,
  first: Message,
  entry: Entry,
  onLink: (link: Link, entry: Entry) => void,
) => void;

/** A port: the door of the product, and then the first message instead of a handshake. */
class SimListener implements Listener {
  readonly #options: TlsListenerOptions;
  readonly #place: SimEdgeOptions;
  readonly #onFirst: OnFirst;
  readonly #port: string | undefined;
  readonly #open = new Map<SimLink<Message>, DoorSocket>();
  readonly #links = new Set<Link>();
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(options: TlsListenerOptions, place: SimEdgeOptions, onFirst: OnFirst) {
    this.#options = options;
    this.#place = place;
    this.#onFirst = onFirst;
    this.#port = options.alpn === ALPN ? undefined : FORWARDS;
  }

  listen(): Promise<{ address: string; port: number }> {
    const { net, host } = this.#place;
    net.listen(host, (link) => this.#onSocket(link), this.#port);
    return Promise.resolve({ address: addressOf(host), port: this.#options.port });
  }

  setCredentials(): void {}

  stopAccepting(): void {
    this.#place.net.unlisten(this.#place.host, this.#port);
  }

  close(): Promise<void> {
    this.stopAccepting();
    this.#closing ??= Promise.withResolvers<void>();
    for (const socket of [...this.#open.values()]) socket.destroy();
    for (const link of [...this.#links]) link.reset();
    this.#settle();
    return this.#closing.promise;
  }

  #onSocket(link: SimLink<Message>): void {
    const { door } = this.#options;
    const socket = new DoorSocket(() => {
      link.reset();
      this.#open.delete(link);
    });
    this.#open.set(link, socket);
    this.#place.onTurn(true);
    if (!door) return this.#awaitFirst(link, socket, openEntry(addressOf(link.remote)));
    door.door.enter({
      // All that the door does with it, where no proxy is trusted, is to see it close and to close it.
      socket: socket as unknown as Socket,
      peer: addressOf(link.remote),
      proxied: door.proxied,
      tells: door.tells,
      onEntry: (entry) => this.#awaitFirst(link, socket, entry),
      onTurnedAway: (reason) => {
        this.#place.observer.world.reached(`door: ${reason}`);
        socket.destroy();
      },
    });
  }

  #awaitFirst(link: SimLink<Message>, socket: DoorSocket, entry: Entry): void {
    const { handshakeTimeoutMs } = this.#options;
    const timer = this.#place.clock.after(handshakeTimeoutMs, () => socket.destroy());
    link.handle({
      onEnd: () => {
        timer.cancel();
        socket.destroy();
      },
      onMessage: (first) => {
        timer.cancel();
        this.#place.onTurn(true);
        this.#onFirst(link, first, entry, (made, admitted) => this.#onLink(link, socket, made, admitted));
      },
    });
  }

  #onLink(link: SimLink<Message>, socket: DoorSocket, made: Link, entry: Entry): void {
    this.#open.delete(link);
    this.#links.add(made);
    made.stream.once('close', () => {
      socket.emit('close');
      this.#links.delete(made);
      this.#settle();
    });
    this.#options.onLink(made, entry);
  }

  #settle(): void {
    if (this.#open.size + this.#links.size === 0) this.#closing?.resolve();
  }
}

/** As much of a socket as the door has use for. */
class DoorSocket extends EventEmitter {
  readonly #onDestroy: () => void;
  #destroyed = false;

  constructor(onDestroy: () => void) {
    super();
    this.#onDestroy = onDestroy;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#onDestroy();
    this.emit('close');
  }
}

function fromClient(message: Message): Buffer | undefined {
  if ('opaque' in message) return message.opaque;
  return 'frame' in message ? encodeClientFrame(message.frame as ClientFrame) : undefined;
}

/** An IPv4 address for each host, always the same one. */
export function addressOf(host: string): string {
  const [kind = '', index = '0'] = host.split('-');
  return `10.${{ relay: 1, bridge: 2, broker: 3 }[kind] ?? 4}.${Number(index) >> 8}.${Number(index) & 255}`;
}

const credentials = new Map<string, ForwardCredentials>();
const leaves = new Map<string, Buffer>();

/** Made once for each node: nothing that is recorded depends on their bytes, and they cost a millisecond. */
function keptCredentials(secret: ClusterSecret, node: string): ForwardCredentials {
  const made = credentials.get(node) ?? forwardCredentials(secret, node);
  credentials.set(node, made);
  return made;
}

function leafOf(certPem: string): Buffer {
  const leaf = leaves.get(certPem) ?? new X509Certificate(certPem).raw;
  leaves.set(certPem, leaf);
  return leaf;
}
