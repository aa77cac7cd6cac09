import { describe, expect, it } from 'vitest';
import { type ExaminationOptions, examine } from '../../../src/doctor/examination.ts';
import type { Trial } from '../../../src/doctor/types.ts';
import { trialOptions, wayTo } from '../../support/doctor-scene.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { freePorts } from '../../support/ports.ts';
import { startRelay } from '../../support/relay.ts';

checkLeaks();

function look(ports: readonly number[], more: Partial<ExaminationOptions> = {}) {
  const told: (readonly Trial[])[] = [];
  const examination = examine({
    ...trialOptions(),
    ways: ports.map((port) => wayTo(port)),
    isListed: false,
    expectRefused: false,
    onAlone: (trials) => told.push(trials),
    ...more,
  });
  return examination.then((found) => ({ ...found, told }));
}

describe('examine', () => {
  it('tells of each relay alone first, and tries no pair of one that does not work', async () => {
    const { port } = await startRelay();
    const [closed = 0] = await freePorts(1);
    const { alone, pairs, told, findings } = await look([port, closed]);
    expect(told).toEqual([alone]);
    expect(alone.map(({ failure }) => failure?.step)).toEqual([undefined, 'TCP']);
    const [works, fails] = [`127.0.0.1:${port}`, `127.0.0.1:${closed}`];
    expect(pairs).toEqual([
      { broker: works, bridge: fails, because: fails },
      { broker: fails, bridge: works, because: fails },
    ]);
    expect(findings.map(({ severity, about }) => [severity, about])).toEqual([['failure', [fails]]]);
  });

  it('tries each ordered pair', async () => {
    const { port } = await startRelay();
    // Three ways to one node: what is between nodes is for the tests of real clusters.
    const { pairs, findings } = await look([port], {
      ways: ['x', 'y', 'z'].map((name) => wayTo(port, { name })),
    });
    const done = pairs.map((pair) =>
      'steps' in pair && !pair.failure ? `${pair.broker}${pair.bridge}` : '',
    );
    expect(done.toSorted()).toEqual(['xy', 'xz', 'yx', 'yz', 'zx', 'zy']);
    expect(findings).toMatchObject([{ severity: 'note', about: ['x', 'y', 'z'] }]);
  });

  it('that expects refusals parks at each relay at the most', async () => {
    const listed = await startRelay({}, { allowed: new Set() });
    const open = await startRelay();
    const good = await look([listed.port], { expectRefused: true });
    expect(good.pairs).toEqual([]);
    expect(good.findings.map(({ severity }) => severity)).toEqual(['warning']);
    const bad = await look([listed.port, open.port], { expectRefused: true });
    expect(bad.alone.map(({ steps }) => steps.at(-1)?.name)).toEqual(['certificate', 'park']);
    expect(bad.findings).toMatchObject([
      { severity: 'failure', about: [`127.0.0.1:${open.port}`] },
      { severity: 'warning' },
    ]);
  });
});
