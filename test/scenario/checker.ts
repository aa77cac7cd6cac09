/** What judges a run: by what happened in it, and by what was to happen to whom. */
import type { History } from './history.ts';
import type { Scenario } from './scenario.ts';

/** What a checker found wrong. */
export interface Violation {
  readonly checker: string;
  readonly ms: number;
  /** One sentence with names and numbers. */
  readonly text: string;
}

/** Judges a whole run. Knows nothing of the system but what its users are promised. */
export type Checker = (history: History, scenario: Scenario) => readonly Violation[];
