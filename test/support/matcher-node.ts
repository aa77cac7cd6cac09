/**
 * One node of the model in matcher-cluster.ts: a matcher, and as much of a relay as it needs. Adverts arrive in order and
 * late; a holder that said `notHere` is not offered for a while, as the directory has it; the messages of one forward
 * arrive in order, or the forward breaks and both ends notice after a silence.
 */
import { ok } from 'node:assert/strict';
import type { InfoHash } from '../../src/base/info-hash.ts';
import { FORWARD_SILENCE_MS, SUPPRESS_MS } from '../../src/base/limits.ts';
import type { Random } from '../../src/base/random.ts';
import type { Holder } from '../../src/cluster/directory/effects.ts';
import type { ConnectRequest } from '../../src/relay/broker.ts';
import type { Effect } from '../../src/relay/effects.ts';
import type { ConnectionId, Park } from '../../src/relay/lot.ts';
import { Matcher } from '../../src/relay/matcher.ts';

/** What a node sees of the model. */
export interface World {
  readonly now: number;
  readonly random: Random;
  readonly nodes: readonly ModelNode[];
  /** Slots of each node. */
  readonly slots: number;
  newId(): ConnectionId;
  /** Runs `step` after a random time, but not before `notBefore`; returns when. */
  later(step: () => void, notBefore?: number): number;
  /** Runs `step` after `ms`. */
  after(ms: number, step: () => void): void;
  /** Whether the next message between the two is lost. */
  loses(one: ModelNode, other: ModelNode): boolean;
  /** Whether a bridge sends its ACCEPT. */
  accepts(): boolean;
  /** `end` ends the splice. */
  onPaired(broker: ConnectionId, park: Park, path: readonly string[], end: () => void): void;
  onRefused(broker: ConnectionId, code: string): void;
}

/** A forward, as both its ends share it. */
interface Forward {
  readonly id: ConnectionId;
  readonly origin: ModelNode;
  readonly holder: ModelNode;
  readonly broker: ConnectionId;
  readonly infoHash: InfoHash;
  /** Nothing passes any more. */
  broken: boolean;
  /** When the last message in each direction arrives. */
  originAt: number;
  holderAt: number;
  /** The park that was joined, while the holder splices it. */
  joined: Park | undefined;
}

type OfForwards = Extract<
  Effect,
  { do: 'forward' | 'answer' | 'join' | 'cancel' | 'queued' | 'ready' | 'notHere' }
>;

