/**
 * Loaded into a process by `node --import`: measures how long its event loop stands still. At SIGUSR2 it logs what it saw
 * since the last one, as a line like the process's own, and begins anew.
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../../src/base/clock.ts';

/** What the line carries, in milliseconds: the worst of each, which need not be of the same moment. */
export interface LoopDelay {
  /** How late a sample was, without the time for which the kernel let the thread wait for a core. */
  readonly stallMs: number;
  /** How late a sample was, whatever held it up: on a machine with other work, mostly that. */
  readonly lateMs: number;
  /** CPU that the thread spent between two samples. */
  readonly busyMs: number;
}

const SAMPLE_MS = 5;
const NONE: LoopDelay = { stallMs: 0, lateMs: 0, busyMs: 0 };

let worst = NONE;
let last = sample();

const timer = systemClock.every(SAMPLE_MS, () => {
  const now = sample();
  const lateMs = now.at - last.at - SAMPLE_MS;
  worst = {
    stallMs: Math.max(worst.stallMs, lateMs - (now.waitedMs - last.waitedMs)),
    lateMs: Math.max(worst.lateMs, lateMs),
    busyMs: Math.max(worst.busyMs, now.cpuMs - last.cpuMs),
  };
  last = now;
});
process.once('exit', () => timer.cancel());

process.on('SIGUSR2', () => {
  process.stderr.write(`${JSON.stringify({ level: 'info', msg: 'event loop delay', ...worst })}\n`);
  worst = NONE;
  last = sample();
});

function sample(): { readonly at: number; readonly cpuMs: number; readonly waitedMs: number } {
  const { user, system } = process.threadCpuUsage();
  return { at: systemClock.now(), cpuMs: (user + system) / 1_000, waitedMs: waitedMs() };
}

/** How long this thread was ready to run and had no core; 0 where the kernel does not tell. */
function waitedMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
