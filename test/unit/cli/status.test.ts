import { describe, expect, it, onTestFinished } from 'vitest';
import { Admin } from '../../../src/admin/admin.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { run } from '../../../src/cli/program.ts';
import { testHost } from '../../support/cli-host.ts';
import { freePorts } from '../../support/ports.ts';

async function daemon(): Promise<number> {
  const admin = await Admin.open({
    daemon: 'relay',
    settings: { healthAddr: { host: '127.0.0.1', port: 0 }, adminAddr: undefined },
    clock: systemClock,
    log: silentLog,
  });
  onTestFinished(() => admin.close());
  const members = [
    { node: 'relay-2', heardMs: 120 },
    { node: 'c', heardMs: null },
  ];
  admin.serve({ files: [], status: () => ({ node: 'relay-1', slotsUsed: 2, members, legs: [] }) });
  return admin.addresses.admin?.port ?? 0;
}

async function beacon(argv: readonly string[], env = {}) {
  const host = testHost(env);
  const code = await run(argv, env, host);
  return { code, ...host.printed() };
}

describe('beacon status', () => {
  it('prints facts and tables', async () => {
    const { code, out } = await beacon(['status', '--admin-addr', `127.0.0.1:${await daemon()}`]);
    expect(code).toBe(0);
    expect(out).toMatch(/^daemon {2,}relay$/m);
    expect(out).toMatch(/^slots used {2,}2$/m);
    expect(out).toContain('\nmembers:\n  node     heard ms\n  relay-2  120\n  c        -\n');
    expect(out).toContain('\nlegs: none\n');
  });

  it('prints JSON, and finds the daemon by the variables that it was given', async () => {
    const env = { BEACON_HEALTH_ADDR: `127.0.0.1:${await daemon()}` };
    const { code, out } = await beacon(['status', '--json'], env);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ daemon: 'relay', node: 'relay-1', members: [{}, {}] });
  });

  it('ends with 1 where no daemon answers, and with 2 where the address is none', async () => {
    const [port] = await freePorts(1);
    const nobody = await beacon(['status', '--admin-addr', `127.0.0.1:${port}`]);
    expect(nobody).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringContaining('no daemon answers at'),
    });
    const wrong = await beacon(['status', '--admin-addr', 'example.com:80']);
    expect(wrong).toMatchObject({ code: 2, error: expect.stringContaining('loopback') });
  });
});
