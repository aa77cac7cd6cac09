/** What a number of seeds came to. */
import { SOMETIMES } from '../../test/sim/sometimes.ts';
import type { Done } from './worker.ts';

/** Simulated cluster-hours for each hour of CPU, at 3 nodes. */
export const SPEED_BAR = 500;

export interface Failure {
  readonly seed: number;
  readonly checker: string;
  readonly ms: number;
  readonly text: string;
}

/** All numbers of a run that goes on later, too; plain data. */
export interface Tally {
  seeds: number;
  simulatedMs: number;
  cpuMs: number;
  readonly sometimes: Record<string, number>;
  readonly failures: Failure[];
}

/** Failures that are kept; more say no more. */
const FAILURES = 1_000;

export function newTally(): Tally {
  return { seeds: 0, simulatedMs: 0, cpuMs: 0, sometimes: {}, failures: [] };
}

export function addTo(tally: Tally, done: Done): void {
  tally.seeds += 1;
  tally.simulatedMs += done.simulatedMs;
  tally.cpuMs += done.cpuMs;
  for (const [point, times] of Object.entries(done.sometimes))
    tally.sometimes[point] = (tally.sometimes[point] ?? 0) + times;
  for (const violation of done.violations)
    if (tally.failures.length < FAILURES) tally.failures.push({ seed: done.seed, ...violation });
}

/** Simulated hours for each hour of CPU. */
export function speedOf({ simulatedMs, cpuMs }: Tally): number {
  return cpuMs === 0 ? 0 : simulatedMs / cpuMs;
}

/** Points that no seed reached, and points that no list has. */
export function pointsOf({ sometimes }: Tally): { readonly never: string[]; readonly unlisted: string[] } {
  return {
    never: SOMETIMES.filter((point) => !(point in sometimes)),
    unlisted: Object.keys(sometimes).filter((point) => !SOMETIMES.includes(point)),
  };
}

/** Of a violation, for people: with all that it takes to see it again. */
export function lineOf({ seed, checker, ms, text }: Failure, commit: string): string {
  return `seed ${seed}, ${checker}: at ${(ms / 1_000).toFixed(3)} s ${text} (commit ${commit})`;
}

export function summaryOf(tally: Tally): string[] {
  const { never, unlisted } = pointsOf(tally);
  const hours = (ms: number): string => (ms / 3_600_000).toFixed(2);
  const failed = new Set(tally.failures.map(({ seed }) => seed)).size;
  return [
    `${tally.seeds} seeds, ${failed} failed; ${hours(tally.simulatedMs)} simulated hours in ${hours(tally.cpuMs)} hours of CPU`,
    `"sometimes" points never reached: ${never.length === 0 ? 'none' : never.join('; ')}`,
    ...(unlisted.length === 0
      ? []
      : [`points to be listed in test/sim/sometimes.ts: ${unlisted.join('; ')}`]),
  ];
}
