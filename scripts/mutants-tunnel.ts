/**
 * Shows that the trials with hostile relays find faults: plants one after the other in the tunnel, and prints which seed
 * found it. Exit code 1 when one survives.
 *
 *   npm run mutants:tunnel -- [--seeds N] [--only TEXT] [--json FILE]
 *
 * --seeds: trials for each, 500 by default, as many as `npm test` runs. --only: mutants whose name holds the text.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type MutantResult, runMutants } from './mutants/runner.ts';
import { TUNNEL_MUTANTS } from './mutants/tunnel.ts';

const TIMEOUT_MS = 180_000;
const SEEN = /seed (\d+), (\w+): (.*)/;

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
const mutants = TUNNEL_MUTANTS.filter(({ name }) => name.includes(options.only));
if (mutants.length === 0) {
  console.error(`--only ${options.only}: no mutant has that in its name`);
  process.exit(2);
}

function row({ name, file, finding, ms }: MutantResult): string {
  const [, seed = '', trial = '', seen = finding ?? 'SURVIVED'] = finding?.match(SEEN) ?? [];
  return `| ${[name, file.replace('src/tunnel/', ''), seed, trial, ms, seen].join(' | ')} |`;
}

console.log('| mutant | file | seed | trial | ms | what was seen |\n|---|---|---|---|---|---|');
const results = await runMutants({
  mutants,
  copied: ['src', 'test/support', 'scripts', 'package.json'],
  command: [process.execPath, 'scripts/fuzz-tunnel.ts', '--seeds', options.seeds],
  timeoutMs: TIMEOUT_MS,
  onResult: (result) => console.log(row(result)),
});
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
const survivors = results.filter(({ finding }) => finding === undefined);
console.log(`\n${results.length - survivors.length} of ${results.length} mutants found`);
process.exitCode = survivors.length === 0 ? 0 : 1;
