/** Whole clusters out of seeds: 200 of them and those that failed once pass, and a seed decides all that happens. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { runPool } from '../scripts/sim/pool.ts';
import { addTo, lineOf, newTally, pointsOf } from '../scripts/sim/report.ts';
import { scenarioOf } from './scenario/generate.ts';
import { traceOf, trialOf } from './sim/trial.ts';

const SEEDS = 200;
/** They take a sixth of that; the rest is for a machine that is busy with other things. */
const TIMEOUT_MS = 240_000;
const kept: readonly { readonly seed: number; readonly cause: string }[] = JSON.parse(
  readFileSync('test/sim/seeds.json', 'utf8'),
);

describe('the simulator', () => {
  it(`runs ${SEEDS} seeds, and those that failed once, and no checker has anything against them`, {
    timeout: TIMEOUT_MS,
  }, async () => {
    const seeds = new Set([
      ...kept.map(({ seed }) => seed),
      ...Array.from({ length: SEEDS }, (_, at) => at + 1),
    ]);
    const tally = newTally();
    await runPool({
      jobs: availableParallelism(),
      seeds,
      options: {},
      seedTimeoutMs: TIMEOUT_MS / 4,
      onDone: (done) => {
        addTo(tally, done);
        return true;
      },
    });
    expect(tally.failures.map((failure) => lineOf(failure, 'of this tree')).join('\n')).toBe('');
    expect(tally.seeds).toBe(seeds.size);
    expect(pointsOf(tally).unlisted).toEqual([]);
  });

  it('does the same again, byte for byte, here and in another process', { timeout: TIMEOUT_MS }, async () => {
    const scenario = scenarioOf(3);
    const [one, other] = [await traceOf(scenario), await traceOf(scenario)];
    expect(one.length).toBeGreaterThan(10_000);
    expect(other).toBe(one);
    const [here] = [await trialOf(3)];
    let there = '';
    const onDone = ({ hash }: { readonly hash: string }): boolean => {
      there = hash;
      return true;
    };
    await runPool({ jobs: 1, seeds: [3], options: {}, seedTimeoutMs: TIMEOUT_MS / 4, onDone });
    expect(there).toBe(here.hash);
  });

  it('does something else with another seed', async () => {
    expect((await trialOf(4)).hash).not.toBe((await trialOf(5)).hash);
  });
});