export class ModelNode {
  readonly name: string;
  readonly matcher: Matcher;
  /** Splices that cross this node. */
  splices = 0;
  /** Forwards that were sent to each holder, in order. */
  readonly asked: string[] = [];
  readonly #world: World;
  /** Bridges that are neither paired nor gone; those of them in the lot; and those that the others know of. */
  readonly #bridges = new Map<ConnectionId, Park>();
  readonly #lot = new Map<ConnectionId, Park>();
  readonly #told = new Map<ConnectionId, Park>();
  #sequence = 0;
  #toldSequence = 0;
  #advertAt = 0;
  #untold: (() => void)[] | undefined;
  readonly #incoming = new Map<ConnectionId, Forward>();
  readonly #outgoing = new Map<ConnectionId, Forward>();
  readonly #watched = new Set<InfoHash>();
  /** By holder and info_hash: its sequence when it said `notHere`, and until when it is believed. */
  readonly #suppressed = new Map<string, { readonly sequence: number; readonly until: number }>();

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
    const { slots, random } = world;
    this.matcher = new Matcher({
      node: name,
      zone: '',
      slots,
      brokerWaitMs: 10_000,
      acceptTimeoutMs: 2_000,
      pingIntervalMs: 1e12,
      pongTimeoutMs: 5_000,
      holderTries: 3,
      seekPauseMs: 50,
      holders: (infoHash) => this.#holders(infoHash),
      newPairId: () => random.bytes(8).toString('hex'),
      random,
    });
  }

  /** Forwards that this node has to do with. */
  get forwards(): number {
    return this.#incoming.size + this.#outgoing.size;
  }

  /** Bridges that are parked here. */
  get parked(): readonly Park[] {
    return [...this.#lot.values()];
  }

  park(park: Park): void {
    this.#bridges.set(park.connection, park);
    this.apply(this.matcher.park(park, this.#world.now));
  }

  /** A client goes away, or is sent away. */
  left(connection: ConnectionId): void {
    this.#bridges.delete(connection);
    this.apply(this.matcher.left(connection, this.#world.now));
  }

  apply(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'parked':
        this.#lot.set(effect.park.connection, effect.park);
        return this.#advertise(effect.park);
      case 'unparked':
        this.#lot.delete(effect.park.connection);
        return this.#advertise(effect.park);
      case 'watch':
        return void this.#watched.add(effect.infoHash);
      case 'unwatch':
        return void this.#watched.delete(effect.infoHash);
      case 'offer':
        return this.#offer(effect.bridge, effect.pairId);
      case 'pair':
        return this.#pair(effect.broker, effect.bridge);
      case 'refuse':
        return this.#world.onRefused(effect.connection, effect.code);
      case 'drop':
        return this.left(effect.connection);
      case 'waiting':
      case 'ping':
        return;
      default:
        return this.#carryForward(effect);
    }
  }

  #carryForward(effect: OfForwards): void {
    switch (effect.do) {
      case 'forward':
        return this.#forward(effect);
      case 'join':
        return this.#join(effect.broker);
      case 'answer':
        return this.#answer(effect.broker, effect.yes);
      case 'cancel':
        return this.#cancel(effect.broker);
      case 'queued':
        return this.#tellOrigin(effect.forward, ({ origin, broker }) =>
          origin.apply(origin.matcher.forwardQueued(broker, this.#world.now)),
        );
      case 'ready':
        return this.#tellOrigin(effect.forward, ({ origin, broker }) =>
          origin.apply(origin.matcher.forwardReady(broker, this.#world.now)),
        );
      case 'notHere': {
        const sequence = this.#sequence;
        this.#tellOrigin(effect.forward, (forward) => forward.origin.#onNotHere(forward, sequence));
        return void this.#incoming.delete(effect.forward);
      }
    }
  }

  // ---- adverts

  /** Keeps adverts back. */
  hush(): void {
    this.#untold ??= [];
  }

  /** Sends what was kept back, at once. */
  speak(): void {
    const untold = this.#untold ?? [];
    this.#untold = undefined;
    for (const tell of untold) tell();
  }

  #advertise(park: Park): void {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const isParked = this.#lot.has(park.connection);
    const tell = (): void => {
      this.#toldSequence = sequence;
      if (isParked) this.#told.set(park.connection, park);
      else this.#told.delete(park.connection);
      for (const other of this.#world.nodes) if (other !== this) other.#onAdvert(this, park.infoHash);
    };
    if (this.#untold) this.#untold.push(tell);
    else this.#advertAt = this.#world.later(tell, this.#advertAt);
  }

  #onAdvert(holder: ModelNode, infoHash: InfoHash): void {
    const touched = new Set([infoHash]);
    for (const [key, { sequence }] of this.#suppressed) {
      const [name, suppressed] = key.split(' ') as [string, InfoHash];
      if (name !== holder.name || sequence >= holder.#toldSequence) continue;
      this.#suppressed.delete(key);
      touched.add(suppressed);
    }
    for (const each of touched) this.#announce(holder, each);
  }

  #announce(holder: ModelNode, infoHash: InfoHash): void {
    if (!this.#watched.has(infoHash)) return;
    if (!this.#holders(infoHash).some(({ node }) => node === holder.name)) return;
    this.apply(this.matcher.appeared(infoHash, this.#world.now));
  }

  #suppress(holder: ModelNode, infoHash: InfoHash, sequence: number): void {
    if (holder.#toldSequence > sequence) return;
    const key = `${holder.name} ${infoHash}`;
    this.#suppressed.set(key, { sequence, until: this.#world.now + SUPPRESS_MS });
    this.#world.after(SUPPRESS_MS, () => {
      if ((this.#suppressed.get(key)?.until ?? 0) > this.#world.now) return;
      if (this.#suppressed.delete(key)) this.#announce(holder, infoHash);
    });
  }

  #holders(infoHash: InfoHash): Holder[] {
    return this.#world.nodes.flatMap((node) => {
      if (node === this || this.#suppressed.has(`${node.name} ${infoHash}`)) return [];
      const parks = [...node.#told.values()].filter((park) => park.infoHash === infoHash);
      const instances = [...new Set(parks.map(({ instance }) => instance))];
      if (instances.length === 0) return [];
      return [{ node: node.name, incarnation: 1, zone: '', load: node.splices, forward: '', instances }];
    });
  }

  // ---- forwards

  #forward({ broker, request, holder: { node }, pairId }: Extract<Effect, { do: 'forward' }>): void {
    const holder = this.#world.nodes.find(({ name }) => name === node);
    ok(holder);
    this.asked.push(holder.name);
    const forward: Forward = {
      id: this.#world.newId(),
      origin: this,
      holder,
      broker,
      infoHash: request.infoHash,
      broken: false,
      originAt: 0,
      holderAt: 0,
      joined: undefined,
    };
    this.#outgoing.set(broker, forward);
    this.#tellHolder(forward, () => holder.#onForward(forward, request, pairId));
  }

  #onForward(forward: Forward, { infoHash, wanted, except }: ConnectRequest, pairId: string): void {
    this.#incoming.set(forward.id, forward);
    const request = { connection: forward.id, infoHash, wanted, except };
    this.apply(this.matcher.forwarded(request, pairId, this.#world.now));
  }

  #answer(broker: ConnectionId, yes: boolean): void {
    const forward = this.#outgoing.get(broker);
    if (!forward) return;
    const { holder, id } = forward;
    if (!yes) this.#outgoing.delete(broker);
    this.#tellHolder(forward, () => {
      if (!yes) holder.#incoming.delete(id);
      holder.apply(holder.matcher.answered(id, yes, this.#world.now));
    });
  }

  #cancel(broker: ConnectionId): void {
    const forward = this.#outgoing.get(broker);
    this.#outgoing.delete(broker);
    if (forward) this.#tellHolder(forward, () => forward.holder.#onLost(forward));
  }

  #onNotHere({ broker, holder, infoHash }: Forward, sequence: number): void {
    this.#outgoing.delete(broker);
    this.#suppress(holder, infoHash, sequence);
    this.apply(this.matcher.forwardFailed(broker, true, this.#world.now));
  }

  /** The origin is gone, or nothing more comes from it. */
  #onLost(forward: Forward): void {
    if (this.#incoming.delete(forward.id)) this.apply(this.matcher.left(forward.id, this.#world.now));
    this.#endJoined(forward);
  }

  #endJoined(forward: Forward): void {
    if (!forward.joined) return;
    forward.joined = undefined;
    this.endSplice();
  }

  #offer(bridge: ConnectionId, pairId: string): void {
    if (!this.#world.accepts()) return;
    this.#world.later(() => {
      if (this.#bridges.has(bridge)) this.apply(this.matcher.accept(bridge, pairId));
    });
  }

  #pair(broker: ConnectionId, bridge: ConnectionId): void {
    const park = this.#bridges.get(bridge);
    ok(park && !this.#lot.has(bridge), 'a bridge was paired that is parked, gone, or paired already');
    this.#bridges.delete(bridge);
    this.splices += 1;
    const forward = this.#incoming.get(broker);
    if (!forward) return this.#world.onPaired(broker, park, [this.name], () => this.endSplice());
    forward.joined = park;
    this.#tellOrigin(broker, ({ origin }) =>
      origin.apply(origin.matcher.forwardJoined(forward.broker, park.instance)),
    );
    this.#incoming.delete(broker);
  }

  #join(broker: ConnectionId): void {
    const forward = this.#outgoing.get(broker);
    const park = forward?.joined;
    ok(forward && park, 'joined with nobody');
    this.#outgoing.delete(broker);
    this.splices += 1;
    this.#world.onPaired(broker, park, [this.name, forward.holder.name], () => {
      this.endSplice();
      this.#world.later(() => forward.holder.#endJoined(forward));
    });
  }

  endSplice(): void {
    this.splices -= 1;
    this.apply(this.matcher.spliceEnded(this.#world.now));
  }

  #tellOrigin(id: ConnectionId, tell: (forward: Forward) => void): void {
    const forward = this.#incoming.get(id);
    if (!forward || this.#breaks(forward)) return;
    const step = (): void => {
      if (!forward.broken && forward.origin.#outgoing.get(forward.broker) === forward) tell(forward);
    };
    forward.originAt = this.#world.later(step, forward.originAt);
  }

  #tellHolder(forward: Forward, step: () => void): void {
    if (this.#breaks(forward)) return;
    forward.holderAt = this.#world.later(() => !forward.broken && step(), forward.holderAt);
  }

  /** Whether it is broken, or breaks now. Each end finds out by itself, and has long given up by then, or does so. */
  #breaks(forward: Forward): boolean {
    const { origin, holder, broker } = forward;
    if (forward.broken || !this.#world.loses(origin, holder)) return forward.broken;
    forward.broken = true;
    this.#world.after(FORWARD_SILENCE_MS, () => {
      holder.#onLost(forward);
      if (origin.#outgoing.get(broker) !== forward) return;
      origin.#outgoing.delete(broker);
      origin.apply(origin.matcher.forwardFailed(broker, false, this.#world.now));
    });
    return true;
  }
}
