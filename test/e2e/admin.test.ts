/** Health and administration of real processes: who reaches them, ports in use, and the tools of the command line. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { get } from '../support/http.ts';
import { adminPort, HEALTH, healthPort, scrape, sumOf } from '../support/metrics.ts';
import { makeNamespace } from '../support/network-namespace.ts';
import { freePorts } from '../support/ports.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  runBeacon,
  startBeacon,
} from '../support/processes.ts';

let files: PkiDirectory;
beforeAll(async () => {
  files = await makePkiDirectory();
});
afterAll(() => files.remove());

async function relay(...flags: string[]): Promise<BeaconProcess> {
  const started = await startBeacon(files.relayArgs(...flags));
  onTestFinished(() => void started.kill());
  return started;
}

/** Listens everywhere, while administration is apart. */
const OPEN = ['--health-addr', '0.0.0.0:0', '--admin-addr', '127.0.0.1:0'] as const;

describe('each daemon', () => {
  it('answers /healthz, /readyz, /metrics, /status and / without any peer', { timeout: 60_000 }, async () => {
    const [port = 0] = await freePorts(1);
    const store = ['--vault-addr', 'tcp://127.0.0.1:1'];
    const all = await Promise.all([
      relay(...HEALTH),
      startBeacon(files.clientArgs('bridge', [port], ...store, ...HEALTH)),
      startBeacon(files.clientArgs('broker', [port], ...HEALTH)),
    ]);
    onTestFinished(() => void all.map((each) => each.kill()));
    const trouble = {
      relay: null,
      bridge: 'no connection is parked at a relay',
      broker: 'there is no tunnel to a bridge',
    };
    for (const [at, daemon] of (['relay', 'bridge', 'broker'] as const).entries()) {
      const process = all[at] as BeaconProcess;
      const own = await healthPort(process);
      for (const path of ['/healthz', '/readyz', '/metrics', '/status', '/'])
        expect((await get(own, path)).status, `${daemon} ${path}`).toBe(200);
      expect(JSON.parse((await get(own, '/status')).body)).toMatchObject({
        daemon,
        pid: process.pid,
        ready: true,
        trouble: trouble[daemon],
      });
      const env = { BEACON_HEALTH_ADDR: `127.0.0.1:${own}` };
      const shown = await runBeacon(['status'], { env });
      expect(shown).toMatchObject({ code: 0, error: '', out: expect.stringMatching(`^daemon +${daemon}\n`) });
      expect(JSON.parse((await runBeacon(['status', '--json'], { env })).out)).toMatchObject({ daemon });
      expect(await runBeacon(['health'], { env })).toMatchObject({ code: 0, error: '', out: 'ready\n' });
    }
  });

  it('of 50 scrapers at once each gets all', async () => {
    const process = await relay(...HEALTH);
    const scrapes = await Promise.all(Array.from({ length: 50 }, () => scrape(process)));
    expect(scrapes.map((families) => sumOf(families, 'beacon_ready'))).toEqual(Array(50).fill(1));
    const sizes = new Set(scrapes.map((families) => families.size));
    expect([sizes.size, sizes.has(0)]).toEqual([1, false]);
  });

  it.each(['bridge', 'broker'] as const)('%s drains not, and says what to do instead', async (daemon) => {
    const store = daemon === 'bridge' ? ['--vault-addr', 'tcp://127.0.0.1:1'] : [];
    const process = await startBeacon(files.clientArgs(daemon, [1], ...store, ...HEALTH));
    onTestFinished(() => void process.kill());
    const asked = await runBeacon(['drain', '--admin-addr', `127.0.0.1:${await adminPort(process)}`]);
    expect(asked).toMatchObject({ code: 1, out: '', error: expect.stringContaining('SIGTERM') });
  });
});

describe('a port in use', () => {
  it('of health ends the process with a line that names the flag; nothing else was begun', async () => {
    const first = await relay(...HEALTH);
    const taken = await healthPort(first);
    const second = await runBeacon(files.relayArgs('--health-addr', `127.0.0.1:${taken}`));
    expect(second.code).toBe(2);
    expect(second.error).toMatch(
      new RegExp(`^beacon: --health-addr: cannot listen on 127.0.0.1:${taken}: the port is in use; .*\n$`),
    );
  });

  it('of administration, with health on every address, does so too', async () => {
    const first = await relay(...HEALTH);
    const taken = await healthPort(first);
    const flags = ['--health-addr', '0.0.0.0:0', '--admin-addr', `127.0.0.1:${taken}`];
    const second = await runBeacon(files.relayArgs(...flags));
    expect(second).toMatchObject({
      code: 2,
      error: expect.stringMatching(/^beacon: --admin-addr: [^\n]*in use[^\n]*\n$/),
    });
  });

  it('of the daemon itself frees that of health again', async () => {
    const [port] = await freePorts(1);
    const first = await relay();
    const health = ['--health-addr', `127.0.0.1:${port}`];
    const second = await runBeacon(files.relayArgs(...health, '--addr', `127.0.0.1:${first.port}`));
    expect(second).toMatchObject({
      code: 2,
      error: expect.stringContaining(`${first.port}: the port is in use`),
    });
    await relay(...health);
  });
});

describe('administration', () => {
  it('beyond loopback is refused at start', async () => {
    const { code, error } = await runBeacon(files.relayArgs('--admin-addr', '0.0.0.0:8081'));
    expect([code, error]).toEqual([
      2,
      expect.stringMatching(/^beacon: --admin-addr 0\.0\.0\.0:8081 can be reached/),
    ]);
  });

  it('is not reached from another network namespace, where health is', async ({ skip }) => {
    const other = makeNamespace();
    if (!other) return skip('no network namespaces on this machine');
    onTestFinished(() => other.remove());
    const process = await relay(...OPEN);
    const ask = (port: number, path: string): Promise<string> =>
      other.node(
        `fetch('http://${other.here}:${port}${path}').then((reply) => console.log(reply.status), (error) => console.log(error.cause.code))`,
      );
    const [health, admin] = [await healthPort(process), await adminPort(process)];
    expect(await ask(health, '/healthz')).toBe('200');
    for (const path of ['/status', '/admin/drain', '/']) expect(await ask(health, path)).toBe('404');
    expect(await ask(admin, '/status')).toBe('ECONNREFUSED');
  });
});
