/** Tunnels and sessions through bad relays. More seeds: `npm run fuzz:tunnel`; what they find: docs/testing.md. */
import { describe, expect, it } from 'vitest';
import { FRAME_DEEDS } from '../../support/frame-relay.ts';
import { DEEDS } from '../../support/hostile-relay.ts';
import { hostileTrial } from '../../support/hostile-trial.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { sessionTrial } from '../../support/session-trial.ts';

checkLeaks();

const SEEDS = 500;

interface Trial {
  readonly outcome: string;
  readonly deeds: readonly string[];
}

/** How often each outcome came, and every deed that was done. */
async function trials(trial: (seed: number) => Promise<Trial>): Promise<[number[], Set<string>]> {
  const outcomes = new Map<string, number>();
  const deeds = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const result = await trial(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
    outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
    for (const deed of result.deeds) deeds.add(deed);
  }
  return [[...outcomes.values()], deeds];
}

describe(`through bad relays, seeds 1 to ${SEEDS}`, () => {
  // Each outcome is common, and every deed is done: else the trials would say little.
  it('a tunnel gives right bytes or an error, never wrong bytes nor an early end', {
    timeout: 90_000,
  }, async () => {
    const [outcomes, deeds] = await trials(hostileTrial);
    expect(outcomes).toHaveLength(3);
    expect(Math.min(...outcomes)).toBeGreaterThan(SEEDS / 25);
    expect([...deeds].sort()).toEqual([...DEEDS].sort());
  });

  it('a session gives all bytes where no relay lies, and lets nobody in', { timeout: 90_000 }, async () => {
    const [outcomes, deeds] = await trials(sessionTrial);
    expect(outcomes).toHaveLength(2);
    expect(Math.min(...outcomes)).toBeGreaterThan(SEEDS / 10);
    expect([...deeds].sort()).toEqual([...FRAME_DEEDS].sort());
  });
});
