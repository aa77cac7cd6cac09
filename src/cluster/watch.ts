/**
 * Watches each connection for two deaths that nobody reports: a black hole (nothing arrives, nothing is closed), and a
 * deaf pair (the connection lives, but a gossip stream was reset and gossipsub never opens another). Pure.
 */
import { CLUSTER_DEAF_LOOKS, CLUSTER_REOPEN_LOOKS, CLUSTER_SILENT_LOOKS } from '../base/limits.ts';

/** What one look at a connection found. */
export interface Sight {
  /** Bytes of any kind have arrived since the last look. */
  readonly heard: boolean;
  /** Gossip can pass both ways: the member's subscription is known, and a stream of either direction is open. */
  readonly gossips: boolean;
}

/** `reopen`: open gossip streams on this connection again. `silent` and `deaf`: close it; the member is dialled again. */
export type Verdict = 'fine' | 'reopen' | 'silent' | 'deaf';

/** One connection's history. Looked at every CLUSTER_LOOK_MS; a look that comes late counts as one. */
export class Watch {
  #silent = 0;
  #deaf = 0;

  look({ heard, gossips }: Sight): Verdict {
    this.#silent = heard ? 0 : this.#silent + 1;
    this.#deaf = gossips ? 0 : this.#deaf + 1;
    if (this.#silent >= CLUSTER_SILENT_LOOKS) return 'silent';
    if (this.#deaf >= CLUSTER_DEAF_LOOKS) return 'deaf';
    return this.#deaf >= CLUSTER_REOPEN_LOOKS ? 'reopen' : 'fine';
  }
}
