/** What a relay is made of. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { TrustedProxies } from '../net/door/trusted-proxies.ts';
import type { SpliceTap } from '../net/splice.ts';
import type { AdmissionPolicy } from './admission.ts';
import type { ConnectionLogOptions } from './connection-log.ts';
import type { RelayEdge } from './edge.ts';
import type { RelayEvents } from './events.ts';
import type { MatcherLimits } from './matcher-options.ts';
import type { ClusterPlace } from './neighbours.ts';

export interface RelayOptions {
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly certPem: string; readonly keyPem: string };
  /** Name of this node; `avoid` and PAIRED's path speak of it. */
  readonly node: string;
  /** Empty: not known. */
  readonly zone: string;
  /** Asked at every HELLO, so that a changed allow file takes effect at once. */
  readonly policy: () => AdmissionPolicy;
  /** Who speaks the PROXY protocol to this relay. Default: nobody. */
  readonly proxies?: TrustedProxies;
  /** Default: this relay runs alone. */
  readonly cluster?: ClusterPlace;
  /** Default: {@link SYSTEM_EDGE}. */
  readonly edge?: RelayEdge;
  /** Default: those of the product. Only tests pass others. */
  readonly limits?: MatcherLimits;
  /** How long a drain waits for splices to move away. */
  readonly drainTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A newer process runs under the name of this node: this one is to leave. */
  readonly onSuperseded?: () => void;
  /** What is written down of each splice. Default: nothing. */
  readonly connectionLog?: Pick<ConnectionLogOptions, 'fields' | 'blur'>;
  /** Default: nobody counts. */
  readonly events?: RelayEvents;
  /** Sees what is spliced; for the demo, which shows that it is ciphertext. */
  readonly tap?: SpliceTap;
}
