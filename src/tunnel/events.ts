/** What happens to a bridge or a broker on its way to the other, for those who count: metrics. None of these may throw. */
import type { ErrorCode } from '../base/errors.ts';

/** From here: to a relay, to the other end of a tunnel, and, for a bridge, to a target. */
export type Hop = 'relay' | 'tunnel' | 'target';

export interface TunnelEvents {
  /** A dial of a relay has come to its end. */
  dialled(outcome: 'connected' | ErrorCode): void;
  /** TCP was connected in so long. */
  roundTrip(hop: 'relay' | 'target', ms: number): void;
  /** TLS that this side has dialled has negotiated `group`. */
  negotiated(hop: Hop, group: string): void;
  /** A park or a leg is gone, and not because we wanted it: another one is dialled. */
  lost(code: ErrorCode): void;
  /** A tunnel goes on over another leg. */
  moved(why: 'lost' | 'stalled'): void;
  /** Bytes that waited while a tunnel moved are acknowledged again, so long after they began to wait. */
  resumed(ms: number): void;
}

/** Counts nothing. */
export const NO_TUNNEL_EVENTS: TunnelEvents = {
  dialled: () => {},
  roundTrip: () => {},
  negotiated: () => {},
  lost: () => {},
  moved: () => {},
  resumed: () => {},
};
