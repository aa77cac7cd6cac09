import { closeSync, openSync, readdirSync } from 'node:fs';
import { devNull, totalmem } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { memoryLimit, systemDescriptors, systemLoad } from '../../../../src/net/door/samplers.ts';
import { checkLeaks } from '../../../support/leaks.ts';

checkLeaks();

describe('descriptors', () => {
  it('are counted as they are', () => {
    const before = systemDescriptors().count() ?? Number.NaN;
    const more = Array.from({ length: 50 }, () => openSync(devNull, 'r'));
    try {
      // Other work of this process may open and close a few at the same time.
      expect((systemDescriptors().count() ?? Number.NaN) - before).toBeGreaterThan(40);
      expect(Math.abs((systemDescriptors().count() ?? 0) - readdirSync('/proc/self/fd').length)).toBeLessThan(
        10,
      );
    } finally {
      for (const descriptor of more) closeSync(descriptor);
    }
  });

  it('have the limit of the process', () => {
    const report = process.report.getReport() as { userLimits: { open_files: { soft: number | string } } };
    const { soft } = report.userLimits.open_files;
    expect(systemDescriptors().limit).toBe(typeof soft === 'number' ? soft : undefined);
  });
});

describe('load', () => {
  it('is on time while nothing is done, and late while the loop is held', async () => {
    const load = systemLoad();
    try {
      await pause(60);
      load.sample();
      // A busy machine delays an idle process too: hold the loop for longer than that is likely to take.
      const until = performance.now() + 400;
      await pause(15);
      while (performance.now() < until);
      await pause(30);
      const held = load.sample();
      expect(held.delayP99Ms).toBeGreaterThan(200);
      expect(held.delayP99Ms).toBeLessThan(20_000);
    } finally {
      load.stop();
    }
  });

  it('is of the time since the look before', async () => {
    const load = systemLoad();
    try {
      const until = performance.now() + 300;
      await pause(15);
      while (performance.now() < until);
      await pause(30);
      const held = load.sample().delayP99Ms;
      await expect
        .poll(
          async () => {
            await pause(50);
            return load.sample().delayP99Ms;
          },
          { timeout: 5_000, interval: 1 },
        )
        .toBeLessThan(held / 2);
    } finally {
      load.stop();
    }
  });

  it('knows what part of the memory is in use', () => {
    const load = systemLoad();
    const { memoryPart } = load.sample();
    load.stop();
    expect(memoryPart).toBeGreaterThan(0);
    expect(memoryPart).toBeLessThan(1);
    expect(memoryLimit()).toBeGreaterThan(process.memoryUsage.rss());
    expect(memoryLimit()).toBeLessThanOrEqual(totalmem());
  });
});
