/** Every relay alone, then every ordered pair of those that work. */
import { DOCTOR_PAIRS_AT_ONCE } from '../base/limits.ts';
import { diagnose } from './diagnosis.ts';
import { runTrial, type TrialOptions, type TrialWays } from './trial.ts';
import type { Examination, Skipped, Trial } from './types.ts';
import type { Way } from './ways.ts';

export interface ExaminationOptions extends Omit<TrialOptions, 'parkOnly'> {
  /** At least one. */
  readonly ways: readonly Way[];
  /** Whether the CA of the ends is one that was given, which relays may list. */
  readonly isListed: boolean;
  /** Every relay is to refuse the ends, as its allow list does not have their CA. Pairs are not tried then. */
  readonly expectRefused: boolean;
  /** Told before the pairs are tried, which can take longer. */
  readonly onAlone: (trials: readonly Trial[]) => void;
}

/** Never rejects for what a relay does. */
export async function examine(options: ExaminationOptions): Promise<Examination> {
  const { ways, expectRefused, isListed, onAlone } = options;
  const run = (pair: TrialWays): Promise<Trial> => runTrial(pair, { ...options, parkOnly: expectRefused });
  const alone = await inParallel(
    ways.map((way) => ({ broker: way, bridge: way })),
    run,
  );
  onAlone(alone);
  const works = (way: Way): boolean => alone[ways.indexOf(way)]?.parkedAt !== undefined;
  const pairs = expectRefused
    ? []
    : await inParallel(pairsOf(ways), async (pair): Promise<Trial | Skipped> => {
        const because = [pair.broker, pair.bridge].find((way) => !works(way));
        if (!because) return run(pair);
        return { broker: pair.broker.name, bridge: pair.bridge.name, because: because.name };
      });
  return { alone, pairs, findings: diagnose({ alone, pairs, expectRefused, isListed }) };
}

/** Each with the next one first, then with the one after that: what runs at once is spread over all of them. */
function pairsOf(ways: readonly Way[]): readonly TrialWays[] {
  const pairs: TrialWays[] = [];
  for (let distance = 1; distance < ways.length; distance += 1) {
    for (const [at, broker] of ways.entries()) {
      const bridge = ways[(at + distance) % ways.length];
      if (bridge) pairs.push({ broker, bridge });
    }
  }
  return pairs;
}

async function inParallel<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = [...items.entries()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await run(next[1]);
  };
  await Promise.all(Array.from({ length: DOCTOR_PAIRS_AT_ONCE }, work));
  return results;
}
