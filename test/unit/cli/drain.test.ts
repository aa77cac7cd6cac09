import { describe, expect, it, onTestFinished } from 'vitest';
import { Admin } from '../../../src/admin/admin.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { DrainState } from '../../../src/base/drain.ts';
import { silentLog } from '../../../src/base/log.ts';
import { run } from '../../../src/cli/program.ts';
import { testHost } from '../../support/cli-host.ts';
import { settled } from '../../support/leaks.ts';
import { freePorts } from '../../support/ports.ts';

/** A relay whose drain ends when a test says so, and `beacon drain` against it. */
async function setUp() {
  const admin = await Admin.open({
    daemon: 'relay',
    settings: { healthAddr: { host: '127.0.0.1', port: 0 }, adminAddr: undefined },
    clock: systemClock,
    log: silentLog,
  });
  onTestFinished(() => admin.close());
  const over = Promise.withResolvers<{ cut: number }>();
  let drainState: DrainState = 'serving';
  admin.serve({
    status: () => ({}),
    files: [],
    get drainState() {
      return drainState;
    },
    drain: () => {
      drainState = 'draining';
      return over.promise;
    },
  });
  const host = testHost();
  const address = `127.0.0.1:${admin.addresses.admin?.port}`;
  return {
    admin,
    host,
    state: () => drainState,
    end: (cut: number) => {
      drainState = 'drained';
      over.resolve({ cut });
    },
    drain: (...flags: string[]) => run(['drain', '--admin-addr', address, ...flags], {}, host),
  };
}

describe('beacon drain', () => {
  it('asks, and does not wait', async () => {
    const { drain, state, host } = await setUp();
    expect(await drain()).toBe(0);
    expect([state(), host.printed().out]).toEqual(['draining', 'draining\n']);
  });

  it.each([
    [0, 0, 'draining\ndrained\n', ''],
    [3, 1, 'draining\n', /3 splices .* were cut/],
  ])('--wait waits: %i splices cut is %i', async (cut, code, out, error) => {
    const { drain, state, end, host } = await setUp();
    const waiting = drain('--wait');
    await settled(() => state() === 'draining', Number.POSITIVE_INFINITY);
    end(cut);
    expect(await waiting).toBe(code);
    expect(host.printed().out).toBe(out);
    expect(host.printed().error).toMatch(error);
  });

  it('--wait takes a process that is gone for drained', async () => {
    const { drain, state, admin, host } = await setUp();
    const waiting = drain('--wait');
    await settled(() => state() === 'draining', Number.POSITIVE_INFINITY);
    await admin.close();
    expect(await waiting).toBe(0);
    expect(host.printed().out).toBe('draining\ngone\n');
  });

  it('ends with 1 where nobody can be asked', async () => {
    const [port] = await freePorts(1);
    const host = testHost();
    expect(await run(['drain', '--admin-addr', `127.0.0.1:${port}`], {}, host)).toBe(1);
    expect(host.printed()).toMatchObject({ out: '', error: expect.stringContaining('no daemon answers') });
  });
});
