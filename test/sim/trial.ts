/** One seed: its scenario is run and judged. */
import { createHash } from 'node:crypto';
import type { Violation } from '../scenario/checker.ts';
import { type ScenarioOptions, scenarioOf } from '../scenario/generate.ts';
import { judge } from '../scenario/judge.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { CLIENTS } from './clients.ts';
import { runScenario, traceOf as textOf } from './run.ts';

export interface Trial {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** Times that each rare branch was reached, by its name. */
  readonly sometimes: Readonly<Record<string, number>>;
  readonly simulatedMs: number;
  /** Of the trace, in hex: two runs of one seed have the same. */
  readonly hash: string;
}

export async function trialOf(seed: number, options: ScenarioOptions = {}): Promise<Trial> {
  const scenario = scenarioOf(seed, options);
  const run = await runScenario(scenario, CLIENTS);
  const { history, sometimes } = run;
  return {
    seed,
    violations: judge(history, scenario),
    sometimes: Object.fromEntries(sometimes),
    simulatedMs: scenario.untilMs,
    hash: createHash('sha256').update(textOf(run)).digest('hex'),
  };
}

/** All that happens in a scenario, one line of JSON for each event. */
export async function traceOf(scenario: Scenario): Promise<string> {
  return textOf(await runScenario(scenario, CLIENTS));
}
