/**
 * Pairs brokers with parked bridges: a pure state machine. Inputs are method calls with the time as argument,
 * outputs are {@link Effect}s that the relay carries out; no socket, timer or clock is seen here.
 *
 * Whoever comes first waits. A park that is offered has left the lot for good: everything the relay sends it after
 * OFFER is opaque, so it can be paired or dropped but never parked again.
 */
import { Deadlines } from '../base/deadlines.ts';
import type { RefusalCode } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import { type Choice, type ConnectionId, fits, type InstanceId, Lot, type Park } from './lot.ts';

export interface MatcherOptions {
  /** This node's name, for `avoid`. */
  readonly node: string;
  readonly brokerWaitMs: number;
  readonly acceptTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** A new pair id, 32 hex digits. */
  readonly newPairId: () => string;
}

export interface ConnectRequest extends Choice {
  readonly connection: ConnectionId;
  readonly infoHash: InfoHash;
  /** Nodes that the path must not cross. */
  readonly avoid: readonly string[];
}

export type DropReason = 'noAccept' | 'noPong' | 'brokerLeft' | 'pairMismatch';

export type Effect =
  | { readonly do: 'offer'; readonly bridge: ConnectionId; readonly pairId: string }
  | { readonly do: 'waiting'; readonly broker: ConnectionId }
  | {
      readonly do: 'pair';
      readonly broker: ConnectionId;
      readonly bridge: ConnectionId;
      readonly pairId: string;
      readonly bridgeInstance: InstanceId;
    }
  | { readonly do: 'refuse'; readonly connection: ConnectionId; readonly code: RefusalCode }
  | { readonly do: 'ping'; readonly connection: ConnectionId; readonly token: number }
  | { readonly do: 'drop'; readonly connection: ConnectionId; readonly reason: DropReason };

interface Broker extends ConnectRequest {
  offer: Offer | undefined;
}

interface Offer {
  readonly pairId: string;
  readonly park: Park;
  readonly broker: Broker;
}

const TOKEN_LIMIT = 2 ** 32;

export class Matcher {
  readonly #options: MatcherOptions;
  readonly #lot = new Lot();
  readonly #brokers = new Map<ConnectionId, Broker>();
  /** All of {@link #brokers} in order of arrival. One with an offer keeps its place, in case nothing comes of it. */
  readonly #lines = new Map<InfoHash, Set<Broker>>();
  /** By the bridge's connection. */
  readonly #offers = new Map<ConnectionId, Offer>();
  /** The token of the ping that a park has not answered yet. */
  readonly #unanswered = new Map<ConnectionId, number>();

  readonly #noBridgeAt = new Deadlines<ConnectionId>();
  readonly #noAcceptAt = new Deadlines<ConnectionId>();
  readonly #pingAt = new Deadlines<ConnectionId>();
  readonly #noPongAt = new Deadlines<ConnectionId>();

  #effects: Effect[] = [];
  #lastToken = 0;

  constructor(options: MatcherOptions) {
    this.#options = options;
  }

  /** Bridge connections in the lot. */
  get parked(): number {
    return this.#lot.size;
  }

  /** Broker connections that are not paired yet. */
  get waiting(): number {
    return this.#brokers.size;
  }

  /** A bridge connection parks. */
  park(park: Park, now: number): Effect[] {
    const broker = this.#firstWaiting(park);
    if (broker) {
      this.#offer(park, broker, now);
    } else {
      this.#lot.add(park);
      this.#pingAt.set(park.connection, now + this.#options.pingIntervalMs);
    }
    return this.#flush();
  }

