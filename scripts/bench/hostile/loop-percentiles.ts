/**
 * Loaded into a process by `node --import`: Node's own histogram of how late its event loop is. At SIGUSR2 it logs what
 * it saw since the last one, as a line like the process's own, and begins anew.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What {@link LOOP_PERCENTILES_LINE} carries: milliseconds by which samples were late. */
export interface LoopPercentiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export const LOOP_PERCENTILES_LINE = 'event loop percentiles';

/** Node counts it into the delay. */
const RESOLUTION_MS = 5;
const NANOSECONDS = 1e6;

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

process.on('SIGUSR2', () => {
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS);
  const seen: LoopPercentiles = {
    p50Ms: late(delays.percentile(50)),
    p99Ms: late(delays.percentile(99)),
    maxMs: late(delays.max),
  };
  process.stderr.write(`${JSON.stringify({ level: 'info', msg: LOOP_PERCENTILES_LINE, ...seen })}\n`);
  delays.reset();
});
