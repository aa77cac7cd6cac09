/** What the directory asks of its shell, and what it tells about the cluster. */
import type { InfoHash } from '../../base/info-hash.ts';
import type { InstanceId } from './entries.ts';

/** Why something that a node sent was not taken over. Each is counted by node; none costs the connection. */
export const REFUSALS = [
  'errGossipValueTooLarge',
  'malformed',
  'unsupportedVersion',
  /** The message names another node than the one it came from. */
  'otherOrigin',
  /** From before the highest incarnation of that name. */
  'oldIncarnation',
  /** A heartbeat whose sequence is not above that of the last. */
  'oldSequence',
  /** More gossip entries than any honest node sends. */
  'flood',
  /** More entries than one node may hold. Counted by entry. */
  'tooManyEntries',
  /** More nodes than a cluster may have. */
  'tooManyNodes',
  /** A page that was not asked for. */
  'unaskedPage',
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** Why a node was dropped: no heartbeat for 3 s, no connection for 500 ms, or a new process has its name. */
export type DownReason = 'silent' | 'disconnected' | 'restarted';

export type Effect =
  /** Publish to everybody. */
  | { readonly do: 'gossip'; readonly bytes: Uint8Array }
  /** Send over every connection of our own to `to`. */
  | { readonly do: 'heartbeat'; readonly to: string; readonly bytes: Uint8Array }
  /** Send `request` to `from`; then call onPullPage with the reply, or onPullFailed. */
  | { readonly do: 'pull'; readonly from: string; readonly request: Uint8Array }
  /** `node` says, or says again, that it holds a watched info_hash. */
  | { readonly do: 'appeared'; readonly infoHash: InfoHash; readonly node: string }
  /** `node` holds a watched info_hash no longer. */
  | { readonly do: 'vanished'; readonly infoHash: InfoHash; readonly node: string }
  | { readonly do: 'memberUp'; readonly node: string; readonly incarnation: number }
  | {
      readonly do: 'memberDown';
      readonly node: string;
      readonly incarnation: number;
      readonly reason: DownReason;
    }
  /** A live node says that it is about to leave. Once for each of its incarnations. */
  | { readonly do: 'draining'; readonly node: string }
  /** Our incarnation is chosen; more than once only where a member remembered a higher one. For the log. */
  | { readonly do: 'chosen'; readonly incarnation: number }
  /** A newer process runs under our name: log it and drain. Once. */
  | { readonly do: 'superseded' }
  /** For the debug log; the counters tell the same. */
  | { readonly do: 'refused'; readonly from: string; readonly why: Refusal; readonly detail: string };

/** A live node, other than this one, where an info_hash is parked. */
export interface Holder {
  readonly node: string;
  readonly incarnation: number;
  readonly zone: string;
  /** Splices under way there, at its last heartbeat. */
  readonly load: number;
  /** host:port for forwards; `:port` where the host is the one by which we know the node. */
  readonly forward: string;
  /** At most 8. */
  readonly instances: readonly InstanceId[];
}

export interface MemberStatus {
  readonly node: string;
  readonly zone: string;
  readonly incarnation: number;
  readonly sequence: number;
  readonly entries: number;
  /** Whether we know all that it has told the cluster. */
  readonly complete: boolean;
  readonly draining: boolean;
  readonly load: number;
  readonly forward: string;
  readonly software: string;
  /** Milliseconds since its last heartbeat. */
  readonly heardMs: number;
}

export interface DirectorySnapshot {
  readonly node: string;
  /** Undefined until the first member is connected. */
  readonly incarnation: number | undefined;
  readonly sequence: number;
  readonly draining: boolean;
  /** Own entries, and those of all nodes together. */
  readonly ownEntries: number;
  readonly entries: number;
  readonly members: readonly MemberStatus[];
  /** Connected, but not heard yet or not believed. */
  readonly unheard: readonly string[];
  readonly remembered: number;
  /** How often what we knew contradicted its origin, since the start. Every one is a mistake in a program. */
  readonly doubts: number;
  readonly refusals: Readonly<Record<Refusal, number>>;
}
