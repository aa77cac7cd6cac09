/**
 * A longer run of the trials with bad relays: `node scripts/fuzz-tunnel.ts --seeds N --first S --trial tunnel|session`;
 * both kinds by default. Prints the seed of a failure, so that it can be run again. Exit code 1 on failure, 2 on a bad
 * argument.
 */
import assert from 'node:assert';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/errors.ts';
import { hostileTrial } from '../test/support/hostile-trial.ts';
import { sessionTrial } from '../test/support/session-trial.ts';

const USAGE =
  'usage: node scripts/fuzz-tunnel.ts [--seeds N] [--first S] [--trial tunnel|session]   (whole numbers, both at least 1)';
const REPORT_EACH = 1_000;
/** With as many trials each outcome has come: else they say little. */
const ENOUGH = 200;

interface Settings {
  readonly seeds: number;
  readonly first: number;
  readonly kinds: readonly Kind[];
}

interface Kind {
  readonly name: string;
  readonly run: (seed: number) => Promise<{ readonly outcome: string }>;
  readonly outcomes: Map<string, number>;
}

const counts = (...names: string[]): Map<string, number> => new Map(names.map((name) => [name, 0]));
const KINDS: readonly Kind[] = [
  { name: 'tunnel', run: hostileTrial, outcomes: counts('whole', 'error', 'none') },
  { name: 'session', run: sessionTrial, outcomes: counts('whole', 'error') },
];

let current = { trial: '', seed: 0 };

async function main(): Promise<number> {
  const settings = read();
  if (!settings) {
    console.error(USAGE);
    return 2;
  }
  const { seeds, first, kinds } = settings;
  for (let count = 1; count <= seeds; count += 1) {
    for (const kind of kinds) await runOne(kind, first + count - 1);
    if (count === ENOUGH) for (const kind of kinds) checkOutcomes(kind);
    if (count % REPORT_EACH === 0)
      console.log(`fuzz-tunnel: ${count} seeds: ${kinds.map(textOf).join('; ')}`);
  }
  console.log(`fuzz-tunnel: ${seeds} seeds passed, from ${first}: ${kinds.map(textOf).join('; ')}`);
  return 0;
}

async function runOne({ name, run, outcomes }: Kind, seed: number): Promise<void> {
  current = { trial: name, seed };
  const { outcome } = await run(seed);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function checkOutcomes({ name, outcomes }: Kind): void {
  for (const [outcome, count] of outcomes)
    assert(count > 0, `no ${name} of ${ENOUGH} came out as '${outcome}'`);
}

function textOf({ name, outcomes }: Kind): string {
  return `${name} ${[...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`;
}

function read(): Settings | undefined {
  try {
    const { values } = parseArgs({
      options: { seeds: { type: 'string' }, first: { type: 'string' }, trial: { type: 'string' } },
    });
    const seeds = Number(values.seeds ?? 10_000);
    const first = Number(values.first ?? 1);
    const kinds = KINDS.filter(({ name }) => values.trial === undefined || name === values.trial);
    const isGood = [seeds, first].every((each) => Number.isSafeInteger(each) && each > 0) && kinds.length > 0;
    return isGood ? { seeds, first, kinds } : undefined;
  } catch {
    return undefined;
  }
}

/** Also for what is thrown where no trial could catch it. */
function fail(error: unknown): never {
  const { trial, seed } = current;
  console.error(error);
  console.error(`fuzz-tunnel: run again with --trial ${trial} --first ${seed} --seeds 1`);
  console.error(`fuzz-tunnel: seed ${seed}, ${trial}: ${messageOf(error).replace(/\s+/g, ' ')}`);
  process.exit(1);
}

process.on('uncaughtException', fail);
process.exitCode = await main().catch(fail);
