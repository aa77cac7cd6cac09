/**
 * A longer run of the trials with hostile relays: `node scripts/fuzz-tunnel.ts --seeds N --first S`.
 * Prints the seed of a failure, so that it can be run again. Exit code 1 on failure, 2 on a bad argument.
 */
import { parseArgs } from 'node:util';
import { hostileTrial } from '../test/support/hostile-trial.ts';

const USAGE = 'usage: node scripts/fuzz-tunnel.ts [--seeds N] [--first S]   (whole numbers, both at least 1)';
const REPORT_EACH = 1_000;

async function main(): Promise<number> {
  const settings = read();
  if (!settings) {
    console.error(USAGE);
    return 2;
  }
  const { seeds, first } = settings;
  const outcomes = { none: 0, whole: 0, error: 0 };
  const text = (): string =>
    `${outcomes.whole} whole, ${outcomes.error} errors, ${outcomes.none} without a tunnel`;
  for (let count = 1; count <= seeds; count += 1) {
    const seed = first + count - 1;
    try {
      outcomes[(await hostileTrial(seed)).outcome] += 1;
    } catch (error) {
      console.error(error);
      console.error(`fuzz-tunnel: failed; run again with --first ${seed} --seeds 1`);
      return 1;
    }
    if (count % REPORT_EACH === 0) console.log(`fuzz-tunnel: ${count} trials: ${text()}`);
  }
  console.log(`fuzz-tunnel: ${seeds} trials passed, from seed ${first}: ${text()}`);
  return 0;
}

function read(): { seeds: number; first: number } | undefined {
  try {
    const { values } = parseArgs({ options: { seeds: { type: 'string' }, first: { type: 'string' } } });
    const seeds = Number(values.seeds ?? 10_000);
    const first = Number(values.first ?? 1);
    return [seeds, first].every((each) => Number.isSafeInteger(each) && each > 0)
      ? { seeds, first }
      : undefined;
  } catch {
    return undefined;
  }
}

process.exitCode = await main();
