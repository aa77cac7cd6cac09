/**
 * What this node knows about another one that is live, all of it from that node itself: its last heartbeat, its
 * entries up to some sequence, and what to pull next.
 *
 * `known` means: right about every key that stands at `known` or before (see journal.ts). The view is `exact` when the
 * origin had nothing newer as it told us; only then do count and digest have to match the heartbeat of that sequence.
 */
import { NODE_LEASE_MS, PULL_PAUSE_MS } from '../../base/limits.ts';
import type { Heartbeat } from './codec.ts';
import { EntryTable, type Instances, type Key } from './entries.ts';
import type { Changes } from './journal.ts';
import { eachPacked } from './packed.ts';
import { PullSchedule } from './pull.ts';
import { Suppressions } from './suppressions.ts';

export interface Told {
  readonly outcome: 'news' | 'old' | 'gap' | 'unasked';
  /** Watched keys about which something was said, or which are gone. */
  readonly touched: ReadonlySet<Key>;
  /** Entries past the limit, which were left out. */
  readonly refused: number;
}

const NOTHING: ReadonlySet<Key> = new Set();

export class View {
  readonly pull = new PullSchedule();
  readonly suppressions = new Suppressions();
  readonly #maxEntries: number;
  #heartbeat: Heartbeat;
  #heardAt: number;
  #leaseEnd: number;
  #known = 0;
  #exact = true;
  /** The origin's last change as it began to tell everything: we never knew what was removed before that. */
  #begun = 0;
  #doubts = 0;
  /** Since when heartbeats have been older than what we know. */
  #overtakenAt: number | undefined;
  #table = new EntryTable();
  /** While everything is told anew: what was told before and not yet confirmed, which goes on being offered. */
  #fading: EntryTable | undefined;

  constructor(heartbeat: Heartbeat, maxEntries: number, now: number) {
    this.#heartbeat = heartbeat;
    this.#heardAt = now;
    this.#leaseEnd = now + NODE_LEASE_MS;
    this.#maxEntries = maxEntries;
    if (heartbeat.changed > 0) this.pull.plan(now, 'gap');
  }

