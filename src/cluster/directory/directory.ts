/**
 * What a node knows from adverts: info_hash -> holders. A pure state machine: inputs are method calls with the time as
 * argument, outputs are {@link Effect}s that the gossip shell carries out; no socket, timer or clock is seen here.
 *
 * Each entry has one writer, the node where the bridge is parked, and every input comes with the authenticated name of
 * the node that wrote it. Nobody can say anything about another node, so there is nothing to merge, and a node that
 * was dropped is brought back by nobody but itself. See docs/decisions/0020-directory-one-writer.md.
 */
import assert from 'node:assert/strict';
import { earliest } from '../../base/deadlines.ts';
import type { InfoHash } from '../../base/info-hash.ts';
import {
  CLUSTER_MEMBERS,
  DIRECTORY_STALL_MS,
  ENTRIES_PER_NODE,
  REMEMBERED_REMOVALS,
} from '../../base/limits.ts';
import { Advertiser, type Self } from './advertiser.ts';
import {
  type ChangesMessage,
  decodeAdvert,
  decodeHeartbeat,
  decodePage,
  decodePull,
  encodePull,
  type Hearsay,
  type Heartbeat,
} from './codec.ts';
import type { DirectorySnapshot, DownReason, Effect, Holder } from './effects.ts';
import { type InstanceId, infoHashOf, instanceIds, type Key, keyOf } from './entries.ts';
import { Member } from './member.ts';
import { isNewer, type LastWord, Memory } from './memory.ts';
import { Refusals } from './refusals.ts';
import { snapshotOf } from './status.ts';
import { type Told, View } from './view.ts';

export interface DirectoryOptions extends Self {
  /** For tests. */
  readonly limits?: {
    readonly entriesPerNode?: number;
    readonly removals?: number;
    readonly pageEntryBytes?: number;
  };
}

export class Directory {
  readonly #node: string;
  readonly #own: Advertiser;
  readonly #maxEntries: number;
  /** Nodes that we are connected to, or were a moment ago. */
  readonly #members = new Map<string, Member>();
  readonly #memory = new Memory();
  /** info_hashes that brokers wait for; as many as the relay has waiting brokers. */
  readonly #watched = new Set<Key>();
  readonly #refusals = new Refusals((effect) => this.#effects.push(effect));
  /** Of views that were dropped. */
  #doubts = 0;
  #effects: Effect[] = [];

  constructor(options: DirectoryOptions) {
    const { limits } = options;
    this.#node = options.node;
    this.#maxEntries = limits?.entriesPerNode ?? ENTRIES_PER_NODE;
    this.#own = new Advertiser(options, limits?.removals ?? REMEMBERED_REMOVALS, limits?.pageEntryBytes);
  }

  // ---- the own side

  /** A bridge connection parked here. Connections of one instance are counted and are one instance in the entry. */
  parked(infoHash: InfoHash, instance: InstanceId, now: number): void {
    this.#own.parked(infoHash, instance, this.#size(), now);
  }

  /** A bridge connection that {@link parked} was told of is parked no longer. */
  unparked(infoHash: InfoHash, instance: InstanceId, now: number): void {
    this.#own.unparked(infoHash, instance, this.#size(), now);
  }

  /** Nobody is sent here from now on. There is no way back: what drains leaves. */
  setDraining(now: number): Effect[] {
    this.#own.draining = true;
    this.#beat(this.#connected(), now);
    return this.#flush();
  }

  /** Splices under way here; told with the next heartbeat. */
  setLoad(splices: number): void {
    this.#own.load = splices;
  }

  /** The sequence to answer `notHere` with. */
  get sequence(): number {
    return this.#own.journal.sequence;
  }

  /** Of this process. Undefined until it is chosen, when the first member was met. */
  get incarnation(): number | undefined {
    return this.#own.incarnation.value;
  }

  // ---- looking up

