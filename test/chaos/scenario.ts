/** The scenario of a chaos run: one of test/scenario, with the faults that real processes can have. */
import { FAULT_KINDS, type FaultKind } from '../scenario/faults.ts';
import { scenarioOf } from '../scenario/generate.ts';
import type { Scenario } from '../scenario/scenario.ts';

/** Clocks jump in the simulator: containers have the clock of the machine. TCP itself undoes what is doubled or out of order. */
const NOT_HERE: readonly FaultKind[] = ['clockJump', 'duplicate', 'reorder'];
export const CHAOS_KINDS = FAULT_KINDS.filter((kind) => !NOT_HERE.includes(kind)) as [
  FaultKind,
  ...FaultKind[],
];

export function chaosScenario(seed: number, runMs: number): Scenario {
  return scenarioOf(seed, { runMs, kinds: CHAOS_KINDS });
}
