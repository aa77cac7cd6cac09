import { describe, expect, it } from 'vitest';
import { processHost } from '../../../src/cli/host.ts';
import { settled } from '../../support/leaks.ts';

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

  it('has warnings of Node go through the log, masked as all else', async () => {
    const before = process.listeners('warning');
    const lines: string[] = [];
    try {
      processHost({}).createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
      process.emitWarning('192.0.2.7 is slow', 'TimeWarning');
      await settled(() => lines.length > 0);
    } finally {
      process.removeAllListeners('warning');
      for (const listener of before) process.on('warning', listener);
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', msg: 'a warning of Node: TimeWarning: [address] is slow' },
    ]);
  });

  it('listens for SIGHUP until it is released', async () => {
    const before = process.listenerCount('SIGHUP');
    const asked = Promise.withResolvers<void>();
    const release = processHost({}).onReload(asked.resolve);
    process.emit('SIGHUP', 'SIGHUP');
    await asked.promise;
    release();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  it('runs programs without its secrets, and says how they failed', async () => {
    const host = processHost({ PATH: process.env['PATH'], NOTIFY_SOCKET: '/s', BEACON_PROXY_PASSWORD: 'p' });
    await host.run('sh', ['-c', 'test "$NOTIFY_SOCKET$BEACON_PROXY_PASSWORD" = /s']);
    await expect(host.run('sh', ['-c', 'exit 3'])).rejects.toMatchObject({
      code: 'closed',
      message: 'sh ended with 3',
    });
    await expect(host.run('no-such-program', [])).rejects.toThrow(/^no-such-program cannot be run: /);
  });

  it('takes the environment it is given', () => {
    const env = { BEACON_ZONE: 'a' };
    expect(processHost(env).env).toBe(env);
    expect(processHost(env).machine.hostname).not.toBe('');
  });
});
