import { expect, it } from 'vitest';
import { ReloadRequests } from '../../../src/cli/reload-requests.ts';
import { settle } from '../../support/manual-clock.ts';

it('carries one request out at a time, tells around each, and waits until that is told', async () => {
  const said: string[] = [];
  let told = Promise.withResolvers<void>();
  const service = {
    reloading: () => void said.push('reloading'),
    ready: () => void said.push('ready'),
    get sent() {
      return told.promise;
    },
  };
  const requests = new ReloadRequests(async () => void said.push('read'), service);
  for (let count = 0; count < 1_000; count += 1) requests.add();
  await settle();
  expect(said).toEqual(['reloading', 'read', 'ready']);
  for (let count = 0; count < 1_000; count += 1) requests.add();
  await settle();
  expect(said).toHaveLength(3);
  told.resolve();
  told = Promise.withResolvers();
  await settle();
  expect(said).toHaveLength(6);
  told.resolve();
  await settle();
  expect(said).toHaveLength(6);
  requests.add();
  await settle();
  expect(said).toHaveLength(9);
});
