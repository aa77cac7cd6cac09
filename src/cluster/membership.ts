/**
 * Who is expected, who is connected, and whom to dial when. Pure: it sees no socket and no clock; links.ts carries out
 * what it says.
 *
 * Of two members the one with the smaller name is the *caller*. It dials first, the other after a grace, so that either
 * suffices where the network lets only one of them through. When both dial at once the caller alone decides which
 * connection stays, before either has carried anything: it keeps an inbound connection waiting while its own dial is
 * under way, and refuses it once that has come through. Names and not PeerIds give the order, because a name stays the
 * same while the secret is rotated.
 */
import assert from 'node:assert';
import {
  CLUSTER_FIRST_DIAL_MS,
  CLUSTER_PARALLEL_DIALS,
  CLUSTER_REDIAL_MAX_MS,
  CLUSTER_REDIAL_MIN_MS,
  CLUSTER_SECOND_CALLER_MS,
  CLUSTER_SETTLED_MS,
  CLUSTER_UNRESOLVED_REDIAL_MS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';

export type Direction = 'inbound' | 'outbound';

/** How a dial ended. `opened` is not admitted: the other side may still close it. */
export type DialOutcome = 'opened' | 'failed' | 'unresolved';

/** What to do with an inbound connection that proved to be a member's. `wait`: ask again when the own dial has ended. */
export type Judgement = 'admit' | 'wait' | 'refuse';

export type MemberState =
  /** Gossip and pulls can pass. */
  | 'connected'
  /** A dial is under way, or a connection is being set up. */
  | 'connecting'
  /** The last dial found no address for its host: not there yet, or a wrong name. */
  | 'unresolved'
  /** It does not answer. */
  | 'absent';

export interface MemberStatus {
  readonly name: string;
  readonly state: MemberState;
}

interface Connection {
  readonly openedAt: number;
  ready: boolean;
}

interface Member {
  readonly isCaller: boolean;
  readonly connections: Map<string, Connection>;
  dialling: boolean;
  unresolved: boolean;
  nextDialAt: number;
  /** An inbound connection was admitted and is not open yet: no dial and no other one until then. */
  admittingUntil: number;
  /** It flooded us: no dial and no admission until then. */
  blockedUntil: number;
}

/** What must follow when a connection has opened. */
export interface Opened {
  /** Ids of connections to close: they are spare. May be the new one. */
  readonly close: readonly string[];
  /** The own dial of that member is not needed any more. */
  readonly abortDial: boolean;
}

export class Membership {
  readonly #members = new Map<string, Member>();
  readonly #random: Random;

  /** Expects `names` without `self`. `now` in milliseconds of a clock that never goes back, as everywhere here. */
  constructor(self: string, names: readonly string[], random: Random, now: number) {
    this.#random = random;
    for (const name of names) {
      if (name !== self) this.#members.set(name, this.#newMember(self < name, now));
    }
  }

  expects(name: string): boolean {
    return this.#members.has(name);
  }

  /** Names to dial now; from here on they count as being dialled, until {@link dialEnded}. */
  due(now: number): string[] {
    const dialling = [...this.#members.values()].filter((member) => member.dialling).length;
    const due = [...this.#members]
      .filter(([, member]) => isDue(member, now))
      // Who has waited for longest first, so that everybody in a long list has a turn.
      .sort(([, one], [, other]) => one.nextDialAt - other.nextDialAt)
      .slice(0, CLUSTER_PARALLEL_DIALS - dialling);
    for (const [, member] of due) {
      member.dialling = true;
      member.nextDialAt = now + this.#redialMs();
    }
    return due.map(([name]) => name);
  }

  dialEnded(name: string, outcome: DialOutcome, now: number): void {
    const member = this.#get(name);
    member.dialling = false;
    member.unresolved = outcome === 'unresolved';
    const pauseMs = member.unresolved ? CLUSTER_UNRESOLVED_REDIAL_MS : this.#jitter(CLUSTER_FIRST_DIAL_MS);
    member.nextDialAt = Math.max(member.nextDialAt, now + pauseMs);
  }

  /** An inbound connection has proved to be that of `name`. `admit` counts as admitted: the caller of this opens it. */
  judge(name: string, now: number): Judgement {
    const member = this.#members.get(name);
    if (!member || now < member.blockedUntil) return 'refuse';
    if (member.isCaller) {
      if (now < member.admittingUntil || this.#hasYoung(member, now)) return 'refuse';
      if (member.dialling) return 'wait';
    }
    member.admittingUntil = now + CLUSTER_SETTLED_MS;
    return 'admit';
  }

  opened(name: string, id: string, direction: Direction, now: number): Opened {
    const member = this.#get(name);
    const others = [...member.connections.keys()];
    member.connections.set(id, { openedAt: now, ready: false });
    if (direction === 'inbound') {
      member.admittingUntil = 0;
      // The other side dials only when it knows of no connection, so what is left here is dead, or about to be refused.
      return { close: others, abortDial: member.dialling };
    }
    // Our own dial is not admitted yet; where a connection exists, only the caller may say which one stays.
    return { close: member.isCaller && others.length > 0 ? [id] : [], abortDial: false };
  }

  /** Both sides can open streams. False if that was known. */
  ready(name: string, id: string): boolean {
    const member = this.#get(name);
    const connection = member.connections.get(id);
    if (!connection || connection.ready) return false;
    connection.ready = true;
    member.unresolved = false;
    return true;
  }

  /** True if the member is no longer connected by it. */
  closed(name: string, id: string, now: number): boolean {
    const member = this.#get(name);
    const connection = member.connections.get(id);
    if (!connection) return false;
    const before = isConnected(member);
    member.connections.delete(id);
    if (member.connections.size === 0) {
      // A connection that lived is worth dialling again at once; one that was refused is not.
      const lived = connection.ready && now - connection.openedAt >= CLUSTER_SETTLED_MS;
      const pauseMs = lived ? this.#firstDialMs(member.isCaller) : this.#redialMs();
      member.nextDialAt = Math.max(lived ? 0 : member.nextDialAt, now + pauseMs);
    }
    return before && !isConnected(member);
  }

  /** Neither dials nor admits `name` for `pauseMs`. Its connections are the caller's to close. */
  block(name: string, pauseMs: number, now: number): void {
    this.#get(name).blockedUntil = now + pauseMs;
  }

  isConnected(name: string): boolean {
    const member = this.#members.get(name);
    return member !== undefined && isConnected(member);
  }

  status(): readonly MemberStatus[] {
    return [...this.#members].map(([name, member]) => ({ name, state: stateOf(member) }));
  }

  #newMember(isCaller: boolean, now: number): Member {
    return {
      isCaller,
      connections: new Map(),
      dialling: false,
      unresolved: false,
      nextDialAt: now + this.#firstDialMs(isCaller),
      admittingUntil: 0,
      blockedUntil: 0,
    };
  }

  #get(name: string): Member {
    const member = this.#members.get(name);
    assert(member, `${name} is not expected`);
    return member;
  }

  #hasYoung({ connections }: Member, now: number): boolean {
    return [...connections.values()].some(({ openedAt }) => now - openedAt < CLUSTER_SETTLED_MS);
  }

  #firstDialMs(isCaller: boolean): number {
    return this.#jitter(CLUSTER_FIRST_DIAL_MS) + (isCaller ? 0 : CLUSTER_SECOND_CALLER_MS);
  }

  #redialMs(): number {
    return CLUSTER_REDIAL_MIN_MS + this.#jitter(CLUSTER_REDIAL_MAX_MS - CLUSTER_REDIAL_MIN_MS);
  }

  #jitter(ms: number): number {
    return ms * this.#random.fraction();
  }
}

function isDue(member: Member, now: number): boolean {
  if (member.dialling || member.connections.size > 0) return false;
  return now >= Math.max(member.nextDialAt, member.admittingUntil, member.blockedUntil);
}

function isConnected({ connections }: Member): boolean {
  return [...connections.values()].some(({ ready }) => ready);
}

function stateOf(member: Member): MemberState {
  if (isConnected(member)) return 'connected';
  if (member.dialling || member.connections.size > 0) return 'connecting';
  return member.unresolved ? 'unresolved' : 'absent';
}
