/** Which faults are planted, and which tests are to find them. */
import { BROKER_MUTANTS } from './broker.ts';
import type { Mutant } from './runner.ts';
import { TUNNEL_MUTANTS } from './tunnel.ts';

export interface Suite {
  readonly name: string;
  readonly mutants: readonly Mutant[];
  /** Beside src, from the top of the project. */
  readonly copied: readonly string[];
  readonly command: readonly [string, ...string[]];
  /** What was seen, in groups of what the command printed: the place (a seed, a test) and the rest. */
  readonly seen: RegExp;
}

const VITEST = 'node_modules/vitest/vitest.mjs';

export const SUITES: readonly Suite[] = [
  {
    name: 'tunnel',
    mutants: TUNNEL_MUTANTS,
    copied: ['scripts/fuzz-tunnel.ts', 'test/support'],
    // As many trials as `npm test` runs. A fault that makes it eat memory is to be found soon.
    command: [process.execPath, '--max-old-space-size=512', 'scripts/fuzz-tunnel.ts', '--seeds', '500'],
    seen: /(seed \d+, \w+): (.*)/,
  },
  {
    name: 'broker',
    mutants: BROKER_MUTANTS,
    copied: ['vitest.config.ts', 'tsconfig.json', 'test/support', 'test/unit/broker'],
    command: [process.execPath, VITEST, 'run', '--bail', '1', 'test/unit/broker/tunnels.test.ts'],
    seen: /FAIL.* > (.*)\n\w*Error.*?: (.*)/,
  },
];
