import { expect, it, onTestFinished } from 'vitest';
import { Metrics } from '../../../src/admin/metrics.ts';
import { addProcessMetrics } from '../../../src/admin/process-metrics.ts';
import { LOOP_DELAY_PERIOD_MS } from '../../../src/base/limits.ts';
import { VERSION } from '../../../src/base/version.ts';
import { parseExposition } from '../../support/exposition.ts';
import { settled } from '../../support/leaks.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { sumOf } from '../../support/metrics.ts';

function setUp() {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const stopper = addProcessMetrics(metrics, 'bridge', clock);
  onTestFinished(() => stopper.stop());
  return { clock, read: async () => parseExposition(await metrics.text()) };
}

it('says which process this is, and what it takes', async () => {
  const { read } = setUp();
  const all = await read();
  expect(sumOf(all, 'beacon_build_info', { daemon: 'bridge', version: VERSION })).toBe(1);
  expect(sumOf(all, 'beacon_process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(sumOf(all, 'beacon_process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  const heap = sumOf(all, 'beacon_process_heap_bytes');
  expect(heap).toBeGreaterThan(1_000_000);
  expect(heap).toBeLessThan(sumOf(all, 'beacon_process_resident_memory_bytes'));
  expect(sumOf(all, 'beacon_process_open_fds')).toBeGreaterThan(3);
  expect(sumOf(all, 'beacon_process_max_fds')).toBeGreaterThan(sumOf(all, 'beacon_process_open_fds'));
});

it('counts timers as long as they run, by type', async () => {
  const { read } = setUp();
  const timers = async () => sumOf(await read(), 'beacon_process_active_resources', { type: 'Timeout' });
  const before = await timers();
  const made = [1, 2, 3].map(() => setTimeout(() => {}, 60_000));
  expect(await timers()).toBe(before + 3);
  for (const timer of made) clearTimeout(timer);
  expect(await timers()).toBe(before);
});

it('tells a stall of the event loop, for a period and no longer', async () => {
  const { clock, read } = setUp();
  const worst = async () => sumOf(await read(), 'beacon_event_loop_delay_seconds', { quantile: '1' });
  // Not before the loop has been sampled once.
  while ((await worst()) < 0.2) {
    const until = performance.now() + 300;
    while (performance.now() < until);
    await settled(() => false, 10);
  }
  clock.advance(LOOP_DELAY_PERIOD_MS);
  expect(await worst()).toBeGreaterThan(0.2);
  clock.advance(LOOP_DELAY_PERIOD_MS);
  expect(await worst()).toBeLessThan(0.2);
});
