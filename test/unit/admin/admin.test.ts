import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { Admin } from '../../../src/admin/admin.ts';
import type { AdminSubject } from '../../../src/admin/subject.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { DrainState } from '../../../src/base/drain.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { HealthSettings } from '../../../src/config/health-settings.ts';
import { get } from '../../support/http.ts';
import { checkLeaks } from '../../support/leaks.ts';
import { freePorts } from '../../support/ports.ts';

const FREE = { host: '127.0.0.1', port: 0 };
const EVERYWHERE = { host: '0.0.0.0', port: 0 };
const open = new Set<Admin>();

checkLeaks();
afterEach(async () => {
  await Promise.all([...open].map((admin) => admin.close()));
  open.clear();
});

async function start(settings: Partial<HealthSettings> = {}, subject?: AdminSubject) {
  const admin = await Admin.open({
    daemon: 'relay',
    settings: { healthAddr: FREE, adminAddr: undefined, ...settings },
    clock: systemClock,
    log: silentLog,
  });
  open.add(admin);
  if (subject) admin.serve(subject);
  const { health, admin: own } = admin.addresses;
  return { admin, health: health?.port ?? 0, own: own?.port ?? 0 };
}

const SUBJECT: AdminSubject = { files: [], status: () => ({ node: 'a', members: [{ node: 'b' }] }) };

/** A relay whose drain ends when a test says so. */
function drainable() {
  const over = Promise.withResolvers<{ cut: number }>();
  let drainState: DrainState = 'serving';
  let asked = 0;
  return {
    end: (cut: number) => {
      drainState = 'drained';
      over.resolve({ cut });
    },
    get asked() {
      return asked;
    },
    subject: {
      status: () => ({}),
      files: [],
      get drainState() {
        return drainState;
      },
      drain: () => {
        asked += 1;
        if (drainState === 'serving') drainState = 'draining';
        return over.promise;
      },
    },
  };
}

