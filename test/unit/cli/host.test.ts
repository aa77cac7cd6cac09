import { describe, expect, it } from 'vitest';
import { processHost } from '../../../src/cli/host.ts';

describe('processHost', () => {
  it('listens for both signals until it is released', () => {
    const before = [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')] as const;
    const release = processHost({}).onStop(() => {});
    expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual([
      before[0] + 1,
      before[1] + 1,
    ]);
    release();
    expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before);
  });

  it('passes a signal on', async () => {
    const stopped = Promise.withResolvers<void>();
    const release = processHost({}).onStop(stopped.resolve);
    process.emit('SIGTERM', 'SIGTERM');
    await stopped.promise;
    release();
  });

  it('takes the environment it is given', () => {
    const env = { BEACON_ZONE: 'a' };
    expect(processHost(env).env).toBe(env);
    expect(processHost(env).machine.hostname).not.toBe('');
  });
});
