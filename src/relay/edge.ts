/** Where a relay meets its machine and other processes. Whole clusters in virtual time have an edge of their own. */
import { forwardCredentials } from '../cluster/forward-certificates.ts';
import { Gossip, type GossipOptions, type GossipPort } from '../cluster/gossip.ts';
import { type DialTlsOptions, dialTls } from '../net/dial.ts';
import type { DoorOptions } from '../net/door/door.ts';
import type { Link } from '../net/link.ts';
import { type Listener, TlsListener, type TlsListenerOptions } from '../net/tls-listener.ts';

export interface RelayEdge {
  /** For clients, and for forwards of other nodes. */
  readonly listener: (options: TlsListenerOptions) => Listener;
  /** For forwards to other nodes. */
  readonly dial: (options: DialTlsOptions) => Promise<Link>;
  readonly gossip: (options: GossipOptions) => GossipPort;
  /** Those of the forward port, for one process. */
  readonly credentials: typeof forwardCredentials;
  /** What the machine can take, and how many sources are remembered. */
  readonly door: Pick<DoorOptions, 'capacity' | 'rate'>;
}

/** Sockets, libp2p, and what the system says of itself. */
export const SYSTEM_EDGE: RelayEdge = {
  listener: (options) => new TlsListener(options),
  dial: dialTls,
  gossip: (options) => new Gossip(options),
  credentials: forwardCredentials,
  door: {},
};
