/** What happens at a bridge, for those who count: metrics. */
import type { ErrorCode } from '../base/errors.ts';
import type { TunnelEvents } from '../tunnel/events.ts';

export interface BridgeEvents extends TunnelEvents {
  /** A stream has reached its target, or why not. */
  stream(outcome: 'accepted' | ErrorCode): void;
}