  get heartbeat(): Heartbeat {
    return this.#heartbeat;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  /** When the node is silent for too long. */
  get leaseEnd(): number {
    return this.#leaseEnd;
  }

  get known(): number {
    return this.#known;
  }

  get begun(): number {
    return this.#begun;
  }

  /** How often what we know contradicted the origin. Every one is a mistake in one of the two programs. */
  get doubts(): number {
    return this.#doubts;
  }

  /** Entries that {@link get} finds. */
  get size(): number {
    return Math.max(this.#table.size, this.#fading?.size ?? 0);
  }

  /** Whether nothing is missing, as far as we have been told. */
  get complete(): boolean {
    return this.#exact && this.#known >= this.#heartbeat.changed;
  }

  /** The highest sequence of the node that we have heard. */
  get sequence(): number {
    return Math.max(this.#heartbeat.sequence, this.#known);
  }

  get(key: Key): Instances | undefined {
    return this.#table.get(key) ?? this.#fading?.get(key);
  }

  has(key: Key): boolean {
    return this.#table.has(key) || this.#fading?.has(key) === true;
  }

  keys(): Iterable<Key> {
    return this.#fading ? new Set([...this.#fading.keys(), ...this.#table.keys()]) : this.#table.keys();
  }

  /** We could not hear anybody for `ms`. */
  forgive(ms: number): void {
    this.#leaseEnd = Math.min(this.#leaseEnd + ms, this.#heardAt + 2 * NODE_LEASE_MS);
    // What lay unread meanwhile is as old as before: nobody has gone back for that long.
    if (this.#overtakenAt !== undefined) this.#overtakenAt += ms;
  }

  /** A heartbeat with a sequence above the last one's. It renews the lease. */
  hear(heartbeat: Heartbeat, now: number): void {
    this.#heartbeat = heartbeat;
    this.#heardAt = now;
    this.#leaseEnd = now + NODE_LEASE_MS;
    // Gossip may overtake a heartbeat, but not for as long as a lease: the node has gone back behind its own word.
    if (heartbeat.sequence >= this.#known) this.#overtakenAt = undefined;
    else this.#overtakenAt ??= now;
    if (this.#overtakenAt !== undefined && now - this.#overtakenAt >= NODE_LEASE_MS) this.#doubt(now);
    this.#compare(now);
  }

  /** Takes over changes from gossip. */
  tell(changes: Changes, watched: ReadonlySet<Key>, now: number): Told {
    // From before we began anew: it may name what was removed meanwhile, and nobody would tell us.
    if (changes.changed < this.#begun) return { outcome: 'old', touched: NOTHING, refused: 0 };
    if (changes.after > this.#known) {
      this.pull.plan(now + PULL_PAUSE_MS, 'gap');
      return { outcome: 'gap', touched: NOTHING, refused: 0 };
    }
    const told = this.#take(changes, watched, now);
    this.#compare(now);
    return told;
  }

  /** Takes over a page of the pull that is under way, and goes on to the next. A page from 0 makes what was told void. */
  page(changes: Changes, watched: ReadonlySet<Key>, now: number): Told {
    const asked = this.pull.asked;
    if (asked === undefined || (changes.after !== asked && changes.after !== 0)) {
      return { outcome: 'unasked', touched: NOTHING, refused: 0 };
    }
    if (changes.after === 0) this.#beginAnew(changes.changed);
    const told = this.#take(changes, watched, now);
    if (changes.upto === changes.changed || !this.pull.next(this.#known, now)) this.pullEnded(now);
    return told;
  }

  /** The pull that is under way, if any, is over: it succeeded, failed, or took too long. */
  pullEnded(now: number): void {
    if (this.pull.asked === undefined) return;
    this.pull.end(now);
    this.#compare(now);
  }

  #take({ upto, changed, packed }: Changes, watched: ReadonlySet<Key>, now: number): Told {
    if (upto < this.#known || (upto === this.#known && this.#exact)) {
      return { outcome: 'old', touched: NOTHING, refused: 0 };
    }
    const touched = new Set<Key>();
    let refused = 0;
    eachPacked(packed, (key, instances) => {
      if (instances !== '' && this.#table.size >= this.#maxEntries && !this.#table.has(key)) {
        refused += 1;
        return;
      }
      this.#table.set(key, instances);
      this.#fading?.set(key, '');
      if (watched.has(key)) touched.add(key);
    });
    this.#known = upto;
    this.#exact = upto === changed;
    if (this.#exact) this.#endFading(watched, touched);
    for (const key of this.suppressions.lift(upto, now)) if (watched.has(key)) touched.add(key);
    return { outcome: 'news', touched, refused };
  }

  /** Holds the entries against the last heartbeat and plans a pull where they part. */
  #compare(now: number): void {
    if (this.pull.asked !== undefined) return;
    const { changed, count, digest, sequence } = this.#heartbeat;
    if (this.#known < changed) {
      this.pull.plan(now + PULL_PAUSE_MS, 'gap');
    } else if (this.#known > changed) {
      // Gossip may overtake a heartbeat, whose sequence is then the lower one; else the node has gone back.
      if (sequence > this.#known) this.#doubt(now);
    } else if (!this.#exact) {
      this.pull.plan(now, 'gap');
    } else if (this.#table.size === count && this.#table.digest === digest) {
      this.pull.settle();
    } else if (count <= this.#maxEntries) {
      this.#doubt(now);
    }
  }

  #doubt(now: number): void {
    this.#doubts += 1;
    this.pull.plan(now, 'start');
  }

  #beginAnew(changed: number): void {
    this.#begun = changed;
    if (this.#table.size > 0) this.#fading ??= this.#table;
    this.#table = new EntryTable();
    this.#known = 0;
    this.#exact = false;
  }

  /** Nothing more is to be confirmed: what is left has gone. */
  #endFading(watched: ReadonlySet<Key>, touched: Set<Key>): void {
    if (!this.#fading) return;
    for (const key of watched) if (this.#fading.has(key)) touched.add(key);
    this.#fading = undefined;
  }
}
