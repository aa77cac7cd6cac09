/** What happens at a broker, for those who count: metrics. */
import type { Left } from '../tunnel/broker-tunnel.ts';
import type { TunnelEvents } from '../tunnel/events.ts';
import type { LegPurpose } from '../tunnel/leg-step.ts';

export interface BrokerEvents extends TunnelEvents {
  /** A tunnel to a bridge is up. */
  tunnelUp(): void;
  /** A bridge takes no more streams in a tunnel. */
  tunnelLeft(reason: Left): void;
  /** A further leg was attached to a tunnel. */
  legOpened(purpose: LegPurpose): void;
  /** The bridge has reached the target of a stream, so long after it was asked. */
  streamOpened(ms: number): void;
}
