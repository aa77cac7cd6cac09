import { describe, expect, it } from 'vitest';
import { type Daemon, daemonCommand, type Start } from '../../../src/cli/daemon.ts';
import { type TestHost, testHost } from '../../support/cli-host.ts';
import { settle } from '../../support/manual-clock.ts';

const PAIR = ['--tls-cert', 'c.pem', '--tls-key', 'k.pem'];

/** Runs the command with `start`; resolves or rejects as the command does. */
function launch(start: Start<'relay'>, host: TestHost, argv: readonly string[] = PAIR): Promise<unknown> {
  const spec = { name: 'relay', summary: '', description: '', examples: [] } as const;
  return daemonCommand(spec, start, host).exitOverride().parseAsync(argv, { from: 'user' });
}

/** A daemon whose steps a test lets happen one by one. */
function steps() {
  const started = Promise.withResolvers<Daemon>();
  const stopping = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const reloads = { begun: 0, ended: Promise.withResolvers<void>() };
  const daemon: Daemon = {
    reload: () => {
      reloads.begun += 1;
      return reloads.ended.promise;
    },
    stop: () => {
      stopping.resolve();
      return stopped.promise;
    },
  };
  return { started, stopping: stopping.promise, stopped, daemon, reloads, start: () => started.promise };
}

describe('daemonCommand', () => {
  it('starts with typed settings and a log of the wanted level', async () => {
    const host = testHost({ BEACON_LOG_LEVEL: 'warn' });
    const { started, daemon, stopped } = steps();
    const seen: unknown[] = [];
    const ended = launch(
      (settings) => {
        seen.push(settings);
        return started.promise;
      },
      host,
      [...PAIR, '--addr', '127.0.0.1:0', '--allow-unproven'],
    );
    started.resolve(daemon);
    stopped.resolve();
    host.signal();
    await ended;
    expect(seen).toEqual([
      expect.objectContaining({
        addr: { host: '127.0.0.1', port: 0 },
        allowUnproven: true,
        logLevel: 'warn',
      }),
    ]);
    expect(host.logs).toEqual([{ level: 'warn', format: 'json' }]);
  });

  it('runs until a signal, then stops and listens no more', async () => {
    const host = testHost();
    const { start, started, daemon, stopping, stopped } = steps();
    const ended = launch(start, host);
    started.resolve(daemon);
    expect(host.listeners()).toBe(2);
    host.signal();
    await stopping;
    stopped.resolve();
    await ended;
    expect(host.listeners()).toBe(0);
  });

  it('stops a daemon whose start was under way when the signal came', async () => {
    const host = testHost();
    const { start, started, daemon, stopping, stopped } = steps();
    const ended = launch(start, host);
    host.signal();
    started.resolve(daemon);
    await stopping;
    stopped.resolve();
    await ended;
  });

  it('does not wait for a slow stop after a second signal', async () => {
    const host = testHost();
    const { start, started, daemon, stopping } = steps();
    const ended = launch(start, host);
    started.resolve(daemon);
    host.signal();
    await stopping;
    host.signal();
    await expect(ended).rejects.toMatchObject({ code: 'closed' });
    expect(host.listeners()).toBe(0);
  });

  it('reads files again at SIGHUP, once more for all that come meanwhile, and tells systemd', async () => {
    const host = testHost({ NOTIFY_SOCKET: '/run/notify' });
    const { start, started, daemon, stopped, reloads } = steps();
    const ended = launch(start, host);
    host.hangUp();
    started.resolve(daemon);
    await settle();
    expect(reloads.begun).toBe(0);
    for (let count = 0; count < 1_000; count += 1) host.hangUp();
    await settle();
    expect(reloads.begun).toBe(1);
    reloads.ended.resolve();
    await settle();
    expect(reloads.begun).toBe(2);
    stopped.resolve();
    host.signal();
    await ended;
    const states = ['READY=1', 'RELOADING=1', 'READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'];
    expect(host.runs.map(([program, state]) => [program, state])).toEqual(
      states.map((state) => ['systemd-notify', state]),
    );
    expect(host.listeners()).toBe(0);
  });

  it('does not wait for a slow start either', async () => {
    const host = testHost();
    const ended = launch(steps().start, host);
    host.signal();
    host.signal();
    await expect(ended).rejects.toMatchObject({ code: 'closed' });
  });

  it('passes on what a stop could not do in good order', async () => {
    const host = testHost();
    const { start, started, daemon, stopped } = steps();
    const ended = launch(start, host);
    started.resolve(daemon);
    host.signal();
    const failure = new RangeError('three were cut');
    stopped.reject(failure);
    await expect(ended).rejects.toBe(failure);
    expect(host.listeners()).toBe(0);
  });

  it('passes on why a start failed', async () => {
    const host = testHost();
    const failure = new RangeError('port in use');
    await expect(launch(() => Promise.reject(failure), host)).rejects.toBe(failure);
    expect(host.listeners()).toBe(0);
  });

  it('does not start on a bad setting', async () => {
    const host = testHost();
    const ended = launch(() => expect.unreachable(), host, [...PAIR, '--log-level', 'loud']);
    await expect(ended).rejects.toMatchObject({ code: 'config' });
    expect(host.logs).toEqual([]);
  });
});
