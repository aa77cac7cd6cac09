/** One seed: its scenario is run and judged. */
import { createHash } from 'node:crypto';
import type { Violation } from '../scenario/checker.ts';
import { type ScenarioOptions, scenarioOf } from '../scenario/generate.ts';
import { judge } from '../scenario/judge.ts';
import { runScenario } from './run.ts';

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
  const { history, sometimes, trace } = await runScenario(scenario);
  return {
    seed,
    violations: judge(history, scenario),
    sometimes: Object.fromEntries(sometimes),
    simulatedMs: scenario.untilMs,
    hash: createHash('sha256').update(trace).digest('hex'),
  };
}
