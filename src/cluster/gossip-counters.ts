/** What the transport counts, for metrics and status. */
import type { Refusal } from './admission.ts';
import type { CloseReason } from './links.ts';
import type { MemberStatus } from './membership.ts';

export type EntryRejection = 'errGossipValueTooLarge' | 'stranger' | 'flood';

/** Counts since the start, but for the two that say `members`: those are of now. */
export interface GossipCounters {
  readonly entriesSent: number;
  readonly entriesReceived: number;
  /** `errGossipValueTooLarge` counts entries that were refused on sending as well. */
  readonly entriesRejected: Readonly<Record<EntryRejection, number>>;
  readonly heartbeatsSent: number;
  readonly heartbeatsReceived: number;
  readonly pullsMade: number;
  readonly pullsServed: number;
  /** Of those made: no page came. */
  readonly pullsFailed: number;
  readonly connectionsRefused: Readonly<Record<Refusal, number>>;
  readonly connectionsClosed: Readonly<Record<CloseReason, number>>;
  /** Times that gossip streams were opened again on a living connection. */
  readonly reopened: number;
  readonly membersExpected: number;
  readonly membersConnected: number;
}

type Plain =
  | 'entriesSent'
  | 'entriesReceived'
  | 'heartbeatsSent'
  | 'heartbeatsReceived'
  | 'pullsMade'
  | 'pullsServed'
  | 'pullsFailed'
  | 'reopened';

export class GossipCounts {
  readonly #plain: Record<Plain, number> = {
    entriesSent: 0,
    entriesReceived: 0,
    heartbeatsSent: 0,
    heartbeatsReceived: 0,
    pullsMade: 0,
    pullsServed: 0,
    pullsFailed: 0,
    reopened: 0,
  };
  readonly #rejected: Record<EntryRejection, number> = { errGossipValueTooLarge: 0, stranger: 0, flood: 0 };
  readonly #refused: Record<Refusal, number> = { door: 0, stranger: 0, tie: 0 };
  readonly #closed: Record<CloseReason, number> = { silent: 0, deaf: 0, flood: 0, spare: 0 };

  add(what: Plain): void {
    this.#plain[what] += 1;
  }

  rejected(why: EntryRejection): void {
    this.#rejected[why] += 1;
  }

  refused(why: Refusal): void {
    this.#refused[why] += 1;
  }

  closed(why: CloseReason): void {
    this.#closed[why] += 1;
  }

  /** A copy. */
  read(members: readonly MemberStatus[]): GossipCounters {
    return {
      ...this.#plain,
      entriesRejected: { ...this.#rejected },
      connectionsRefused: { ...this.#refused },
      connectionsClosed: { ...this.#closed },
      membersExpected: members.length,
      membersConnected: members.filter(({ state }) => state === 'connected').length,
    };
  }
}
