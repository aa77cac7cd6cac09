/**
 * Pairs brokers with bridges, parked here or on another node: a pure state machine. Inputs are method calls with the
 * time as argument, outputs are {@link Effect}s that the relay carries out; no socket, timer or clock is seen here.
 *
 * Whoever comes first waits. A park that is offered has left the lot for good: everything the relay sends it after
 * OFFER is opaque, so it can be paired or dropped but never parked again.
 */
import { Deadlines, earliest } from '../base/deadlines.ts';
import type { RefusalCode } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import type { Holder } from '../cluster/directory/effects.ts';
import type { Broker, ConnectRequest, Stage } from './broker.ts';
import type { Effect } from './effects.ts';
import { chooseHolder, mayServe } from './holder-choice.ts';
import { type ConnectionId, fits, type InstanceId, Lot, type Park } from './lot.ts';
import type { MatcherOptions } from './matcher-options.ts';
import { Pings } from './pings.ts';
import { type Purpose, Slots } from './slots.ts';
import { WaitingRoom } from './waiting-room.ts';

export class Matcher {
  readonly #options: MatcherOptions;
  readonly #lot = new Lot();
  readonly #slots: Slots<Broker>;
  readonly #pings: Pings;
  readonly #brokers = new Map<ConnectionId, Broker>();
  readonly #waitingRoom: WaitingRoom<Broker>;
  /** Brokers in stage offered, by the bridge's connection. */
  readonly #offered = new Map<ConnectionId, Broker>();

  readonly #noAcceptAt = new Deadlines<ConnectionId>();
  readonly #seekAgainAt = new Deadlines<Broker>();
  #effects: Effect[] = [];
  #lastTicket = 0;

