/**
 * What happened in a run, as it could be seen from outside: at clients of brokers, at the store, at the edges of relays. The
 * simulator and the chaos runner write it, checkers read it, and neither knows the other. One line of JSON each.
 */

/** Names a stream in its run: brokers open it, the store behind a bridge serves it. */
export type StreamId = number;
/** Who writes or reads: the client at the broker, or the store at the bridge. */
export type Side = 'client' | 'store';

/** What can be counted at an instant, by name of the limit that holds for it. */
export type Level = 'slots' | 'waiting' | 'rateEntries' | 'window' | 'parks';
/** What a process must give back. */
export type Held = 'sockets' | 'timers' | 'sessions' | 'slots' | 'streams';

export type Happening =
  // Streams
  /** A client asked `broker` for a stream to the store behind `infoHash`. */
  | { readonly what: 'opened'; readonly stream: StreamId; readonly broker: string; readonly infoHash: string }
  /** The store behind `bridge`, whose CA is `infoHash`, serves it. */
  | { readonly what: 'served'; readonly stream: StreamId; readonly bridge: string; readonly infoHash: string }
  /** `side` wrote the bytes from `from` on of its pattern. */
  | {
      readonly what: 'wrote';
      readonly stream: StreamId;
      readonly side: Side;
      readonly from: number;
      readonly bytes: number;
    }
  /** `side` read bytes of the other side's pattern; `wrongAt`: the first of them that is not the one of the pattern. */
  | {
      readonly what: 'read';
      readonly stream: StreamId;
      readonly side: Side;
      readonly from: number;
      readonly bytes: number;
      readonly wrongAt?: number;
    }
  /** `side` ended its writing, cleanly: nothing comes after `total` bytes. */
  | { readonly what: 'finished'; readonly stream: StreamId; readonly side: Side; readonly total: number }
  /** `side` read the end of what the other one writes. */
  | { readonly what: 'end'; readonly stream: StreamId; readonly side: Side }
  /** `side` broke the stream off, on purpose. */
  | { readonly what: 'aborted'; readonly stream: StreamId; readonly side: Side }
  /** `side` saw an error: a reset, or the code of a refusal. Its stream is over. */
  | { readonly what: 'failed'; readonly stream: StreamId; readonly side: Side; readonly code: string }

  // Relays and their clients
  /** Attempt `attempt` of `broker` for a leg reached `node`, with what its HELLO said: the instance of a bridge it must come to, those
   *  that it must not, and the nodes that the path must not cross. */
  | {
      readonly what: 'asked';
      readonly attempt: number;
      readonly broker: string;
      readonly infoHash: string;
      readonly node: string;
      readonly wanted?: string;
      readonly except?: readonly string[];
      readonly avoid?: readonly string[];
    }
  /** It was joined with a park of `bridge`, whose CA is `infoHash`, over `path`. Each process of a bridge is an instance. */
  | {
      readonly what: 'paired';
      readonly attempt: number;
      readonly bridge: string;
      readonly instance: string;
      readonly infoHash: string;
      readonly path: readonly string[];
    }
  | { readonly what: 'refused'; readonly attempt: number; readonly code: string }
  /** The broker left, or its connection broke, before either. */
  | { readonly what: 'left'; readonly attempt: number }
  /** A connection of `bridge` is parked at `node`, or is so no longer. `park` names it. */
  | {
      readonly what: 'parked';
      readonly park: number;
      readonly bridge: string;
      readonly instance: string;
      readonly infoHash: string;
      readonly node: string;
    }
  | { readonly what: 'unparked'; readonly park: number }
  /** What `broker` would tell of its tunnel to a bridge: the paths of its legs, and whether it says that no one node's death takes all. */
  | {
      readonly what: 'tunnel';
      readonly broker: string;
      readonly instance: string;
      readonly paths: readonly (readonly string[])[];
      readonly disjoint: boolean;
    }

  // Nodes
  /** A process of that name began, with an incarnation of its own, or ended. */
  | { readonly what: 'up' | 'down'; readonly node: string; readonly incarnation: number }
  | { readonly what: 'draining'; readonly node: string }
  /** What `node` would tell a broker: for each info_hash the nodes that hold it, itself included; sorted. */
  | {
      readonly what: 'directory';
      readonly node: string;
      readonly members: Readonly<Record<string, number>>;
      readonly holders: Readonly<Record<string, readonly string[]>>;
    }

  // Faults, limits, and what is left
  /** `fault` is the place of it in the scenario. */
  | { readonly what: 'fault'; readonly fault: number; readonly on: boolean }
  /** All faults are over, and all that was stopped runs again. */
  | { readonly what: 'calm' }
  | {
      readonly what: 'level';
      readonly of: Level;
      readonly at: string;
      readonly value: number;
      readonly most: number;
    }
  /** After all streams, sessions and clients have ended. */
  | {
      readonly what: 'held';
      readonly of: Held;
      readonly at: string;
      readonly value: number;
      readonly base: number;
    };

/** `ms` since the run began, by the clock of the run. */
export type Event = Happening & { readonly ms: number };
export type History = readonly Event[];
