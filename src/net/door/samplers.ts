/** What the machine says of this process: descriptors, event loop, memory. The edge of headroom.ts and load.ts. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Descriptors } from './headroom.ts';
import type { LoadSample } from './load.ts';

/** Milliseconds between two samples of the event loop; Node counts them into the delay. */
const RESOLUTION_MS = 10;
const NANOSECONDS = 1e6;

/** The limit as it is now: Node raises the soft one to the hard one when it starts. */
export function systemDescriptors(): Descriptors {
  return { limit: descriptorLimit(), count: countDescriptors };
}

export interface LoadSampler {
  /** Since the call before, or the start. */
  sample(): LoadSample;
  /** Nothing may be sampled after it. Idempotent. */
  stop(): void;
}

/** Begins to watch the event loop; the caller stops it. */
export function systemLoad(): LoadSampler {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  return {
    sample() {
      // None at all: as the loop was never free to take one, the caller is late by itself and says so the next time.
      const delayP99Ms =
        delays.count === 0 ? 0 : Math.max(0, delays.percentile(99) / NANOSECONDS - RESOLUTION_MS);
      delays.reset();
      return { delayP99Ms, memoryPart: memoryPart() };
    },
    stop: () => void delays.disable(),
  };
}

/** Bytes that this process may use: the container's limit where there is one, else what the machine has. */
export function memoryLimit(): number {
  // Of cgroups v1 and v2; 0, or more than any machine has, where there is none.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** The heap has a limit of its own, past which V8 ends the process. */
function memoryPart(): number {
  const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
  return Math.max(process.memoryUsage.rss() / memoryLimit(), used / most);
}

function descriptorLimit(): number | undefined {
  const line = tryRead(() => readFileSync('/proc/self/limits', 'utf8'))?.match(/^Max open files +(\S+)/m);
  const soft = line ? line[1] : reportedLimit();
  const limit = Number(soft);
  return Number.isSafeInteger(limit) && limit > 0 ? limit : undefined;
}

/** Where there is no /proc; takes some milliseconds. */
function reportedLimit(): number | string | undefined {
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | string } };
  };
  return report.userLimits?.open_files?.soft;
}

function countDescriptors(): number | undefined {
  // Linux 6.2 and newer give their number as the directory's size; others give 0.
  const size = tryRead(() => statSync('/proc/self/fd').size);
  return size || tryRead(() => readdirSync('/proc/self/fd').length);
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
