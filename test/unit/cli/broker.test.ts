import { expect, it } from 'vitest';
import { brokerCommand } from '../../../src/cli/broker.ts';
import type { Start } from '../../../src/cli/daemon.ts';
import { exampleRuns } from '../../support/cli-examples.ts';
import { testHost } from '../../support/cli-host.ts';

it('takes every example of its own help', async () => {
  const runs = await exampleRuns<'broker'>((start: Start<'broker'>) => brokerCommand(start, testHost()));
  expect(runs.length).toBeGreaterThan(0);
  for (const { settings } of runs) expect(settings).toMatchObject({ tlsKey: 'broker.key' });
});
