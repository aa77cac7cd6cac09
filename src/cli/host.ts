/** What the command line needs of the process, as an argument, so that tests can stand in for it. */
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { monotonicUs } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import { NOTIFY_TIMEOUT_MS } from '../base/limits.ts';
import { createLog, type Log, type LogOptions } from '../base/log.ts';
import type { Environment } from '../config/resolve.ts';
import type { Machine } from '../config/settings.ts';

export interface Host {
  readonly env: Environment;
  readonly machine: Machine;
  /** Columns of the screen that help is written for, or undefined where it is no screen. */
  readonly columns: number | undefined;
  readonly colors: boolean;
  out(text: string): void;
  error(text: string): void;
  /** The log of the process; warnings of Node go there from now on. */
  createLog(options: LogOptions): Log;
  /** Calls `stop` at every request to end (SIGTERM, SIGINT) until the returned function is called. */
  onStop(stop: () => void): () => void;
  /** Calls `reload` at every request to read the files again (SIGHUP) until the returned function is called. */
  onReload(reload: () => void): () => void;
  readonly pid: number;
  /** Microseconds of the clock that systemd calls monotonic. */
  monotonicUs(): bigint;
  /** Runs a program, silent, for NOTIFY_TIMEOUT_MS at the most. Of {@link env} it gets PATH and NOTIFY_SOCKET: the rest may hold
   *  secrets. Rejects with `closed` where that fails. */
  run(program: string, args: readonly string[]): Promise<void>;
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const RELOAD_SIGNAL = 'SIGHUP';

/** The host that is this process, with `env` as its environment. */
export function processHost(env: Environment): Host {
  return {
    env,
    machine: { hostname: hostname(), stderrIsTty: process.stderr.isTTY === true },
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    colors: process.stdout.isTTY === true && process.stdout.hasColors({ ...env }),
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
    createLog(options) {
      const log = createLog(options);
      // Node's own way to say them is several lines that are no JSON, and past the mask.
      process.removeAllListeners('warning');
      process.on('warning', ({ name, message }) => log.warn(`a warning of Node: ${name}: ${message}`));
      return log;
    },
    onReload(reload) {
      process.on(RELOAD_SIGNAL, reload);
      return () => void process.off(RELOAD_SIGNAL, reload);
    },
    pid: process.pid,
    monotonicUs,
    run: (program, args) => runProgram(program, args, env),
    onStop(stop) {
      for (const signal of STOP_SIGNALS) process.on(signal, stop);
      return () => {
        for (const signal of STOP_SIGNALS) process.off(signal, stop);
      };
    },
  };
}

function runProgram(program: string, args: readonly string[], env: Environment): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { PATH, NOTIFY_SOCKET } = env;
  const child = spawn(program, args, {
    env: { PATH, NOTIFY_SOCKET },
    stdio: 'ignore',
    timeout: NOTIFY_TIMEOUT_MS,
  });
  const fail = (why: string, cause?: unknown): void =>
    reject(new BeaconError('closed', `${program} ${why}`, { cause }));
  child.once('error', (error) => fail(`cannot be run: ${error.message}`, error));
  child.once('exit', (code, signal) => (code === 0 ? resolve() : fail(`ended with ${code ?? signal}`)));
  return promise;
}