  /** A broker connection wants to be paired. */
  connect(request: ConnectRequest, now: number): Effect[] {
    if (request.avoid.includes(this.#options.node)) {
      this.#effects.push({ do: 'refuse', connection: request.connection, code: 'avoided' });
    } else {
      const broker: Broker = { ...request, offer: undefined };
      this.#brokers.set(request.connection, broker);
      this.#lineUp(broker);
      this.#pingAt.set(request.connection, now + this.#options.pingIntervalMs);
      this.#offerPark(broker, now);
    }
    return this.#flush();
  }

  /** A bridge accepts its offer. An unknown pair id costs it the connection. */
  accept(bridge: ConnectionId, pairId: string): Effect[] {
    const offer = this.#offers.get(bridge);
    if (!offer || offer.pairId !== pairId)
      return [{ do: 'drop', connection: bridge, reason: 'pairMismatch' }];
    this.#forgetOffer(offer);
    const { park, broker } = offer;
    this.#forgetBroker(broker);
    return [{ do: 'pair', broker: broker.connection, bridge, pairId, bridgeInstance: park.instance }];
  }

  /** A parked bridge answers a ping. An answer to nothing, or a late one, changes nothing. */
  pong(connection: ConnectionId, token: number, now: number): void {
    if (this.#unanswered.get(connection) !== token) return;
    this.#unanswered.delete(connection);
    this.#noPongAt.delete(connection);
    this.#pingAt.set(connection, now + this.#options.pingIntervalMs);
  }

  /** A connection ended by itself, or was dropped by the relay. Unknown ones are fine. */
  left(connection: ConnectionId, now: number): Effect[] {
    this.#unpark(connection);
    const offer = this.#offers.get(connection);
    if (offer) this.#retry(offer, now);
    const broker = this.#brokers.get(connection);
    if (broker) this.#brokerLeft(broker);
    return this.#flush();
  }

  /** When {@link tick} is due, or undefined. */
  nextDeadline(): number | undefined {
    const times = [this.#noBridgeAt, this.#noAcceptAt, this.#pingAt, this.#noPongAt].map((each) =>
      each.next(),
    );
    return times.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined);
  }

  /** Lets the deadlines up to `now` take effect. */
  tick(now: number): Effect[] {
    for (let id = this.#pingAt.due(now); id !== undefined; id = this.#pingAt.due(now)) this.#ping(id, now);
    for (let id = this.#noPongAt.due(now); id !== undefined; id = this.#noPongAt.due(now)) {
      this.#unpark(id);
      this.#effects.push({ do: 'drop', connection: id, reason: 'noPong' });
    }
    for (let id = this.#noAcceptAt.due(now); id !== undefined; id = this.#noAcceptAt.due(now)) {
      const offer = this.#offers.get(id);
      if (!offer) continue;
      this.#effects.push({ do: 'drop', connection: id, reason: 'noAccept' });
      this.#retry(offer, now);
    }
    for (let id = this.#noBridgeAt.due(now); id !== undefined; id = this.#noBridgeAt.due(now)) {
      const broker = this.#brokers.get(id);
      if (!broker) continue;
      this.#forgetBroker(broker);
      this.#effects.push({ do: 'refuse', connection: id, code: 'noBridge' });
    }
    return this.#flush();
  }

  /** Offers a parked bridge to `broker`, or lets it wait when none fits. */
  #offerPark(broker: Broker, now: number): void {
    const park = this.#lot.take(broker.infoHash, broker);
    if (park) {
      this.#unpark(park.connection);
      this.#offer(park, broker, now);
    } else {
      this.#noBridgeAt.set(broker.connection, now + this.#options.brokerWaitMs);
      this.#effects.push({ do: 'waiting', broker: broker.connection });
    }
  }

  #offer(park: Park, broker: Broker, now: number): void {
    this.#noBridgeAt.delete(broker.connection);
    const offer: Offer = { pairId: this.#options.newPairId(), park, broker };
    broker.offer = offer;
    this.#offers.set(park.connection, offer);
    this.#noAcceptAt.set(park.connection, now + this.#options.acceptTimeoutMs);
    this.#effects.push({ do: 'offer', bridge: park.connection, pairId: offer.pairId });
  }

  /** Its offer cannot be taken back: the bridge takes whatever comes next for the broker's bytes. */
  #brokerLeft(broker: Broker): void {
    const { offer } = broker;
    this.#forgetBroker(broker);
    if (!offer) return;
    this.#forgetOffer(offer);
    this.#effects.push({ do: 'drop', connection: offer.park.connection, reason: 'brokerLeft' });
  }

  /** The offered park is of no use; its broker goes on with the next one. */
  #retry(offer: Offer, now: number): void {
    this.#forgetOffer(offer);
    this.#offerPark(offer.broker, now);
  }

  #forgetOffer(offer: Offer): void {
    this.#offers.delete(offer.park.connection);
    this.#noAcceptAt.delete(offer.park.connection);
    offer.broker.offer = undefined;
  }

  #forgetBroker(broker: Broker): void {
    this.#brokers.delete(broker.connection);
    this.#pingAt.delete(broker.connection);
    this.#noBridgeAt.delete(broker.connection);
    const line = this.#lines.get(broker.infoHash);
    line?.delete(broker);
    if (line?.size === 0) this.#lines.delete(broker.infoHash);
  }

  #lineUp(broker: Broker): void {
    const line = this.#lines.get(broker.infoHash);
    if (line) line.add(broker);
    else this.#lines.set(broker.infoHash, new Set([broker]));
  }

  #firstWaiting(park: Park): Broker | undefined {
    for (const broker of this.#lines.get(park.infoHash) ?? []) {
      if (!broker.offer && fits(park.instance, broker)) return broker;
    }
    return undefined;
  }

  #unpark(connection: ConnectionId): void {
    this.#lot.remove(connection);
    this.#unanswered.delete(connection);
    this.#pingAt.delete(connection);
    this.#noPongAt.delete(connection);
  }

  #ping(connection: ConnectionId, now: number): void {
    this.#lastToken = (this.#lastToken + 1) % TOKEN_LIMIT;
    if (this.#lot.has(connection)) {
      this.#unanswered.set(connection, this.#lastToken);
      this.#noPongAt.set(connection, now + this.#options.pongTimeoutMs);
    } else {
      // A broker does not answer: after HELLO it sends opaque bytes. The ping keeps the middleboxes awake.
      this.#pingAt.set(connection, now + this.#options.pingIntervalMs);
    }
    this.#effects.push({ do: 'ping', connection, token: this.#lastToken });
  }

  #flush(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
