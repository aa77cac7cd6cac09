import { describe, expect, it, onTestFinished } from 'vitest';
import { Admin } from '../../../src/admin/admin.ts';
import { line } from '../../../src/admin/exchange.ts';
import { HttpListener } from '../../../src/admin/http-listener.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { DrainState } from '../../../src/base/drain.ts';
import { silentLog } from '../../../src/base/log.ts';
import { run } from '../../../src/cli/program.ts';
import { testHost } from '../../support/cli-host.ts';
import { freePorts } from '../../support/ports.ts';

/** A relay in any state, listening on `host`. */
async function relay(host = '127.0.0.1') {
  const admin = await Admin.open({
    daemon: 'relay',
    settings: { healthAddr: { host, port: 0 }, adminAddr: 'off' },
    clock: systemClock,
    log: silentLog,
  });
  onTestFinished(() => admin.close());
  let drainState: DrainState = 'serving';
  return {
    port: admin.addresses.health?.port ?? 0,
    serve: () =>
      admin.serve({
        status: () => ({}),
        files: [],
        get drainState() {
          return drainState;
        },
        drain: async () => ({ cut: 0 }),
      }),
    drain: () => {
      drainState = 'draining';
    },
  };
}

async function health(argv: readonly string[], env = {}) {
  const host = testHost(env);
  return { code: await run(['health', ...argv], env, host), ...host.printed() };
}

describe('beacon health', () => {
  it('tells ready from not ready, and alive is both', async () => {
    const { port, serve, drain } = await relay();
    const flag = ['--health-addr', `127.0.0.1:${port}`];
    const alive = { code: 0, out: 'alive\n', error: '' };
    const notReady = (why: string) => ({
      code: 1,
      out: '',
      error: expect.stringContaining(`503: not ready: ${why}\n`),
    });
    expect(await health(flag)).toEqual(notReady('starting'));
    expect(await health([...flag, '--live'])).toEqual(alive);
    serve();
    expect(await health(flag)).toEqual({ code: 0, out: 'ready\n', error: '' });
    drain();
    expect(await health(flag)).toEqual(notReady('draining'));
    expect(await health([...flag, '--live'])).toEqual(alive);
  });

  it.each(['', '0.0.0.0'])('dials loopback where the daemon listens on every address (%j)', async (host) => {
    const { port, serve } = await relay(host);
    serve();
    expect(await health([], { BEACON_HEALTH_ADDR: `${host}:${port}` })).toMatchObject({ code: 0 });
  });

  it('ends with 1 where nobody answers, and where something else does', async () => {
    const [port] = await freePorts(1);
    expect(await health(['--health-addr', `127.0.0.1:${port}`])).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringContaining('nobody listens there; is it running, and is this its --health-addr?'),
    });
    const other = new HttpListener({
      address: { host: '127.0.0.1', port: 0 },
      flag: '--health-addr',
      answer: () => line(200, 'welcome'),
      clock: systemClock,
      log: silentLog,
    });
    const bound = await other.listen();
    onTestFinished(() => other.close());
    expect(await health(['--health-addr', `127.0.0.1:${bound.port}`])).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringContaining('no daemon of beacon'),
    });
  });

  it.each([
    [['--health-addr', 'a:b'], {}, '--health-addr: '],
    [[], { BEACON_HEALTH_ADDR: 'a:b' }, 'BEACON_HEALTH_ADDR: '],
    [[], { BEACON_HEALTH_ADDR: 'off' }, 'no place of health'],
    [['more'], {}, 'too many arguments'],
  ])('ends with 2 for %j with %j', async (argv, env, error) => {
    expect(await health(argv, env)).toMatchObject({
      code: 2,
      out: '',
      error: expect.stringContaining(error),
    });
  });
});
