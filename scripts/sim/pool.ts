/** Seeds over processes: each takes the next one when it is done with the last. */
import { type ChildProcess, fork } from 'node:child_process';
import { systemClock } from '../../src/base/clock.ts';
import type { ScenarioOptions } from '../../test/scenario/generate.ts';
import type { Done, Order } from './worker.ts';

export interface PoolOptions {
  readonly jobs: number;
  readonly seeds: Iterable<number>;
  readonly options: ScenarioOptions;
  /** A seed that takes longer has found a hang. */
  readonly seedTimeoutMs: number;
  /** Called with each result as it comes; false: begin no more. */
  readonly onDone: (done: Done) => boolean;
}

/** Memory of a worker: a fault that lets a queue grow is to be found soon. */
const HEAP_MB = 768;

/** Resolves when all seeds are done, or what is under way when `onDone` has said that it is enough. */
export async function runPool(options: PoolOptions): Promise<void> {
  const seeds = options.seeds[Symbol.iterator]();
  const workers = Array.from({ length: options.jobs }, () => runWorker(options, seeds));
  await Promise.all(workers);
}

async function runWorker(options: PoolOptions, seeds: Iterator<number>): Promise<void> {
  let child: ChildProcess | undefined;
  try {
    for (let next = seeds.next(); next.done !== true; next = seeds.next()) {
      child ??= start();
      const done = await ask(child, { seed: next.value, options: options.options }, options.seedTimeoutMs);
      if (done.simulatedMs === 0) child = stop(child);
      if (!options.onDone(done)) seeds.return?.();
    }
  } finally {
    stop(child);
  }
}

function start(): ChildProcess {
  return fork(new URL('./worker.ts', import.meta.url), { execArgv: [`--max-old-space-size=${HEAP_MB}`] });
}

function stop(child: ChildProcess | undefined): undefined {
  child?.kill('SIGKILL');
  return undefined;
}

/** What became of a seed; also where the process died of it, or never came to an end. */
function ask(child: ChildProcess, order: Order, timeoutMs: number): Promise<Done> {
  return new Promise((resolve) => {
    const end = (done: Done): void => {
      timer.cancel();
      child.removeAllListeners();
      resolve(done);
    };
    const timer = systemClock.after(timeoutMs, () => end(lost(order.seed, `not done after ${timeoutMs} ms`)));
    child.once('message', (done: Done) => end(done));
    child.once('exit', (code, signal) => end(lost(order.seed, `the process ended with ${code ?? signal}`)));
    child.send(order);
  });
}

function lost(seed: number, text: string): Done {
  const violations = [{ checker: 'process', ms: 0, text }];
  return { seed, violations, sometimes: {}, simulatedMs: 0, hash: '', cpuMs: 0 };
}
