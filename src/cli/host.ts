/** What the command line needs of the process, as an argument, so that tests can stand in for it. */
import { hostname } from 'node:os';
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
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

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
    onStop(stop) {
      for (const signal of STOP_SIGNALS) process.on(signal, stop);
      return () => {
        for (const signal of STOP_SIGNALS) process.off(signal, stop);
      };
    },
  };
}
