/**
 * A longer run of the trials with hostile relays: `node scripts/fuzz-tunnel.ts --seeds N --first S`.
 * Prints the seed of a failure, so that it can be run again. Exit code 1 on failure, 2 on a bad argument.
 */
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/errors.ts';
import { hostileTrial } from '../test/support/hostile-trial.ts';
import { sessionTrial } from '../test/support/session-trial.ts';

const USAGE = 'usage: node scripts/fuzz-tunnel.ts [--seeds N] [--first S]   (whole numbers, both at least 1)';
const REPORT_EACH = 1_000;
/** With as many trials each outcome has come: else they say little. */
const ENOUGH = 200;

const outcomes = { tunnel: { whole: 0, error: 0, none: 0 }, session: { whole: 0, error: 0 } };
let current = { trial: 'tunnel', seed: 0 };

async function main(): Promise<number> {
  const settings = read();
  if (!settings) {
    console.error(USAGE);
    return 2;
  }
  const { seeds, first } = settings;
  for (let count = 1; count <= seeds; count += 1) {
    const seed = first + count - 1;
    current = { trial: 'tunnel', seed };
    outcomes.tunnel[(await hostileTrial(seed)).outcome] += 1;
    current = { trial: 'session', seed };
    outcomes.session[(await sessionTrial(seed)).outcome] += 1;
    if (count % REPORT_EACH === 0) console.log(`fuzz-tunnel: ${count} seeds: ${text()}`);
    const missing = count === ENOUGH && missed();
    if (missing) throw new Error(`in ${ENOUGH} trials none came out as ${missing}`);
  }
  console.log(`fuzz-tunnel: ${seeds} seeds passed, from ${first}: ${text()}`);
  return 0;
}

function text(): string {
  const { tunnel, session } = outcomes;
  return (
    `${tunnel.whole} tunnels whole, ${tunnel.error} errors, ${tunnel.none} without a tunnel; ` +
    `${session.whole} sessions whole, ${session.error} given up as they should`
  );
}

function missed(): string | undefined {
  for (const [trial, counts] of Object.entries(outcomes))
    for (const [outcome, count] of Object.entries(counts)) if (count === 0) return `${trial} ${outcome}`;
  return undefined;
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

/** Also for what is thrown where no trial could catch it. */
function fail(error: unknown): never {
  const { trial, seed } = current;
  console.error(error);
  console.error(`fuzz-tunnel: run again with --first ${seed} --seeds 1`);
  console.error(`fuzz-tunnel: seed ${seed}, ${trial}: ${messageOf(error).replace(/\s+/g, ' ')}`);
  process.exit(1);
}

process.on('uncaughtException', fail);
process.exitCode = await main().catch(fail);
