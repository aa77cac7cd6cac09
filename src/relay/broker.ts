/**
 * A broker at the matcher, from its HELLO to its splice: a client of this node, or a forward that came in.
 *
 * A broker is in one stage at a time:
 *
 *     waiting    no bridge for it is known; refused `noBridge` when that lasts
 *     inLine     a bridge is known, and every slot is in use
 *     offered    a park of this node was offered; a slot is held
 *     forwarded  on its way to a holder; no slot is held here until that one is ready
 *     asked      came from another node and may be served: that node is asked; a slot is held
 */
import type { InfoHash } from '../base/info-hash.ts';
import type { Holder } from '../cluster/directory/effects.ts';
import type { Choice, ConnectionId, Park } from './lot.ts';
import type { InLine } from './slots.ts';

export interface ConnectRequest extends Choice {
  readonly connection: ConnectionId;
  readonly infoHash: InfoHash;
  /** Nodes that the path must not cross. */
  readonly avoid: readonly string[];
}

/**
 * What a forward holds at its origin: expected: nothing, but a slot may be needed in a moment · nothing: it stands in
 * the holder's line · slot: the holder was told yes.
 */
export type Hold = 'expected' | 'nothing' | 'slot';

export type Stage =
  | { readonly name: 'waiting' }
  | { readonly name: 'inLine' }
  | { readonly name: 'asked' }
  | { readonly name: 'offered'; readonly park: Park; readonly pairId: string }
  | { readonly name: 'forwarded'; readonly holder: Holder; readonly pairId: string; readonly hold: Hold };

export interface Broker extends ConnectRequest, InLine {
  /** Came from another node, which chose the pair id: served here or not at all. */
  readonly foreign: boolean;
  /** Undefined: a new one for each offer. */
  readonly pairId: string | undefined;
  stage: Stage;
  /** Holders that did not serve it, and whether one of them could not be reached. */
  tried: readonly string[];
  unreachable: boolean;
}
