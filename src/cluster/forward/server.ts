/** The forward port: takes requests of other nodes, each on a mutually authenticated socket of its own. */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type BeaconError, messageOf } from '../../base/errors.ts';
import { CLUSTER_MEMBERS, FORWARD_SILENCE_MS, FORWARDS_PENDING } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Door, Entry } from '../../net/door/door.ts';
import type { Link } from '../../net/link.ts';
import type { BoundAddress, ListenOptions } from '../../net/listen.ts';
import { type Listener, TlsListener, type TlsListenerOptions } from '../../net/tls-listener.ts';
import { FORWARD_ALPN } from '../../wire/forward-frames.ts';
import { type ForwardCredentials, forwardServerName } from '../forward-certificates.ts';
import { Incoming } from './incoming.ts';
import type { IncomingHandler } from './types.ts';

export interface ForwardServerOptions extends ListenOptions {
  readonly credentials: ForwardCredentials;
  readonly clock: Clock;
  readonly log: Log;
  /** The door that clients pass as well. Default: everybody may come in. */
  readonly door?: Door;
  readonly handler: IncomingHandler;
  /** Gives each request its id, unique among whatever the caller counts by it. Default: 1, 2, 3 ... */
  readonly newId?: () => number;
  /** Makes the listener. Default: {@link TlsListener}. */
  readonly listener?: (options: TlsListenerOptions) => Listener;
  /** Requests that are not joined yet; one more is reset. Default: FORWARDS_PENDING. */
  readonly maxPending?: number;
}

export class ForwardServer {
  readonly #options: ForwardServerOptions;
  readonly #listener: Listener;
  readonly #pending = new Set<Incoming>();
  /** The last leaf that bore it, by the name of its node, which keeps it while it runs: to read one costs 0.15 ms. */
  readonly #leaves = new Map<string, Buffer>();
  #lastId = 0;

  constructor(options: ForwardServerOptions) {
    this.#options = options;
    const { host, port, credentials, clock, log, door } = options;
    const { listener = (given: TlsListenerOptions): Listener => new TlsListener(given) } = options;
    this.#listener = listener({
      host,
      port,
      credentials,
      alpn: FORWARD_ALPN,
      requestCert: true,
      clientCa: credentials.caPems,
      // Whoever takes longer has given us up.
      handshakeTimeoutMs: FORWARD_SILENCE_MS,
      clock,
      log,
      ...(door && { door: { door, proxied: false, tells: false } }),
      onLink: (link, entry) => this.#onLink(link, entry),
    });
  }

  /** Throws `config` when the address cannot be listened on. */
  listen(): Promise<BoundAddress> {
    return this.#listener.listen();
  }

  /** Requests that are not joined yet, and sockets that are closing. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Frees the port; requests and joined links go on. Idempotent. */
  stopAccepting(): void {
    this.#listener.stopAccepting();
  }

  /** Frees the port and resets every request (`onGone` comes) and every joined link; resolves when all are gone. */
  close(): Promise<void> {
    return this.#listener.close();
  }

  #onLink(link: Link, entry: Entry): void {
    // A member, by its certificate: forwards take a connection each, and would soon be over the limit.
    entry.exempt();
    const ended = entry.proved();
    link.stream.once('close', ended);
    if (this.#pending.size >= (this.#options.maxPending ?? FORWARDS_PENDING)) {
      this.#options.log.debug('a forward was dropped: too many wait already');
      return link.reset();
    }
    const incoming = new Incoming({
      id: this.#nextId(),
      link,
      clock: this.#options.clock,
      handler: this.#options.handler,
      isNode: (peer, name) => this.#isNode(peer, name),
      onLost: (error) => this.#onLost(error),
      onFault: (error) => this.#onFault(error),
      onDone: () => this.#pending.delete(incoming),
    });
    this.#pending.add(incoming);
    incoming.start();
  }

  #isNode(link: Link, name: string): boolean {
    const [leaf] = link.peerChain;
    if (leaf === undefined) return false;
    if (this.#leaves.get(name)?.equals(leaf)) return true;
    if (!bearsName(leaf, name)) return false;
    if (this.#leaves.size >= CLUSTER_MEMBERS) this.#leaves.clear();
    this.#leaves.set(name, leaf);
    return true;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#options.newId?.() ?? this.#lastId;
  }

  #onLost({ code }: BeaconError): void {
    const { log } = this.#options;
    log.debug('a forward of another node ended before it was joined', { code });
    // Only a holder of the cluster secret gets that far, so this is no scanner's noise.
    if (code === 'untrusted') {
      log.warn('a node claimed the name of another; rotate the cluster secret if it leaked');
    }
  }

  #onFault(error: unknown): void {
    const { log } = this.#options;
    log.error('a forward of another node was dropped by a fault of ours; debug logs say more');
    log.debug('the fault', { detail: messageOf(error) });
  }
}

/** Whether the DER certificate `leaf`, which OpenSSL has verified, is that of the node `name`. */
function bearsName(leaf: Buffer, name: string): boolean {
  const host = forwardServerName(name);
  return new X509Certificate(leaf).checkHost(host, { subject: 'never', wildcards: false }) !== undefined;
}
