/** What an examination finds: steps, trials made of them, and what follows. */
import type { ErrorCode } from '../base/errors.ts';
import type { PathNode } from '../wire/frames.ts';

/** In the order in which a trial takes them. */
export type StepName =
  | 'look-up'
  | 'TCP'
  | 'proxy'
  | 'TLS'
  | 'certificate'
  | 'park'
  | 'pair'
  | 'inner TLS'
  | 'bytes';

/** A step that was taken. */
export interface Step {
  readonly name: StepName;
  /** Undefined: it takes no time of its own. */
  readonly ms?: number;
  /** What was seen. */
  readonly text: string;
  /** It works, and somebody is to look at it. */
  readonly isWarning?: true;
}

/** The step at which a trial ended. */
export interface Failure {
  readonly step: StepName;
  /** Whose connection it befell; undefined: that of both. */
  readonly end?: 'bridge' | 'broker';
  readonly code: ErrorCode;
  /** What happened, to what. */
  readonly text: string;
  /** The names in a certificate that was made for others. */
  readonly certifiedFor?: string;
  /** This machine knows no way to that network. */
  readonly isNoRoute?: true;
}

/** A broker at one relay that is to reach a bridge parked at another, or at the same one. */
export interface Trial {
  /** Names of the two relays. */
  readonly broker: string;
  readonly bridge: string;
  readonly ms: number;
  /** Of the bridge's way first, then those of both. */
  readonly steps: readonly Step[];
  /** Undefined: all of it works. */
  readonly failure?: Failure;
  /** Where the bridge was parked. */
  readonly parkedAt?: PathNode;
  /** What the pairing crossed: the broker's node, then the holder where that is another one. */
  readonly path?: readonly PathNode[];
}

/** A pair that was not tried, because one of its relays does not work alone. */
export interface Skipped {
  readonly broker: string;
  readonly bridge: string;
  /** The relay that does not work. */
  readonly because: string;
}

/** What follows from the trials, for a person. */
export interface Finding {
  readonly severity: 'failure' | 'warning' | 'note';
  /** The relays that it is about. */
  readonly about: readonly string[];
  readonly text: string;
  /** What to do; empty where the text says it. */
  readonly remedy: string;
}

/** All that was found. */
export interface Examination {
  /** Each relay alone. */
  readonly alone: readonly Trial[];
  /** Each ordered pair of two. */
  readonly pairs: readonly (Trial | Skipped)[];
  readonly findings: readonly Finding[];
}
