/**
 * The relay: accepts TLS from both sides, reads one HELLO per connection, pairs, and then only copies bytes.
 *
 * This class is the shell around the pure parts (admission, matcher): it turns what sockets say into inputs and
 * effects into writes. It holds no secret of either side and writes nothing to disk.
 */
import type { Clock, Timer } from '../base/clock.ts';
import { BeaconError, messageOf } from '../base/errors.ts';
import {
  ACCEPT_TIMEOUT_MS,
  BROKER_WAIT_MS,
  HANDSHAKE_TIMEOUT_MS,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  STALL_TIMEOUT_MS,
} from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Link } from '../net/link.ts';
import { type Splice, type SpliceTap, spliceLinks } from '../net/splice.ts';
import { TlsListener } from '../net/tls-listener.ts';
import { ALPN, type Hello, PAIR_ID_BYTES } from '../wire/frames.ts';
import { refusal, refusedFor } from '../wire/refusal.ts';
import { type AdmissionPolicy, admit } from './admission.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import type { ConnectionId } from './lot.ts';
import { type Effect, Matcher } from './matcher.ts';

export interface RelayOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly certPem: string; readonly keyPem: string };
  /** Name of this node; `avoid` and PAIRED's path speak of it. */
  readonly node: string;
  /** Empty: not known. */
  readonly zone: string;
  /** Asked at every HELLO, so that a changed allow file takes effect at once. */
  readonly policy: () => AdmissionPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Sees what is spliced; for the demo, which shows that it is ciphertext. */
  readonly tap?: SpliceTap;
}