  constructor(options: MatcherOptions) {
    this.#options = options;
    this.#slots = new Slots(options.slots);
    this.#waitingRoom = new WaitingRoom(options.brokerWaitMs, (infoHash, watched) =>
      this.#effects.push({ do: watched ? 'watch' : 'unwatch', infoHash }),
    );
    this.#pings = new Pings({ intervalMs: options.pingIntervalMs, pongTimeoutMs: options.pongTimeoutMs });
  }

  /** Bridge connections in the lot. */
  get parked(): number {
    return this.#lot.size;
  }

  /** Brokers and forwards that are not paired yet. */
  get waiting(): number {
    return this.#brokers.size;
  }

  /** Slots in use, by splices and by pairings under way, and brokers that wait for one. */
  get slots(): { readonly used: number; readonly waiting: number } {
    return this.#slots;
  }

  // ---- clients of this node

  /** A bridge connection parks. */
  park(park: Park, now: number): Effect[] {
    this.#lot.add(park);
    this.#pings.add(park.connection, true, now);
    this.#effects.push({ do: 'parked', park });
    const first = this.#waitingRoom.of(park.infoHash).find((broker) => fits(park.instance, broker));
    if (first) this.#seek(first, now);
    return this.#flush();
  }

  /** A broker connection wants to be paired. */
  connect(request: ConnectRequest, now: number): Effect[] {
    const { connection, avoid } = request;
    if (avoid.includes(this.#options.node)) return [{ do: 'refuse', connection, code: 'avoided' }];
    this.#pings.add(connection, false, now);
    this.#enter(request, undefined, now);
    return this.#flush();
  }

  /** A bridge accepts its offer. An unknown pair id costs it the connection. */
  accept(bridge: ConnectionId, pairId: string): Effect[] {
    const broker = this.#offered.get(bridge);
    const stage = broker?.stage;
    if (stage?.name !== 'offered' || !broker || stage.pairId !== pairId) {
      return [{ do: 'drop', connection: bridge, reason: 'pairMismatch' }];
    }
    this.#forgetOffer(bridge);
    this.#forget(broker);
    const bridgeInstance = stage.park.instance;
    return [{ do: 'pair', broker: broker.connection, bridge, pairId, bridgeInstance }];
  }

  /** A parked bridge answers a ping. The round trip in milliseconds; undefined: it answers none. */
  pong(connection: ConnectionId, token: number, now: number): number | undefined {
    return this.#pings.pong(connection, token, now);
  }

  /** A connection or forward ended by itself, or was dropped by the relay. Unknown ones are fine. */
  left(connection: ConnectionId, now: number): Effect[] {
    this.#pings.delete(connection);
    this.#unpark(connection);
    if (this.#offered.has(connection)) this.#lostOffer(connection, now);
    const broker = this.#brokers.get(connection);
    if (broker) this.#brokerLeft(broker);
    this.#serveLine(now);
    return this.#flush();
  }

  /** A splice ended: its slot is free. */
  spliceEnded(now: number): Effect[] {
    this.#slots.release();
    this.#serveLine(now);
    return this.#flush();
  }

  // ---- the origin's part of a forward

  /** A holder of `infoHash` appeared, or says again that it holds it. */
  appeared(infoHash: InfoHash, now: number): Effect[] {
    for (const broker of this.#waitingRoom.of(infoHash)) this.#seek(broker, now);
    return this.#flush();
  }

  /** The holder lets the broker stand in its line: no answer is to be expected soon. */
  forwardQueued(connection: ConnectionId, now: number): Effect[] {
    const broker = this.#brokers.get(connection);
    if (broker?.stage.name !== 'forwarded' || broker.stage.hold !== 'expected') return [];
    this.#freeForward(broker.stage);
    broker.stage = { ...broker.stage, hold: 'nothing' };
    this.#effects.push({ do: 'waiting', broker: connection });
    this.#serveLine(now);
    return this.#flush();
  }

  /** The holder has a slot and a park for the broker. Answered at once, so nobody waits for us. */
  forwardReady(connection: ConnectionId, now: number): Effect[] {
    const broker = this.#brokers.get(connection);
    if (broker?.stage.name !== 'forwarded' || broker.stage.hold === 'slot') return [];
    this.#freeForward(broker.stage);
    const yes = this.#slots.take();
    this.#effects.push({ do: 'answer', broker: connection, yes });
    if (yes) {
      broker.stage = { ...broker.stage, hold: 'slot' };
    } else {
      // Not into the line at once: two full nodes that forward to each other would decline each other in step.
      broker.stage = { name: 'inLine' };
      this.#seekAgain(broker, now);
    }
    return this.#flush();
  }

  /** The holder's bridge has accepted. */
  forwardJoined(connection: ConnectionId, bridgeInstance: InstanceId): Effect[] {
    const broker = this.#brokers.get(connection);
    if (broker?.stage.name !== 'forwarded' || broker.stage.hold !== 'slot') return [];
    const { holder, pairId } = broker.stage;
    this.#forget(broker);
    return [{ do: 'join', broker: connection, holder, pairId, bridgeInstance }];
  }

  /** The forward came to nothing. @param reached whether the holder answered: `notHere`, or a refusal. */
  forwardFailed(connection: ConnectionId, reached: boolean, now: number): Effect[] {
    const broker = this.#brokers.get(connection);
    if (broker?.stage.name !== 'forwarded') return [];
    this.#freeForward(broker.stage);
    broker.tried = [...broker.tried, broker.stage.holder.node];
    broker.unreachable ||= !reached;
    this.#seek(broker, now);
    this.#serveLine(now);
    return this.#flush();
  }

  // ---- the holder's part of a forward

  /** A forward came in from another node. It is never forwarded again. */
  forwarded(request: Omit<ConnectRequest, 'avoid'>, pairId: string, now: number): Effect[] {
    this.#enter({ ...request, avoid: [] }, pairId, now);
    return this.#flush();
  }

  /** The origin's answer to `ready`. */
  answered(connection: ConnectionId, yes: boolean, now: number): Effect[] {
    const broker = this.#brokers.get(connection);
    if (broker?.stage.name !== 'asked') return [];
    if (!yes || !this.#offer(broker, now)) {
      if (yes) this.#effects.push({ do: 'notHere', forward: connection });
      this.#slots.release();
      this.#forget(broker);
      this.#serveLine(now);
    }
    return this.#flush();
  }

  /** When {@link tick} is due, or undefined. Ask again after every call. */
  nextDeadline(): number | undefined {
    return earliest([
      this.#waitingRoom.next(),
      this.#noAcceptAt.next(),
      this.#seekAgainAt.next(),
      this.#pings.next(),
    ]);
  }

  /** Lets the deadlines up to `now` take effect. */
  tick(now: number): Effect[] {
    for (const due of this.#pings.due(now)) {
      if (due.do === 'dead') this.#unpark(due.connection);
      this.#effects.push(due.do === 'ping' ? due : { ...due, do: 'drop', reason: 'noPong' });
    }
    for (let one = this.#seekAgainAt.due(now); one; one = this.#seekAgainAt.due(now)) {
      if (one.stage.name === 'waiting') this.#seek(one, now);
      else this.#standInLine(one, 'away');
    }
    for (let id = this.#noAcceptAt.due(now); id !== undefined; id = this.#noAcceptAt.due(now)) {
      this.#effects.push({ do: 'drop', connection: id, reason: 'noAccept' });
      this.#lostOffer(id, now);
    }
    for (let one = this.#waitingRoom.due(now); one; one = this.#waitingRoom.due(now)) {
      this.#refuse(one, 'noBridge');
    }
    this.#serveLine(now);
    return this.#flush();
  }

  #enter(request: ConnectRequest, pairId: string | undefined, now: number): void {
    this.#lastTicket += 1;
    const broker: Broker = {
      ...request,
      foreign: pairId !== undefined,
      pairId,
      further: request.wanted !== undefined,
      ticket: this.#lastTicket,
      stage: { name: 'inLine' },
      tried: [],
      unreachable: false,
    };
    this.#brokers.set(broker.connection, broker);
    this.#seek(broker, now);
  }

  /**
   * Finds out what can be done for a broker that has no offer: serve it, send it on, put it in line, or let it wait.
   * Those in line have no use for a slot that is free, or {@link #serveLine} would have seen to it.
   */
  #seek(broker: Broker, now: number): void {
    const here = this.#lot.holds(broker.infoHash, broker);
    const holder = here || broker.foreign ? undefined : this.#holder(broker, now);
    if (!here && !holder) return this.#nobody(broker, now);
    this.#waitingRoom.delete(broker);
    this.#seekAgainAt.delete(broker);
    const purpose = here ? 'here' : 'away';
    if (!this.#slots.free(purpose)) return this.#standInLine(broker, purpose);
    if (holder) return this.#forward(broker, holder);
    this.#slots.take();
    if (!broker.foreign) return void this.#offer(broker, now);
    broker.stage = { name: 'asked' };
    this.#effects.push({ do: 'ready', forward: broker.connection });
  }

  #holder(broker: Broker, now: number): Holder | undefined {
    const { holders, zone, random, holderTries } = this.#options;
    if (broker.tried.length >= holderTries) return undefined;
    const candidates = holders(broker.infoHash, now).filter(
      (holder) =>
        !broker.avoid.includes(holder.node) &&
        !broker.tried.includes(holder.node) &&
        mayServe(holder, broker),
    );
    return chooseHolder(candidates, zone, random);
  }

  /** No bridge for the broker is known, as far as it may go. */
  #nobody(broker: Broker, now: number): void {
    const { connection, infoHash, avoid } = broker;
    if (broker.foreign) {
      this.#effects.push({ do: 'notHere', forward: connection });
      return this.#forget(broker);
    }
    if (broker.unreachable) return this.#refuse(broker, 'holderUnreachable');
    const holders = this.#options.holders(infoHash, now).filter((holder) => mayServe(holder, broker));
    const tooFar = holders.every(({ node }) => avoid.includes(node));
    if (holders.length > 0 && tooFar) return this.#refuse(broker, 'noBridge');
    broker.tried = [];
    // Holders are left, or one that had nothing has something again: nobody will tell us a second time.
    if (!tooFar) this.#seekAgain(broker, now);
    if (broker.stage.name === 'waiting') return;
    broker.stage = { name: 'waiting' };
    this.#waitingRoom.add(broker, now);
    this.#effects.push({ do: 'waiting', broker: connection });
  }

  /** In a moment, drawn at random, which is never now: {@link tick} has to end. */
  #seekAgain(broker: Broker, now: number): void {
    const { random, seekPauseMs } = this.#options;
    this.#seekAgainAt.set(broker, now + (seekPauseMs * (1 + random.fraction())) / 2);
  }

  #standInLine(broker: Broker, purpose: Purpose): void {
    broker.stage = { name: 'inLine' };
    this.#slots.enqueue(broker, purpose);
    const { connection, foreign } = broker;
    this.#effects.push(
      foreign ? { do: 'queued', forward: connection } : { do: 'waiting', broker: connection },
    );
  }

  #forward(broker: Broker, holder: Holder): void {
    const pairId = this.#options.newPairId();
    broker.stage = { name: 'forwarded', holder, pairId, hold: 'expected' };
    this.#slots.expect(1);
    this.#effects.push({ do: 'forward', broker: broker.connection, request: broker, holder, pairId });
  }

  /** Offers a park to a broker that holds a slot; false when none fits. */
  #offer(broker: Broker, now: number): boolean {
    const park = this.#lot.take(broker.infoHash, broker);
    if (!park) return false;
    this.#effects.push({ do: 'unparked', park });
    this.#pings.delete(park.connection);
    const pairId = broker.pairId ?? this.#options.newPairId();
    broker.stage = { name: 'offered', park, pairId };
    this.#offered.set(park.connection, broker);
    this.#noAcceptAt.set(park.connection, now + this.#options.acceptTimeoutMs);
    this.#effects.push({ do: 'offer', bridge: park.connection, pairId });
    return true;
  }

  /** The offered park is of no use; its broker, whose slot it keeps, goes on with the next one. */
  #lostOffer(bridge: ConnectionId, now: number): void {
    const broker = this.#forgetOffer(bridge);
    if (!broker || this.#offer(broker, now)) return;
    this.#slots.release();
    broker.stage = { name: 'inLine' };
    this.#seek(broker, now);
  }

  /** Serves those in line while slots are free. Whoever cannot use one any more waits, or is told so. */
  #serveLine(now: number): void {
    for (let broker = this.#slots.next(); broker; broker = this.#slots.next()) this.#seek(broker, now);
  }

  #brokerLeft(broker: Broker): void {
    const { stage, connection } = broker;
    this.#forget(broker);
    switch (stage.name) {
      case 'offered':
        this.#forgetOffer(stage.park.connection);
        this.#slots.release();
        this.#effects.push({ do: 'drop', connection: stage.park.connection, reason: 'brokerLeft' });
        return;
      case 'forwarded':
        this.#freeForward(stage);
        this.#effects.push({ do: 'cancel', broker: connection });
        return;
      case 'asked':
        this.#slots.release();
        return;
      case 'waiting':
      case 'inLine':
    }
  }

  #freeForward({ hold }: Extract<Stage, { name: 'forwarded' }>): void {
    if (hold === 'slot') this.#slots.release();
    if (hold === 'expected') this.#slots.expect(-1);
  }

  #refuse(broker: Broker, code: RefusalCode): void {
    this.#forget(broker);
    this.#effects.push({ do: 'refuse', connection: broker.connection, code });
  }

  #unpark(connection: ConnectionId): void {
    const park = this.#lot.remove(connection);
    if (park) this.#effects.push({ do: 'unparked', park });
  }

  #forgetOffer(bridge: ConnectionId): Broker | undefined {
    const broker = this.#offered.get(bridge);
    this.#offered.delete(bridge);
    this.#noAcceptAt.delete(bridge);
    return broker;
  }

  #forget(broker: Broker): void {
    this.#brokers.delete(broker.connection);
    this.#pings.delete(broker.connection);
    this.#waitingRoom.delete(broker);
    this.#slots.leave(broker);
    this.#seekAgainAt.delete(broker);
  }

  #flush(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
