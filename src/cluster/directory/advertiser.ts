/**
 * The own side: what is parked here, who we are, and when to tell it. Changes wait a moment for company and go out as
 * one gossip entry at a time; heartbeats state where we stand. What a heartbeat finds still untold is left to pulls,
 * which carry bulk better than gossip.
 */
import type { InfoHash } from '../../base/info-hash.ts';
import {
  ADVERT_BATCH_MS,
  ADVERT_BATCH_PER_MEMBER_MS,
  HEARTBEAT_MS,
  INCARNATION_WAIT_MS,
} from '../../base/limits.ts';
import {
  ADVERT_ENTRY_BYTES,
  encodeAdvert,
  encodeHeartbeat,
  encodePage,
  type Hearsay,
  type Origin,
  PAGE_ENTRY_BYTES,
  type PullRequest,
} from './codec.ts';
import { type InstanceId, instancesOf, type Key, keyOf } from './entries.ts';
import { Incarnation } from './incarnation.ts';
import { Journal } from './journal.ts';
import { Parks } from './parks.ts';

export interface Self {
  /** This node's name. */
  readonly node: string;
  /** Empty where there are no zones. */
  readonly zone: string;
  /** host:port at which other nodes reach our forward listener. */
  readonly forward: string;
  /** Name and version of the software, for people. */
  readonly software: string;
  /** Wall clock, in milliseconds since 1970, at the start of the process. */
  readonly wallMs: number;
}

export interface Beat {
  readonly to: string;
  readonly bytes: Uint8Array;
}

export class Advertiser {
  draining = false;
  load = 0;
  readonly incarnation: Incarnation;
  readonly journal: Journal;
  readonly #self: Self;
  readonly #parks = new Parks();
  readonly #pageEntryBytes: number;
  /** Everything up to this sequence has been told, or is left to pulls. */
  #told = 0;
  #chooseAt: number | undefined;
  #batchAt: number | undefined;
  #beatAt: number | undefined;

  constructor(self: Self, maxRemovals: number, pageEntryBytes = PAGE_ENTRY_BYTES) {
    this.#self = self;
    this.#pageEntryBytes = pageEntryBytes;
    this.incarnation = new Incarnation(self.wallMs);
    this.journal = new Journal(maxRemovals);
  }

  parked(infoHash: InfoHash, instance: InstanceId, members: number, now: number): void {
    const key = keyOf(infoHash);
    this.#state(key, this.#parks.add(key, instancesOf(instance), this.journal.get(key) ?? ''), members, now);
  }

  unparked(infoHash: InfoHash, instance: InstanceId, members: number, now: number): void {
    const key = keyOf(infoHash);
    this.#state(
      key,
      this.#parks.remove(key, instancesOf(instance), this.journal.get(key) ?? ''),
      members,
      now,
    );
  }

  /** There is somebody to talk to: who we are has to be settled soon. */
  meet(now: number): void {
    if (this.incarnation.value === undefined) this.#chooseAt ??= now + INCARNATION_WAIT_MS;
  }

  /** Whether {@link choose} is due. */
  mustChoose(now: number): boolean {
    return this.#chooseAt !== undefined && this.#chooseAt <= now;
  }

  /** Nobody has a view of this incarnation yet, so all that was stated before is left to pulls. */
  choose(now: number): number {
    this.#chooseAt = undefined;
    this.#told = this.journal.changed;
    return this.incarnation.choose(now);
  }

  mustAdvertise(now: number): boolean {
    return this.#batchAt !== undefined && this.#batchAt <= now;
  }

  /** The next gossip entry, or undefined when there is nothing to tell, or nobody: `members` counts us. */
  advert(members: number, now: number): Uint8Array | undefined {
    this.#batchAt = undefined;
    const origin = this.#origin();
    if (!origin || members === 1) this.#told = this.journal.changed;
    if (!origin || this.#told === this.journal.changed) return undefined;
    const changes = this.journal.since(this.#told, this.#told, ADVERT_ENTRY_BYTES);
    this.#told = changes?.upto ?? this.journal.changed;
    if (!changes) return undefined;
    if (changes.upto < changes.changed) this.#planBatch(members, now);
    return encodeAdvert(origin, changes);
  }

  mustBeat(now: number): boolean {
    return this.#beatAt !== undefined && this.#beatAt <= now;
  }

  /** Where we stand, to be told to each of `to`; call {@link advert} first. Nothing before the incarnation is chosen. */
  beats(to: readonly string[], hearsay: (node: string) => Hearsay | undefined, now: number): Beat[] {
    const origin = this.#origin();
    if (!origin) return [];
    if (this.#beatAt === undefined || this.#beatAt <= now) this.#beatAt = now + HEARTBEAT_MS;
    this.#told = this.journal.changed;
    const heartbeat = {
      ...origin,
      sequence: this.journal.state(),
      changed: this.journal.changed,
      count: this.journal.size,
      digest: this.journal.digest,
      draining: this.draining,
      load: this.load,
      forward: this.#self.forward,
      zone: this.#self.zone,
      software: this.#self.software,
    };
    return to.map((node) => ({ to: node, bytes: encodeHeartbeat({ ...heartbeat, you: hearsay(node) }) }));
  }

  /** A page for who pulls; undefined while we have no incarnation. */
  page({ of, after, begun }: PullRequest): Uint8Array | undefined {
    const origin = this.#origin();
    if (!origin) return undefined;
    const bytes = this.#pageEntryBytes;
    const changes = of === origin.incarnation ? this.journal.since(after, begun, bytes) : undefined;
    return encodePage(origin, changes ?? this.journal.anew(bytes));
  }

  deadlines(): readonly (number | undefined)[] {
    return [this.#chooseAt, this.#batchAt, this.#beatAt];
  }

  #state(key: Key, instances: string | undefined, members: number, now: number): void {
    if (instances === undefined) return;
    this.journal.set(key, instances);
    this.#planBatch(members, now);
  }

  #planBatch(members: number, now: number): void {
    this.#batchAt ??= now + Math.max(ADVERT_BATCH_MS, ADVERT_BATCH_PER_MEMBER_MS * members);
  }

  #origin(): Origin | undefined {
    const incarnation = this.incarnation.value;
    return incarnation === undefined ? undefined : { node: this.#self.node, incarnation };
  }
}
