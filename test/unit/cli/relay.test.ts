import { expect, it } from 'vitest';
import type { Start } from '../../../src/cli/daemon.ts';
import { relayCommand } from '../../../src/cli/relay.ts';
import { exampleRuns } from '../../support/cli-examples.ts';
import { testHost } from '../../support/cli-host.ts';

it('takes every example of its own help', async () => {
  const runs = await exampleRuns<'relay'>((start: Start<'relay'>) => relayCommand(start, testHost()));
  expect(runs.length).toBeGreaterThan(0);
  for (const { settings } of runs) expect(settings).toMatchObject({ tlsKey: 'relay.key' });
});
