import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { loopIdleMs } from '../../../src/base/loop-idle.ts';

it('grows while the loop waits and stands still while we work', async () => {
  const before = loopIdleMs();
  const until = systemClock.now() + 20;
  while (systemClock.now() < until);
  expect(loopIdleMs()).toBe(before);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  await new Promise<void>((resolve) => void systemClock.after(20, resolve));
  server.close();
  expect(loopIdleMs()).toBeGreaterThan(before + 5);
});
