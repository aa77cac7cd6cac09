/** What users are promised, in numbers. Checkers hold runs to these, and to nothing else; times in milliseconds. */
import type { Level } from './history.ts';

/** A dead node is gone from every directory: docs, "A dead node stays dead". */
export const DEAD_NODE_MS = 4_000;
/** So soon where its process died and nothing else was wrong: its connections say so. */
export const DEAD_PROCESS_MS = 1_000;
/** A broker is paired where a bridge is parked and reachable: one node that is silent (2 s), and one more try. */
export const PAIRED_MS = 3_000;
/** What is parked, and what is no longer, is known on every node: gossip takes 50 ms, and where it is lost a heartbeat (1 s) and a
 *  pull tell. */
export const ADVERT_MS = 2_000;
/** After the last fault between nodes their directories are equal. A dial that began before times out (2 s), the next one
 *  follows (2 s), and a heartbeat (1 s) starts a pull, which may be the second one, after a pull that timed out (5 s). */
export const CONVERGED_MS = 10_000;
/** After the last fault a client of a broker is served within its patience: backoffs of bridge and broker, which a fault of
 *  20 s lets grow to 16 s, have come round, and there is a tunnel. */
export const SERVED_AGAIN_MS = 20_000;
/** A session lives on without any leg for so long, and one whose other end has died cannot know better. */
export const SESSION_DANGLING_MS = 60_000;
/** A client waits so long for a tunnel before it is told that there is none. */
export const STREAM_WAIT_MS = 10_000;

/** Most of what is counted at any instant, whatever the scenario says: docs/limits.md. */
export const MOST: Partial<Record<Level, number>> = {
  slots: 1_000,
  rateEntries: 10_000,
  /** Bytes of one direction of a tunnel that an end keeps, and one frame of up to 64 KiB beyond. */
  window: 4 * 1_048_576 + 65_536,
};
/** A relay refuses `rateLimit` past so many connections of one source in a minute, and `tooMany` past so many at a time. */
export const RATE_CONNECTIONS = 100;
export const RATE_WINDOW_MS = 60_000;
export const CONNECTIONS_PER_SOURCE = 256;
