/** What every daemon says of itself as a process: version, event loop, CPU time, memory, descriptors. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from '../base/clock.ts';
import { LOOP_DELAY_PERIOD_MS } from '../base/limits.ts';
import { VERSION } from '../base/version.ts';
import { systemDescriptors } from '../net/door/samplers.ts';
import { each, type Metrics, one } from './metrics.ts';

/** Milliseconds between two samples of the event loop; Node counts them into the delay. */
const RESOLUTION_MS = 20;
const NANOSECONDS = 1e9;

/** Adds them to `metrics`. Stop what it returns. */
export function addProcessMetrics(metrics: Metrics, daemon: string, clock: Clock): { stop(): void } {
  const startedS = clock.wall() / 1_000;
  const delay = new LoopDelay(clock);
  const descriptors = systemDescriptors();
  metrics.gauge(
    {
      name: 'beacon_build_info',
      help: 'Always 1; the version of this process, of Node, and which daemon it is.',
      labels: ['daemon', 'version', 'node_version'],
    },
    () => [[1, { daemon, version: VERSION, node_version: process.version }]],
  );
  metrics.gauge(
    {
      name: 'beacon_event_loop_delay_seconds',
      help: 'How late the event loop was in the last 10 s: median, 99th percentile, and at the most.',
      labels: ['quantile'],
    },
    () => delay.read(),
  );
  metrics.value('beacon_process_start_time_seconds', 'When the process started, since 1970.', () => startedS);
  metrics.total({ name: 'beacon_process_cpu_seconds_total', help: 'CPU time, user and system.' }, () => {
    const { user, system } = process.cpuUsage();
    return one((user + system) / 1e6);
  });
  metrics.value('beacon_process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  metrics.value(
    'beacon_process_heap_bytes',
    'Heap of JavaScript in use, garbage included.',
    () => process.memoryUsage().heapUsed,
  );
  metrics.gauge(
    {
      name: 'beacon_process_active_resources',
      help: 'What keeps the process from ending, by type as Node calls it: sockets, timers and the like.',
      labels: ['type'],
    },
    () => each('type', countOf(process.getActiveResourcesInfo())),
  );
  metrics.value(
    'beacon_process_open_fds',
    'Open descriptors; nothing where the system does not count them.',
    () => descriptors.count(),
  );
  metrics.value('beacon_process_max_fds', 'Descriptors that the process may open.', () => descriptors.limit);
  return delay;
}

function countOf(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Of whole periods, so that every scraper sees the same, and none resets what another one wants to see. */
class LoopDelay {
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>;
  readonly #timer: Timer;
  #last: readonly [number, number, number] = [0, 0, 0];

  constructor(clock: Clock) {
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
    this.#timer = clock.every(LOOP_DELAY_PERIOD_MS, () => {
      this.#last = this.#now();
      this.#histogram.reset();
    });
  }

  /** Of the last period, or of the running one where that is worse already. */
  *read(): Iterable<readonly [number, { readonly quantile: string }]> {
    const now = this.#now();
    for (const [at, quantile] of ['0.5', '0.99', '1'].entries())
      yield [Math.max(this.#last[at] ?? 0, now[at] ?? 0), { quantile }];
  }

  stop(): void {
    this.#timer.cancel();
    this.#histogram.disable();
  }

  #now(): readonly [number, number, number] {
    const { count, max } = this.#histogram;
    if (count === 0) return [0, 0, 0];
    const percentile = (which: number): number => seconds(this.#histogram.percentile(which));
    return [percentile(50), percentile(99), seconds(max)];
  }
}

function seconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1_000);
}
