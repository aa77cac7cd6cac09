/** What systemd is told: by its own program to a real socket where there is one, else to a host that keeps the calls. */
import { describe, expect, it } from 'vitest';
import { BeaconError } from '../../../src/base/errors.ts';
import { processHost } from '../../../src/cli/host.ts';
import { ServiceManager } from '../../../src/cli/service-manager.ts';
import { type TestHost, testHost } from '../../support/cli-host.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';
import { missingForNotify, notifySocket } from '../../support/notify-socket.ts';
import { recordingLog } from '../../support/recording-log.ts';

const NOTIFY = { NOTIFY_SOCKET: '/run/systemd/notify' };
/** 60 s, as the units have it. */
const WATCHDOG = { ...NOTIFY, WATCHDOG_USEC: '60000000' };

function scene(host: TestHost) {
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  return { service: new ServiceManager({ host, clock, log }), clock, lines };
}

const states = ({ runs }: TestHost) => runs.map(([, state]) => state);

describe('systemd is told', () => {
  it('each state, in order', async () => {
    const host = testHost(NOTIFY);
    const { service, clock } = scene(host);
    service.ready();
    service.reloading();
    service.ready();
    service.stopping();
    await service.sent;
    expect(host.runs).toEqual([
      ['systemd-notify', 'READY=1', 'STATUS=Serving'],
      ['systemd-notify', 'RELOADING=1', 'MONOTONIC_USEC=12345', 'STATUS=Reading its files again'],
      ['systemd-notify', 'READY=1', 'STATUS=Serving'],
      ['systemd-notify', 'STOPPING=1', 'STATUS=Stopping'],
    ]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['nothing', {}],
    ['nothing through an empty name', { NOTIFY_SOCKET: '' }],
  ])('%s where it did not start the process', async (_name, env) => {
    const host = testHost(env);
    const { service } = scene(host);
    service.ready();
    service.stopping();
    await service.sent;
    expect(host.runs).toEqual([]);
  });

  it('that the process lives, three times as often as it must be, from ready to the end', async () => {
    const host = testHost(WATCHDOG);
    const { service, clock } = scene(host);
    await clock.advanceAsync(60_000);
    expect(host.runs).toEqual([]);
    service.ready();
    service.ready();
    await clock.advanceAsync(60_000);
    expect(states(host)).toEqual(['READY=1', 'READY=1', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    service.close();
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['of another process', { ...WATCHDOG, WATCHDOG_PID: '4712' }, 0],
    ['of this process', { ...WATCHDOG, WATCHDOG_PID: '4711' }, 1],
    ['without a time', { ...NOTIFY, WATCHDOG_USEC: '0' }, 0],
    ['with a time that is none', { ...NOTIFY, WATCHDOG_USEC: 'soon' }, 0],
  ])('no more than wanted by a watchdog %s', async (_name, env, signs) => {
    const host = testHost(env);
    const { service, clock } = scene(host);
    service.ready();
    await clock.advanceAsync(20_000);
    expect(states(host).filter((state) => state === 'WATCHDOG=1')).toHaveLength(signs);
    service.close();
  });

  it('nothing while a message hangs, so that none pile up', async () => {
    const hung = Promise.withResolvers<void>();
    const runs: string[] = [];
    const host: TestHost = {
      ...testHost(WATCHDOG),
      run: (_program, [state = '']) => {
        runs.push(state);
        return hung.promise;
      },
    };
    const { service, clock } = scene(host);
    service.ready();
    await clock.advanceAsync(3_600_000);
    expect(runs).toEqual(['READY=1']);
    hung.resolve();
    await settle();
    await clock.advanceAsync(20_000);
    expect(runs).toEqual(['READY=1', 'WATCHDOG=1']);
    service.close();
  });
});

it('says once where systemd cannot be told, and goes on', async () => {
  const host: TestHost = {
    ...testHost(NOTIFY),
    run: () => Promise.reject(new BeaconError('closed', 'systemd-notify cannot be run')),
  };
  const { service, lines } = scene(host);
  service.ready();
  service.stopping();
  await service.sent;
  expect(lines).toEqual([
    { level: 'warn', message: expect.stringContaining('is systemd-notify installed?'), fields: undefined },
  ]);
});

const missing = missingForNotify();
if (missing) console.warn(`NOT TESTED: messages to systemd over a real socket, as ${missing} is not here`);

it.skipIf(missing)('messages arrive at a real socket by the real program', async () => {
  const socket = await notifySocket();
  const { log, lines } = recordingLog();
  const host = processHost({ PATH: process.env['PATH'], NOTIFY_SOCKET: socket.path });
  const service = new ServiceManager({ host, clock: new ManualClock(), log });
  service.ready();
  service.reloading();
  service.ready();
  service.stopping();
  await service.sent;
  expect([socket.messages.map((message) => message.replace(/\d{2,}/, 'N')), lines]).toEqual([
    [
      'READY=1 STATUS=Serving',
      'RELOADING=1 MONOTONIC_USEC=N STATUS=Reading its files again',
      'READY=1 STATUS=Serving',
      'STOPPING=1 STATUS=Stopping',
    ],
    [],
  ]);
});
