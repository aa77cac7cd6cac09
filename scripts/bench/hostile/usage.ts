/** What a process costs the machine, as Linux counts it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Milliseconds of a tick in /proc/PID/stat; 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;
/** utime and stime in /proc/PID/stat, counted behind the name, which may hold blanks (proc(5)). */
const UTIME = 11;
const STIME = 12;

/** Milliseconds of CPU time since its start, of all its threads, in the kernel too. */
export function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[STIME])) * TICK_MS;
}

/** Bytes of memory in RAM. */
export function rssOf(pid: number): number {
  const kib = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)?.[1];
  assert(kib !== undefined, 'the process has ended');
  return Number(kib) * 1_024;
}