  /** Nodes to forward to for `infoHash`: live, not draining, not suppressed, never this one. In no order. */
  holders(infoHash: InfoHash, now: number): Holder[] {
    const key = keyOf(infoHash);
    const holders: Holder[] = [];
    for (const member of this.#members.values()) {
      if (!member.view || !member.offers(key, now)) continue;
      const { node, incarnation, zone, load, forward } = member.view.heartbeat;
      const instances = instanceIds(member.view.get(key) ?? '');
      holders.push({ node, incarnation, zone, load, forward, instances });
    }
    return holders;
  }

  /** Live nodes, other than this one, that are about to leave. */
  draining(): string[] {
    return [...this.#members.values()].filter((member) => member.draining).map(({ node }) => node);
  }

  /** `holder` answered a forward with `notHere` at its `sequence`: it is not offered for 500 ms, or until it says more. */
  suppress(holder: string, infoHash: InfoHash, sequence: number, now: number): void {
    const view = this.#members.get(holder)?.view;
    if (view && view.known <= sequence) view.suppressions.add(keyOf(infoHash), sequence, now);
  }

  /** Asks for `appeared` and `vanished` about `infoHash`. Idempotent. */
  watch(infoHash: InfoHash): void {
    this.#watched.add(keyOf(infoHash));
  }

  unwatch(infoHash: InfoHash): void {
    this.#watched.delete(keyOf(infoHash));
  }

  // ---- from the cluster

  /** A connection of our own to `node` was opened; to be called for each, as each may lead to another process. */
  onConnected(node: string, now: number): Effect[] {
    if (node === this.#node) return [];
    let member = this.#members.get(node);
    if (!member) {
      if (this.#members.size >= CLUSTER_MEMBERS) {
        this.#refusals.add(node, 'tooManyNodes', `more than ${CLUSTER_MEMBERS} other nodes`);
        return this.#flush();
      }
      member = new Member(node, now);
      this.#members.set(node, member);
    }
    member.reached();
    this.#own.meet(now);
    this.#beat([node], now);
    return this.#flush();
  }

  /** The last connection of our own to `node` is gone. */
  onDisconnected(node: string, now: number): Effect[] {
    const member = this.#members.get(node);
    member?.unreached(now);
    if (member && !member.view) this.#members.delete(node);
    return [];
  }

  /** A gossip entry that `from` wrote, whoever passed it on. */
  onGossip(from: string, bytes: Uint8Array, now: number): Effect[] {
    const member = this.#members.get(from);
    if (from !== this.#node && !member?.view) return [];
    if (member && !member.mayAdvertise(now)) {
      this.#refusals.add(from, 'flood', 'more gossip entries than an honest node sends');
      return this.#flush();
    }
    const changes = this.#refusals.read(from, () => decodeAdvert(bytes));
    if (!changes) return this.#flush();
    if (from === this.#node) this.#hearsay({ incarnation: changes.incarnation, heardMs: 0 }, now);
    else if (member?.view) this.#tell(member, member.view, changes, 'tell', now);
    return this.#flush();
  }

  /** A heartbeat that `from` sent over a connection of our own to it. Never pass on one that came another way. */
  onHeartbeat(from: string, bytes: Uint8Array, now: number): Effect[] {
    const member = this.#members.get(from);
    if (!member?.connected) return [];
    const heartbeat = this.#refusals.read(from, () => decodeHeartbeat(bytes));
    if (heartbeat?.you) this.#hearsay(heartbeat.you, now);
    if (heartbeat) this.#hear(member, heartbeat, now);
    return this.#flush();
  }

  /** The reply to a pull of `from`, or undefined: refuse it. */
  onPullRequest(from: string, bytes: Uint8Array): Uint8Array | undefined {
    const request = this.#refusals.read(from, () => decodePull(bytes));
    // Effects here would tell no more than the counter does.
    this.#flush();
    return request && this.#own.page(request);
  }

  /** The reply to an effect `pull`. Where more is to come, the next `pull` is among the effects. */
  onPullPage(from: string, bytes: Uint8Array, now: number): Effect[] {
    const member = this.#members.get(from);
    if (!member?.view) return [];
    const page = this.#refusals.read(from, () => decodePage(bytes));
    if (!page || page.incarnation !== member.view.heartbeat.incarnation) member.view.pullEnded(now);
    if (page && this.#tell(member, member.view, page, 'page', now)) {
      const after = member.view.pull.asked;
      if (after !== undefined) this.#ask(member.view, after);
    }
    return this.#flush();
  }

  /** The request of an effect `pull` could not be sent, or its reply did not come. */
  onPullFailed(from: string, now: number): Effect[] {
    this.#members.get(from)?.view?.pullEnded(now);
    return [];
  }

  // ---- time

  /** When {@link tick} is due, or undefined. Ask again after every call. */
  nextDeadline(): number | undefined {
    let next = earliest(this.#own.deadlines());
    for (const member of this.#members.values()) next = earliest([next, ...member.deadlines()]);
    return next;
  }

  /** Lets the deadlines up to `now` take effect. */
  tick(now: number): Effect[] {
    const lateMs = now - (this.nextDeadline() ?? now);
    for (const member of this.#members.values()) {
      if (lateMs >= DIRECTORY_STALL_MS) member.forgive(lateMs);
      const reason = member.lost(now);
      if (reason) this.#drop(member, reason);
      if (member.view) this.#tickView(member, member.view, now);
    }
    if (this.#own.mustChoose(now)) this.#choose(now);
    if (this.#own.mustAdvertise(now)) this.#advertise(now);
    if (this.#own.mustBeat(now)) this.#beat(this.#connected(), now);
    return this.#flush();
  }

  // ---- for people

  snapshot(now: number): DirectorySnapshot {
    return snapshotOf(this.#node, this.#own, [...this.#members.values()], {
      now,
      remembered: this.#memory.size,
      doubts: this.#doubts,
      refusals: this.#refusals.counts,
    });
  }

  /** All that `node` holds as far as we know, draining or not, in no order; of this node, what it tells the others. */
  *held(node: string): Generator<readonly [InfoHash, readonly InstanceId[]]> {
    const entries = node === this.#node ? this.#own.journal : this.#members.get(node)?.view;
    for (const key of entries?.keys() ?? []) yield [infoHashOf(key), instanceIds(entries?.get(key) ?? '')];
  }

  // ---- inside

  #hear(member: Member, heartbeat: Heartbeat, now: number): void {
    const { node, incarnation, sequence } = heartbeat;
    const last: LastWord | undefined = member.view?.heartbeat ?? this.#memory.get(node);
    if (!isNewer(heartbeat, last)) {
      const why = last && incarnation < last.incarnation ? 'oldIncarnation' : 'oldSequence';
      this.#refusals.add(node, why, `heartbeat ${sequence} of ${incarnation} is not above the last`);
      return;
    }
    if (member.view && incarnation > member.view.heartbeat.incarnation) this.#drop(member, 'restarted');
    const isNews = heartbeat.draining && !member.draining;
    if (member.view) {
      member.view.hear(heartbeat, now);
    } else {
      member.view = new View(heartbeat, this.#maxEntries, now);
      this.#effects.push({ do: 'memberUp', node, incarnation });
    }
    if (isNews) this.#effects.push({ do: 'draining', node });
    this.#tickView(member, member.view, now);
  }

  /** Takes changes over; false when they are not of the incarnation that we hear. */
  #tell(member: Member, view: View, changes: ChangesMessage, how: 'tell' | 'page', now: number): boolean {
    const { incarnation } = view.heartbeat;
    if (changes.incarnation !== incarnation) {
      // Of a higher one we shall hear by a heartbeat.
      if (changes.incarnation < incarnation) {
        this.#refusals.add(member.node, 'oldIncarnation', `${changes.incarnation} is not ${incarnation}`);
      }
      return false;
    }
    const told: Told = view[how](changes, this.#watched, now);
    if (told.outcome === 'unasked') this.#refusals.add(member.node, 'unaskedPage', `after ${changes.after}`);
    if (told.refused > 0) {
      this.#refusals.add(
        member.node,
        'tooManyEntries',
        `${told.refused} past ${this.#maxEntries}`,
        told.refused,
      );
    }
    this.#announce(member, told.touched, now);
    return told.outcome !== 'unasked';
  }

  #tickView(member: Member, view: View, now: number): void {
    if (view.pull.overdue(now)) view.pullEnded(now);
    const after = view.pull.start(view.known, now);
    if (after !== undefined) this.#ask(view, after);
    const lifted = view.suppressions.lift(0, now);
    this.#announce(
      member,
      lifted.filter((key) => this.#watched.has(key)),
      now,
    );
  }

  #ask(view: View, after: number): void {
    const { node, incarnation } = view.heartbeat;
    const request = encodePull({ node: this.#node, of: incarnation, after, begun: view.begun });
    this.#effects.push({ do: 'pull', from: node, request });
  }

  #drop(member: Member, reason: DownReason): void {
    const { node, view } = member;
    assert(view, 'only a live node is dropped');
    const gone = this.#watchedAt(view);
    const { incarnation } = view.heartbeat;
    this.#memory.remember(node, { incarnation, sequence: view.sequence, heardAt: view.heardAt });
    this.#doubts += view.doubts;
    member.view = undefined;
    if (!member.connected) this.#members.delete(node);
    this.#effects.push({ do: 'memberDown', node, incarnation, reason });
    for (const key of gone) this.#effects.push({ do: 'vanished', infoHash: infoHashOf(key), node });
  }

  #watchedAt(view: View): Key[] {
    return [...this.#watched].filter((key) => view.has(key));
  }

  #announce(member: Member, keys: Iterable<Key>, now: number): void {
    const { node } = member;
    for (const key of keys) {
      const infoHash = infoHashOf(key);
      if (member.offers(key, now)) this.#effects.push({ do: 'appeared', infoHash, node });
      else if (!member.view?.has(key)) this.#effects.push({ do: 'vanished', infoHash, node });
    }
  }

  #hearsay(hearsay: Hearsay, now: number): void {
    const verdict = this.#own.incarnation.heard(hearsay, now);
    if (verdict === 'superseded') this.#effects.push({ do: 'superseded' });
    if (verdict === 'chooseAgain') this.#choose(now);
  }

  #choose(now: number): void {
    this.#effects.push({ do: 'chosen', incarnation: this.#own.choose(now) });
    this.#beat(this.#connected(), now);
  }

  #advertise(now: number): void {
    const bytes = this.#own.advert(this.#size(), now);
    if (bytes) this.#effects.push({ do: 'gossip', bytes });
  }

  /** Gossip goes first: a heartbeat that stood before it would tell everybody of a gap. */
  #beat(to: readonly string[], now: number): void {
    this.#advertise(now);
    const beats = this.#own.beats(to, (node) => this.#known(node, now), now);
    for (const beat of beats) this.#effects.push({ do: 'heartbeat', ...beat });
  }

  /** What we know of `node`, to be told to it. */
  #known(node: string, now: number): Hearsay | undefined {
    const view = this.#members.get(node)?.view;
    const last = view
      ? { incarnation: view.heartbeat.incarnation, heardAt: view.heardAt }
      : this.#memory.get(node);
    return last && { incarnation: last.incarnation, heardMs: now - last.heardAt };
  }

  #connected(): string[] {
    return [...this.#members.values()].filter((member) => member.connected).map((member) => member.node);
  }

  /** Nodes of the cluster, this one among them. */
  #size(): number {
    return 1 + this.#members.size;
  }

  #flush(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
