/** What the matcher asks the relay to do. */
import type { RefusalCode } from '../base/errors.ts';
import type { InfoHash } from '../base/info-hash.ts';
import type { Holder } from '../cluster/directory/effects.ts';
import type { ConnectRequest } from './broker.ts';
import type { ConnectionId, InstanceId, Park } from './lot.ts';

export type DropReason = 'noAccept' | 'noPong' | 'brokerLeft' | 'pairMismatch';

/** `broker` is a client's connection, or a forward that came from another node. */
export type Effect =
  | { readonly do: 'offer'; readonly bridge: ConnectionId; readonly pairId: string }
  | { readonly do: 'waiting'; readonly broker: ConnectionId }
  /** Splice the two; the slot is theirs until {@link Matcher.spliceEnded}. */
  | {
      readonly do: 'pair';
      readonly broker: ConnectionId;
      readonly bridge: ConnectionId;
      readonly pairId: string;
      readonly bridgeInstance: InstanceId;
    }
  | { readonly do: 'refuse'; readonly connection: ConnectionId; readonly code: RefusalCode }
  | { readonly do: 'ping'; readonly connection: ConnectionId; readonly token: number }
  | { readonly do: 'drop'; readonly connection: ConnectionId; readonly reason: DropReason }
  /** The lot has changed: for the advert. */
  | { readonly do: 'parked' | 'unparked'; readonly park: Park }

  // At the origin
  /** Ask `holder` to serve the broker. */
  | {
      readonly do: 'forward';
      readonly broker: ConnectionId;
      readonly request: ConnectRequest;
      readonly holder: Holder;
      readonly pairId: string;
    }
  /** The holder is ready: tell it whether a slot was taken here. After a no the forward is over. */
  | { readonly do: 'answer'; readonly broker: ConnectionId; readonly yes: boolean }
  /** Splice the broker with its forward; the slot is theirs until {@link Matcher.spliceEnded}. */
  | {
      readonly do: 'join';
      readonly broker: ConnectionId;
      readonly holder: Holder;
      readonly pairId: string;
      readonly bridgeInstance: InstanceId;
    }
  /** The broker left: end its forward. */
  | { readonly do: 'cancel'; readonly broker: ConnectionId }
  /** Tell the matcher when a holder of `infoHash` appears, or do so no longer. */
  | { readonly do: 'watch' | 'unwatch'; readonly infoHash: InfoHash }

  // At the holder; `forward` is a forward that came in
  | { readonly do: 'queued'; readonly forward: ConnectionId }
  /** A slot is taken and a park is there: ask the origin. */
  | { readonly do: 'ready'; readonly forward: ConnectionId }
  | { readonly do: 'notHere'; readonly forward: ConnectionId };
