/** What goes into a session, what comes out of it, and the limits that it keeps. */
import type { BeaconError } from '../../base/errors.ts';
import type { TunnelFrame } from '../frames.ts';

/** Chosen by the driver; never used twice in one session. */
export type LegId = number;

/** The end that dials, and attaches legs; the end that only answers. */
export type SessionRole = 'broker' | 'bridge';

/**
 * - `open`: bytes flow, or would if there were a leg.
 * - `done`: both directions have ended and ours is acknowledged. It only tells the other end so.
 * - `over`: nothing is left to do.
 * - `failed`: cut off for too long, aborted, or the other end broke the rules.
 */
export type SessionState = 'open' | 'done' | 'over' | 'failed';

/**
 * Why the session gives a leg up: nothing was heard of it; DATA or CLOSE beyond what was received; a frame that is not
 * legal there; more legs than a session may have; attached before the first inner handshake was over; its end did not
 * come.
 */
export type DropReason = 'silent' | 'gap' | 'illegal' | 'crowded' | 'early' | 'lingering';

export type SessionInput =
  /**
   * A leg belongs to the session from now on: the first one after NEW (`offset` and `floor` 0), others after a good PROVE
   * (see attach.ts). `offset`: what the other end has received.
   */
  | { readonly on: 'attach'; readonly leg: LegId; readonly offset: number; readonly floor: number }
  /** The leg is gone. `clean`: the other end ended its direction (FIN), and was not cut off. */
  | { readonly on: 'lost'; readonly leg: LegId; readonly clean: boolean }
  /** Part of a DATA frame. */
  | { readonly on: 'data'; readonly leg: LegId; readonly offset: number; readonly bytes: Buffer }
  | { readonly on: 'frame'; readonly leg: LegId; readonly frame: TunnelFrame }
  /** Bytes for the other end; the session keeps them, so nobody may change them. */
  | { readonly on: 'write'; readonly bytes: Buffer }
  /** Nothing more will be written. */
  | { readonly on: 'end' }
  /** The reader has taken `total` bytes of all that was delivered since the beginning. */
  | { readonly on: 'consumed'; readonly total: number }
  /** The first inner handshake is over, at the broker: and the bridge is known to have finished it as well. */
  | { readonly on: 'established' }
  /** Tell the broker to get off a node. Of a bridge only. */
  | { readonly on: 'leave'; readonly leg: LegId; readonly node: string }
  | { readonly on: 'abort'; readonly error: BeaconError }
  /** The time of {@link Session.deadline} has come. */
  | { readonly on: 'tick' };

export type SessionEffect =
  /** The next bytes of the other end: in order, each once. A view of what was read. */
  | { readonly do: 'deliver'; readonly bytes: Buffer }
  /** The other end's direction has ended, cleanly, and all of it was delivered. */
  | { readonly do: 'ended' }
  /** Writing was held up and may go on. */
  | { readonly do: 'room' }
  /** Reset this leg; the session has forgotten it. */
  | { readonly do: 'drop'; readonly leg: LegId; readonly reason: DropReason }
  /** No acknowledgements come of what was sent on it. It is kept; a replacement is worth a dial. */
  | { readonly do: 'suspect'; readonly leg: LegId }
  /** Bytes go out on another leg from now on. */
  | { readonly do: 'move'; readonly to: LegId; readonly why: 'lost' | 'stalled' }
  /** After a move: the other end acknowledges again what had waited for so long. For metrics. */
  | { readonly do: 'resumed'; readonly waitedMs: number }
  /** No leg is left. */
  | { readonly do: 'dangling' }
  | { readonly do: 'leave'; readonly node: string }
  /** Write what {@link Session.next} still gives, and end each leg: those of now and those that may yet attach. */
  | { readonly do: 'done' }
  /** Forget the session, and reset legs that are left, if any. */
  | { readonly do: 'over' }
  /** Abort the streams and reset all legs: this is never a clean end. */
  | { readonly do: 'fail'; readonly error: BeaconError };

/** Defaults: the limits of the same names in src/base/limits.ts. */
export interface SessionLimits {
  readonly windowBytes: number;
  readonly chunks: number;
  readonly ackBytes: number;
  readonly ackDelayMs: number;
  readonly probeMs: number;
  readonly echoMs: number;
  readonly silenceMs: number;
  readonly danglingMs: number;
  readonly legs: number;
  readonly lingerMs: number;
  readonly handshakeMs: number;
}

/** For metrics and status. */
export interface SessionStats {
  /** Times that sending moved to another leg. */
  readonly failovers: number;
  /** Bytes that were sent more than once. */
  readonly replayedBytes: number;
  /** The longest time in which bytes waited and none was acknowledged, milliseconds. */
  readonly longestStallMs: number;
  /** Bytes that are kept until they are acknowledged. */
  readonly unacknowledgedBytes: number;
  /** Bytes that were delivered and that the reader has not taken. */
  readonly unreadBytes: number;
  readonly legs: readonly {
    readonly leg: LegId;
    readonly active: boolean;
    readonly suspected: boolean;
    /** Smoothed round trip in milliseconds; undefined before the first. */
    readonly srttMs: number | undefined;
  }[];
}
