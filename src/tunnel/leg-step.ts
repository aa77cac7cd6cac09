/** What the plan of a tunnel's legs says: the next step, and what the tunnel can lose. */
import type { Route } from './routes.ts';

/**
 * `first`: there is no leg. `repair`: there is no second one of use. `drain`, `rebalance`: to replace one that works.
 * `zone`: to replace one of two that share a zone.
 */
export type LegPurpose = 'first' | 'repair' | 'drain' | 'rebalance' | 'zone';

export interface LegDial {
  readonly route: Route;
  /** For HELLO. */
  readonly wanted: Buffer;
  /** For HELLO: at most AVOID_NODES. */
  readonly avoid: readonly string[];
  readonly purpose: LegPurpose;
}

export type LegStep =
  /** Dial it; then `LegPlan.opened` or `LegPlan.failed`, once. One dial at a time. */
  | { readonly kind: 'dial'; readonly dial: LegDial }
  /** A leg too many: close it, in good order. */
  | { readonly kind: 'drop'; readonly id: number }
  /** Ask again after `waitMs` (Infinity: never), and whenever a leg or what is known of a node changes. */
  | { readonly kind: 'wait'; readonly waitMs: number };

/**
 * Why there are no two legs that share no node. `searching`: the first round is not over. `oneNode`: only one host is
 * known. `noOtherHolder`: the bridge cannot be reached around the nodes of the leg. `allAvoided`: all others drain, or only
 * nodes that the leg crosses answer. `unreachable`: other relays do not answer. `suspected`: one of the two is silent.
 */
export type NoRedundancy =
  | 'searching'
  | 'oneNode'
  | 'noOtherHolder'
  | 'allAvoided'
  | 'unreachable'
  | 'suspected';

export type Redundancy =
  /** `sharesZone`: one zone's end would take both, as far as zones are known. */
  | { readonly kind: 'disjoint'; readonly sharesZone: boolean }
  /** `shared`: two legs or more, any two over a common host. `single`, `none`: one leg of use, or none. */
  | { readonly kind: 'shared' | 'single' | 'none'; readonly why: NoRedundancy };
