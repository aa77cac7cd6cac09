import { expect, it } from 'vitest';
import { withAdmin } from '../../../src/admin/with-admin.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { BeaconError } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import { get } from '../../support/http.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { freePorts } from '../../support/ports.ts';

checkLeaks();

async function options() {
  const [port = 0] = await freePorts(1);
  const settings = { healthAddr: { host: '127.0.0.1', port }, adminAddr: undefined };
  return { port, options: { daemon: 'broker', settings, clock: systemClock, log: silentLog } };
}

const status = () => ({});

it('serves health while a daemon starts, runs and stops, and not after it', async () => {
  const { port, options: given } = await options();
  const ready = async (): Promise<string> => (await get(port, '/readyz')).body;
  const running = await withAdmin(given, async () => {
    expect(await ready()).toBe('not ready: starting\n');
    return { status, files: [], stop: async () => expect(await ready()).toBe('not ready: stopping\n') };
  });
  expect(await ready()).toBe('ready\n');
  expect(running.admin.health?.port).toBe(port);
  await running.stop();
  await expect(ready()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('serves the metrics that the daemon adds', async () => {
  const { port, options: given } = await options();
  const running = await withAdmin(given, async (metrics) => {
    metrics.counter({ name: 'beacon_test_total', help: 'Of this test.' })();
    return { status, files: [], stop: () => Promise.resolve() };
  });
  expect((await get(port, '/metrics')).body).toContain('\nbeacon_test_total 1\n');
  await running.stop();
});

it.each(['start', 'stop'])('frees the port when the daemon fails to %s', async (when) => {
  const { port, options: given } = await options();
  const failure = new BeaconError('config', 'no');
  const fail = () => Promise.reject(failure);
  const running = withAdmin(
    given,
    when === 'start' ? fail : () => Promise.resolve({ status, files: [], stop: fail }),
  );
  await expect(when === 'start' ? running : running.then((each) => each.stop())).rejects.toBe(failure);
  await expect(get(port, '/healthz')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
