/** What the two ends of a forward see of it. FORWARD.md, in src/wire, says how it crosses the line. */
import type { Address } from '../../base/address.ts';
import type { BeaconError, RefusalCode } from '../../base/errors.ts';
import type { InfoHash } from '../../base/info-hash.ts';
import type { Link } from '../../net/link.ts';
import type { InstanceId } from '../directory/entries.ts';

/** What the broker's node asks of a holder. */
export interface ForwardRequest {
  readonly infoHash: InfoHash;
  /** 32 hex digits that name the splice to be, on both nodes and to both clients. */
  readonly pairId: string;
  /** Name of the broker's node. */
  readonly origin: string;
  /** 1: a request that was forwarded once is not forwarded again. */
  readonly hops: number;
  /** The only bridge instance that will do, or undefined for any. */
  readonly wanted: InstanceId | undefined;
  readonly except: readonly InstanceId[];
  /** Milliseconds that the origin will wait for the holder's READY. */
  readonly timeLeftMs: number;
}

/** Where a forward goes. */
export interface HolderPlace {
  /** Name of the node, which its certificate must bear. */
  readonly node: string;
  readonly address: Address;
}

/** notHere: no park of the holder fits, as of that sequence of its directory · refused: as in PROTOCOL.md, section 10 ·
 *  unreachable: it could not be dialled, cut the forward, broke the protocol, or said nothing for FORWARD_SILENCE_MS. */
export type ForwardFailure =
  | { readonly kind: 'notHere'; readonly incarnation: number; readonly sequence: number }
  | { readonly kind: 'refused'; readonly code: RefusalCode }
  | { readonly kind: 'unreachable'; readonly error: BeaconError };

/** Of an origin. None is called from within {@link OutgoingForward}'s methods, nor by `Forwarder.forward` itself. */
export interface OutgoingHandler {
  /** The holder lets us stand in its line, so READY may take a while. Comes once at the most, and before `onReady`. */
  onQueued(): void;
  /** The holder has a slot and a park for us: take or decline, in this call. */
  onReady(): void;
  /**
   * The bridge is at the other end of `link`, whose stream is paused with every byte of the bridge in it. The link is the
   * receiver's; nothing of the forward, no timer either, is left behind. Comes last.
   */
  onJoined(link: Link, bridge: InstanceId): void;
  /** Nothing will come of it; the socket is closed, or closing. Comes last, and not after `decline` or `cancel`. */
  onFailed(failure: ForwardFailure): void;
}

export interface OutgoingForward {
  /** Our slot is taken: join us. Asserts that READY came; does nothing once the forward has failed. */
  take(): void;
  /** We have no slot, or no broker any more: ends the forward. Otherwise as {@link take}. */
  decline(): void;
  /** Ends the forward at any time, also while it is dialled; the holder sees an abort. Does nothing once it is over. */
  cancel(): void;
}

/** A request of another node, at the holder. Its methods do nothing once it is over, except `join`. */
export interface IncomingForward {
  readonly id: number;
  readonly request: ForwardRequest;
  /** It waits for a slot here: tells the origin so now and every FORWARD_SIGN_MS. Idempotent. */
  queued(): void;
  /** A slot is taken and a park is there: asks the origin, whose answer comes as `onAnswer`. Asserts that it was not asked before. */
  ready(): void;
  /**
   * The bridge accepted: tells the origin and hands out the link, paused, which is the caller's from then on. Asserts
   * that the origin's answer was yes, and that the forward is not over.
   */
  join(bridge: InstanceId): Link;
  /** No park here fits. `incarnation` and `sequence` say how far the origin's copy of our directory must be to know it. */
  notHere(incarnation: number, sequence: number): void;
  refuse(code: RefusalCode): void;
  /** Ends it with an abort. */
  drop(): void;
}

/** Of a holder. */
export interface IncomingHandler {
  /** Answer in this call by `queued`, `ready`, `notHere` or `refuse`: an origin gives up a holder that is silent. */
  onRequest(incoming: IncomingForward): void;
  /** Yes: the origin holds its slot and waits for `join`. No: it is over. */
  onAnswer(incoming: IncomingForward, yes: boolean): void;
  /** The origin left, broke the protocol, did not answer READY in time, or `timeLeftMs` has passed. Comes last, and not
   *  after a method that ends the forward, nor after `join` or the answer no. */
  onGone(incoming: IncomingForward): void;
}
