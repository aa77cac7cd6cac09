/** Whole tunnels through relays that flip, drop, repeat, hold and swap. More seeds: `npm run fuzz:tunnel`. */
import { describe, expect, it } from 'vitest';
import { hostileTrial } from '../../support/hostile-trial.ts';
import { checkLeaks } from '../../support/leaks.ts';

checkLeaks();

const SEEDS = 500;

describe(`a tunnel through hostile relays, seeds 1 to ${SEEDS}`, () => {
  it('gives right bytes or an error, never wrong bytes nor an early end', { timeout: 90_000 }, async () => {
    const outcomes = { none: 0, whole: 0, error: 0 };
    const deeds = new Set<string>();
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const result = await hostileTrial(seed).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      outcomes[result.outcome] += 1;
      for (const deed of result.deeds) deeds.add(deed);
    }
    // Each of the three is common, and every deed is done: else the trials would say little.
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(SEEDS / 25);
    expect(deeds.size).toBe(9);
  });
});
