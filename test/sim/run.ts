/** Runs a whole scenario in virtual time. One seed decides all of it: two runs have the same history, byte for byte. */
import type { History } from '../scenario/history.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { SimClientOptions } from './client.ts';

export interface Run {
  readonly history: History;
  /** Times that each rare branch was reached, by its name. */
  readonly sometimes: ReadonlyMap<string, number>;
  /** The history as text, one line of JSON for each event. */
  readonly trace: string;
}

export type RunScenario = (scenario: Scenario) => Promise<Run>;
export type { SimClientOptions };
