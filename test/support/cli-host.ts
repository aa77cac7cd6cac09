/** A stand-in for the process that a command runs in: keeps what is printed and lets a test send the signals. */
import type { LogOptions } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Host } from '../../src/cli/host.ts';
import type { Environment } from '../../src/config/resolve.ts';

export interface TestHost extends Host {
  /** What was written to stdout and to stderr so far. */
  printed(): { readonly out: string; readonly error: string };
  /** The options of every log that was made. */
  readonly logs: readonly LogOptions[];
  /** Asks the command to stop, as SIGTERM does. */
  signal(): void;
  /** Asks the command to read its files again, as SIGHUP does. */
  hangUp(): void;
  /** The programs that were run, with their arguments. */
  readonly runs: readonly (readonly string[])[];
  /** How many listeners for signals are left. */
  listeners(): number;
}

export function testHost(env: Environment = {}, columns?: number): TestHost {
  const out: string[] = [];
  const error: string[] = [];
  const logs: LogOptions[] = [];
  const stops = new Set<() => void>();
  const reloads = new Set<() => void>();
  const runs: string[][] = [];
  return {
    env,
    machine: { hostname: 'node-1', stderrIsTty: false },
    columns,
    colors: false,
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    createLog: (options) => {
      logs.push(options);
      return silentLog;
    },
    onStop: (stop) => {
      stops.add(stop);
      return () => void stops.delete(stop);
    },
    onReload: (reload) => {
      reloads.add(reload);
      return () => void reloads.delete(reload);
    },
    pid: 4_711,
    monotonicUs: () => 12_345n,
    run: async (program, args) => void runs.push([program, ...args]),
    hangUp: () => {
      for (const reload of reloads) reload();
    },
    runs,
    printed: () => ({ out: out.join(''), error: error.join('') }),
    logs,
    signal: () => {
      for (const stop of stops) stop();
    },
    listeners: () => stops.size + reloads.size,
  };
}