export class Relay implements ConnectionHandler {
  readonly #options: RelayOptions;
  readonly #listener: TlsListener;
  readonly #matcher: Matcher;
  readonly #incarnation: number;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #splices = new Set<Splice>();
  readonly #emptied = Promise.withResolvers<void>();
  #closing = false;
  #lastId = 0;
  #timer: Timer | undefined;
  /** What {@link #timer} waits for. */
  #timerAt: number | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
    const { clock, random, log } = options;
    this.#incarnation = Math.floor(clock.wall());
    this.#matcher = new Matcher({
      node: options.node,
      brokerWaitMs: BROKER_WAIT_MS,
      acceptTimeoutMs: ACCEPT_TIMEOUT_MS,
      pingIntervalMs: PING_INTERVAL_MS,
      pongTimeoutMs: PONG_TIMEOUT_MS,
      newPairId: () => random.bytes(PAIR_ID_BYTES).toString('hex'),
    });
    this.#listener = new TlsListener({
      host: options.host,
      port: options.port,
      credentials: options.credentials,
      alpn: ALPN,
      requestCert: true,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
      clock,
      log,
      onLink: (link) => this.#onLink(link),
      onNoise: (reason) => log.debug('a connection ended before its HELLO', { reason }),
    });
  }

  /** Resolves with the bound address. Rejects with BeaconError('config') when the port cannot be had. */
  listen(): Promise<{ address: string; port: number }> {
    return this.#listener.listen();
  }

  /** Bridge connections parked here. */
  get parked(): number {
    return this.#matcher.parked;
  }

  /** Splices that run. */
  get splices(): number {
    return this.#splices.size;
  }

  /**
   * Stops: cuts splices, refuses all others with `draining`. Resolves when every socket is closed: at once where clients
   * close as they should, after REFUSED_LINGER_MS at the latest.
   */
  async close(): Promise<void> {
    this.#closing = true;
    this.#listener.stopAccepting();
    for (const splice of this.#splices) splice.abort();
    for (const connection of this.#connections.values()) connection.refuse(refusal('draining'));
    if (this.#connections.size > 0) await this.#emptied.promise;
    await Promise.all([...this.#splices].map((splice) => splice.done));
    await this.#listener.close();
  }

  #onLink(link: Link): void {
    if (this.#closing) return link.reset();
    this.#lastId += 1;
    const connection = new Connection(this.#lastId, link, this.#options.clock, this);
    this.#connections.set(connection.id, connection);
    connection.start();
  }

  onHello(connection: Connection, hello: Hello): void {
    const { clock, log } = this.#options;
    const verdict = admit(hello, connection.link.peerChain, this.#options.policy(), clock.wall());
    if (!verdict.admitted) {
      log.debug('a client was refused', { role: hello.role, code: verdict.code });
      return connection.refuse(refusal(verdict.code, { text: verdict.text }));
    }
    const client = { connection: connection.id, infoHash: verdict.infoHash };
    if (hello.role === 'park') {
      connection.park();
      connection.send({
        type: 'parked',
        node: this.#options.node,
        zone: this.#options.zone,
        incarnation: this.#incarnation,
        pingIntervalMs: PING_INTERVAL_MS,
      });
      this.#apply(this.#matcher.park({ ...client, instance: hello.instance.toString('hex') }, clock.now()));
    } else {
      connection.wait();
      const choice = {
        wanted: hello.wanted?.toString('hex'),
        except: hello.except.map((instance) => instance.toString('hex')),
        avoid: hello.avoid,
      };
      this.#apply(this.#matcher.connect({ ...client, ...choice }, clock.now()));
    }
  }

  onPong(connection: Connection, token: number): void {
    this.#matcher.pong(connection.id, token, this.#options.clock.now());
    this.#schedule();
  }

  onAccept(connection: Connection, pairId: Buffer): void {
    this.#apply(this.#matcher.accept(connection.id, pairId.toString('hex')));
  }

  onViolation(connection: Connection, error: unknown): void {
    const { log } = this.#options;
    if (error instanceof BeaconError) log.debug('a client broke the protocol', { code: error.code });
    else {
      log.error('a connection was closed by a fault of ours; run with debug logs for more');
      log.debug('the fault', { detail: messageOf(error) });
    }
    connection.refuse(refusedFor(error));
    this.#apply(this.#matcher.left(connection.id, this.#options.clock.now()));
  }

  onGone(connection: Connection): void {
    this.#connections.delete(connection.id);
    this.#apply(this.#matcher.left(connection.id, this.#options.clock.now()));
    if (this.#closing && this.#connections.size === 0) this.#emptied.resolve();
  }

  #apply(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(effect);
    this.#schedule();
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'offer':
        return this.#connections.get(effect.bridge)?.offer(Buffer.from(effect.pairId, 'hex'));
      case 'waiting':
        return this.#connections.get(effect.broker)?.send({ type: 'waiting' });
      case 'ping':
        return this.#connections.get(effect.connection)?.send({ type: 'ping', token: effect.token });
      case 'refuse':
        return this.#connections.get(effect.connection)?.refuse(refusal(effect.code));
      case 'drop':
        this.#options.log.debug('a parked connection was dropped', { reason: effect.reason });
        return this.#connections.get(effect.connection)?.drop();
      case 'pair':
        return this.#pair(effect);
    }
  }

  #pair({ broker, bridge, pairId, bridgeInstance }: Extract<Effect, { do: 'pair' }>): void {
    const brokerSide = this.#connections.get(broker);
    const bridgeSide = this.#connections.get(bridge);
    if (!brokerSide || !bridgeSide) return;
    brokerSide.send({
      type: 'paired',
      pairId: Buffer.from(pairId, 'hex'),
      bridge: Buffer.from(bridgeInstance, 'hex'),
      path: [this.#options.node],
    });
    // The broker may have been dropped just now, for frames it did not read.
    if (brokerSide.state === 'gone') return bridgeSide.drop();
    this.#connections.delete(broker);
    this.#connections.delete(bridge);
    const { clock, log, tap } = this.#options;
    const splice = spliceLinks(brokerSide.release(), bridgeSide.release(), {
      clock,
      stallMs: STALL_TIMEOUT_MS,
      ...(tap && { tap }),
    });
    this.#splices.add(splice);
    void splice.done.then(({ outcome }) => {
      this.#splices.delete(splice);
      log.debug('a splice ended', { pairId, outcome });
    });
  }

  /** One timer for all deadlines of the matcher. It is left alone where it fits: each event would put it off again. */
  #schedule(): void {
    const next = this.#matcher.nextDeadline();
    if (next === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = next;
    if (next === undefined) return;
    const { clock } = this.#options;
    this.#timer = clock.after(Math.max(0, next - clock.now()), () => {
      // One turn later: after a stall of ours, answers may lie unread in the sockets. They were in time.
      this.#timer = clock.after(0, () => this.#onDeadline());
    });
  }

  #onDeadline(): void {
    this.#timerAt = undefined;
    this.#apply(this.#matcher.tick(this.#options.clock.now()));
  }
}
