/** What happens at a relay, for those who count: metrics. None of these may throw. */
import type { RefusalCode } from '../base/errors.ts';
import type { NoiseReason } from '../net/noise.ts';
import type { Role } from '../wire/frames.ts';
import type { DropReason } from './effects.ts';

/**
 * local: both ends are at this node · forward: the broker is here, the bridge on another node · incoming: the other way
 * round.
 */
export type PairingWay = 'local' | 'forward' | 'incoming';

/** joined, or why not; `notHere`: the advert was stale. */
export type ForwardOutcome = 'joined' | 'notHere' | 'refused' | 'unreachable';

export interface RelayEvents {
  /** A TLS handshake made a link, so long after its accept. */
  handshake(ms: number): void;
  /** A connection ended before it was a link. */
  turnedAway(reason: NoiseReason): void;
  /** HELLO was judged, or there was none in time. `role` undefined: it was not said. */
  entered(role: Role | undefined, outcome: 'admitted' | RefusalCode): void;
  /** Somebody who had been admitted was refused. */
  refused(role: Role | undefined, code: RefusalCode): void;
  /** A parked connection was dropped. */
  dropped(reason: DropReason): void;
  /** @param ms since the broker was admitted; undefined where it is at another node. */
  paired(way: PairingWay, ms: number | undefined): void;
  /** A parked bridge answered a ping. */
  ponged(ms: number): void;
  /** A forward that left this node has come to its end. */
  forwarded(outcome: ForwardOutcome): void;
  /** TLS with another node, dialled by this one, has negotiated `group`. */
  negotiated(group: string): void;
}

/** Counts nothing. */
export const NO_EVENTS: RelayEvents = {
  handshake: () => {},
  turnedAway: () => {},
  entered: () => {},
  refused: () => {},
  dropped: () => {},
  paired: () => {},
  ponged: () => {},
  forwarded: () => {},
  negotiated: () => {},
};