describe('where it listens', () => {
  it('shares the listener for health while that is on loopback', async () => {
    const { health, own } = await start({}, SUBJECT);
    expect(own).toBe(health);
    expect((await get(health, '/healthz')).status).toBe(200);
    expect((await get(health, '/status')).status).toBe(200);
  });

  it('is apart where health can be reached from elsewhere, and stays on loopback', async () => {
    const { admin, health, own } = await start({ healthAddr: EVERYWHERE, adminAddr: FREE }, SUBJECT);
    expect(admin.addresses).toMatchObject({
      health: { address: '0.0.0.0' },
      admin: { address: '127.0.0.1' },
    });
    for (const path of ['/', '/status', '/admin/drain']) expect((await get(health, path)).status).toBe(404);
    for (const path of ['/healthz', '/readyz', '/metrics']) expect((await get(own, path)).status).toBe(404);
    expect((await get(own, '/status')).status).toBe(200);
  });

  it('answers at no other address of this machine', async () => {
    const { own } = await start({ adminAddr: FREE }, SUBJECT);
    const others = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? [])
        .filter(({ internal, family }) => !internal && family === 'IPv4')
        .map(({ address }) => address),
    );
    for (const host of others)
      await expect(get(own, '/status', { host })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('listens nowhere when both are off', async () => {
    const { admin } = await start({ healthAddr: 'off' });
    expect(admin.addresses).toEqual({ health: undefined, admin: undefined });
  });

  it.each(['healthAddr', 'adminAddr'] as const)(
    'leaves nothing open when the port of %s is taken',
    async (taken) => {
      const [port = 0, other = 0] = await freePorts(2);
      await start({ healthAddr: { ...FREE, port } });
      const settings = { healthAddr: { ...EVERYWHERE, port: other }, adminAddr: { ...FREE, port: other } };
      const flag = taken === 'healthAddr' ? '--health-addr' : '--admin-addr';
      const wanted = {
        ...settings,
        [taken]: { ...FREE, port },
        ...(taken === 'healthAddr' && { adminAddr: FREE }),
      };
      await expect(start(wanted)).rejects.toMatchObject({
        code: 'config',
        message: expect.stringContaining(flag),
      });
      // What it had bound before is free again.
      await start({ healthAddr: { ...FREE, port: other } });
    },
  );
});

describe('/readyz', () => {
  it('says why not, while the daemon starts and stops', async () => {
    const { admin, health } = await start();
    expect(await get(health, '/readyz')).toMatchObject({ status: 503, body: 'not ready: starting\n' });
    admin.serve(SUBJECT);
    expect(await get(health, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
    admin.stopping();
    expect(await get(health, '/readyz')).toMatchObject({ status: 503, body: 'not ready: stopping\n' });
    expect((await get(health, '/healthz')).status).toBe(200);
  });

  it('is not ready from the moment of a drain', async () => {
    const relay = drainable();
    const { health } = await start({}, relay.subject);
    expect(await get(health, '/admin/drain', { method: 'POST' })).toMatchObject({ status: 202 });
    expect(await get(health, '/readyz')).toMatchObject({ status: 503, body: 'not ready: draining\n' });
    expect((await get(health, '/metrics')).body).toContain('\nbeacon_ready 0\n');
    relay.end(0);
  });
});

describe('/admin/drain', () => {
  it('takes POST only, and drains once however often it is asked', async () => {
    const relay = drainable();
    const { own } = await start({}, relay.subject);
    expect(await get(own, '/admin/drain')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(relay.asked).toBe(0);
    const [one, other] = await Promise.all([
      get(own, '/admin/drain', { method: 'POST' }),
      get(own, '/admin/drain', { method: 'POST' }),
    ]);
    expect(JSON.parse(one.body)).toEqual({ drainState: 'draining' });
    expect(JSON.parse(other.body)).toEqual({ drainState: 'draining' });
    relay.end(3);
    const status = JSON.parse((await get(own, '/status')).body);
    expect(status).toMatchObject({ drainState: 'drained', splicesCut: 3, ready: false, notReady: 'drained' });
  });

  it('tells a browser page of another site, or another name, nothing', async () => {
    const relay = drainable();
    const { own } = await start({}, relay.subject);
    const post = (headers: Record<string, string>) => get(own, '/admin/drain', { method: 'POST', headers });
    expect((await post({ host: 'evil.example' })).status).toBe(403);
    expect((await post({ origin: 'http://evil.example' })).status).toBe(403);
    expect((await get(own, '/status', { headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await get(own, '/', { headers: { host: 'evil.example' } })).status).toBe(403);
    expect(relay.asked).toBe(0);
  });

  it('is not there for a daemon that has nothing to drain, or is not up', async () => {
    const { admin, own } = await start();
    const drain = () => get(own, '/admin/drain', { method: 'POST' });
    expect((await drain()).status).toBe(404);
    admin.serve(SUBJECT);
    expect(await drain()).toMatchObject({ status: 404, body: expect.stringContaining('SIGTERM') });
  });

  it('stays until somebody could see how it ended', async () => {
    const relay = drainable();
    const { admin, own } = await start({}, relay.subject);
    await get(own, '/admin/drain', { method: 'POST' });
    relay.end(2);
    // Its end has been noted.
    await new Promise((resolve) => setImmediate(resolve));
    const closed = admin.close();
    expect(JSON.parse((await get(own, '/status')).body)).toMatchObject({ splicesCut: 2 });
    await closed;
  });
});

describe('/status', () => {
  it('is JSON: what every daemon says, and what this one does', async () => {
    const { own } = await start({}, SUBJECT);
    const { headers, body } = await get(own, '/status');
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect(JSON.parse(body)).toMatchObject({
      daemon: 'relay',
      pid: process.pid,
      ready: true,
      node: 'a',
      members: [{ node: 'b' }],
    });
  });

  it('is a page at /', async () => {
    const { own } = await start({}, SUBJECT);
    const { headers, body } = await get(own, '/');
    expect(headers['content-type']).toMatch(/^text\/html/);
    expect(body).toContain('<td>b</td>');
  });
});
