/** A process that runs one seed after the other, as its parent (pool.ts) asks. */
import process from 'node:process';
import { messageOf } from '../../src/base/errors.ts';
import type { ScenarioOptions } from '../../test/scenario/generate.ts';
import { type Trial, trialOf } from '../../test/sim/trial.ts';

export interface Order {
  readonly seed: number;
  readonly options: ScenarioOptions;
}

export interface Done extends Trial {
  /** CPU time that the seed took, of all threads of the process. */
  readonly cpuMs: number;
}

process.on('message', (order: Order) => {
  const before = process.cpuUsage();
  const finish = (trial: Trial): void => {
    const { user, system } = process.cpuUsage(before);
    process.send?.({ ...trial, cpuMs: (user + system) / 1_000 } satisfies Done);
  };
  trialOf(order.seed, order.options).then(finish, (error: unknown) => finish(thrown(order.seed, error)));
});

/** What is thrown where nobody waits for it ends the process; the pool sees that. */
function thrown(seed: number, error: unknown): Trial {
  console.error(error);
  const text = messageOf(error).replace(/\s+/g, ' ');
  const violations = [{ checker: 'thrown', ms: 0, text }];
  return { seed, violations, sometimes: {}, simulatedMs: 0, hash: '' };
}
