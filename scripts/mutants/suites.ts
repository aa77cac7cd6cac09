/** Which faults are planted, and which tests are to find them. */
import { BROKER_MUTANTS } from './broker.ts';
import type { Mutant } from './runner.ts';
import { SIM_MUTANTS } from './sim.ts';
import { TUNNEL_MUTANTS } from './tunnel.ts';

export interface Suite {
  readonly name: string;
  readonly mutants: readonly Mutant[];
  /** Beside src, from the top of the project. */
  readonly copied: readonly string[];
  readonly command: readonly [string, ...string[]];
  /** What was seen, in groups of what the command printed: the place (a seed, a test) and the rest. */
  readonly seen: RegExp;
  /** Default: 3 minutes. */
  readonly timeoutMs?: number;
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
  {
    name: 'sim',
    mutants: SIM_MUTANTS,
    copied: ['scripts', 'test', 'tsconfig.json'],
    // One process, so that the time is that of one CPU: ten minutes are what a fault may take.
    command: [process.execPath, 'scripts/sim.ts', '--seeds', '3000', '--jobs', '1', '--stop', '--any-speed'],
    seen: /(seed \d+, \w+): (.*)/,
    timeoutMs: 600_000,
  },
];
