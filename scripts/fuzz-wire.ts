/**
 * A longer run of the wire fuzz test: `node scripts/fuzz-wire.ts --cases N --seed S`.
 * Prints its seed first, so that a failure can be run again. Exit code 1 on failure, 2 on a bad argument.
 */
import { parseArgs } from 'node:util';
import { integerBelow, systemRandom } from '../src/base/random.ts';
import { fuzzWire } from '../test/support/codec-checks.ts';
import { FORWARD_DIRECTIONS } from '../test/support/forward-frames.ts';
import { BEACON_DIRECTIONS } from '../test/support/frames.ts';

const USAGE = 'usage: node scripts/fuzz-wire.ts [--cases N] [--seed S]   (whole numbers, N at least 1)';
const DIRECTIONS = [...BEACON_DIRECTIONS, ...FORWARD_DIRECTIONS];

function main(): number {
  const settings = read();
  if (!settings) {
    console.error(USAGE);
    return 2;
  }
  const { cases, seed } = settings;
  console.log(`fuzz-wire: seed ${seed}, ${cases} cases`);
  try {
    console.log(`fuzz-wire: ${fuzzWire(seed, cases, DIRECTIONS)} cases passed`);
    return 0;
  } catch (error) {
    console.error(error);
    console.error(`fuzz-wire: failed; run again with --seed ${seed} --cases ${cases}`);
    return 1;
  }
}

function read(): { cases: number; seed: number } | undefined {
  try {
    const { values } = parseArgs({ options: { cases: { type: 'string' }, seed: { type: 'string' } } });
    const cases = Number(values.cases ?? 1_000_000);
    const seed = Number(values.seed ?? integerBelow(systemRandom, 2 ** 31));
    return Number.isSafeInteger(cases) && cases > 0 && Number.isInteger(seed) ? { cases, seed } : undefined;
  } catch {
    return undefined;
  }
}

process.exitCode = main();
