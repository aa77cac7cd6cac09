import { expect, it } from 'vitest';
import { bridgeCommand } from '../../../src/cli/bridge.ts';
import type { Start } from '../../../src/cli/daemon.ts';
import { exampleRuns } from '../../support/cli-examples.ts';
import { testHost } from '../../support/cli-host.ts';

it('takes every example of its own help', async () => {
  const runs = await exampleRuns<'bridge'>((start: Start<'bridge'>) => bridgeCommand(start, testHost()));
  expect(runs.length).toBeGreaterThan(0);
  for (const { settings } of runs) expect(settings).toMatchObject({ tlsKey: 'bridge.key' });
});
