/**
 * docker-compose.yml, as it is, by a real engine: brought up with nothing prepared, used, changed under load, and taken away.
 * The tests are steps of one story, in this order. All clients are containers in the compose networks.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startLoad } from '../support/compose/load.ts';
import { sum } from '../support/compose/metrics-text.ts';
import { DAEMONS, eventually, Project, RELAYS, type Service } from '../support/compose/project.ts';
import {
  clusterIsWhole,
  isRedundant,
  runSetup,
  secrets,
  servedBy,
  tookOverAfterMs,
} from '../support/compose/questions.ts';

const OVERRIDE = ['--file', 'docker-compose.yml', '--file', 'test/support/compose/one-park.yml'];

let project: Project;

beforeAll(async () => {
  project = await Project.create(inject('images'));
  await project.compose('up', '--detach');
  await project.compose('up', '--detach', 'prometheus');
});
afterAll(() => project.down());

describe('brought up with nothing prepared', () => {
  it('is healthy, each daemon by its own word', async () => {
    await eventually('every daemon healthy', async () => {
      const states = await Promise.all(DAEMONS.map((name) => project.inspect(name, '.State.Health.Status')));
      return states.every((state) => state === 'healthy');
    });
    expect(await project.inspect('setup', '.State.ExitCode')).toBe(0);
    for (const name of DAEMONS) expect(await project.exec(name, 'beacon', 'health'), name).toBe('ready');
  });

  it('is one cluster in three zones, and its broker outlives any relay', async () => {
    await eventually('one cluster', () => clusterIsWhole(project));
    await eventually('a tunnel with two legs that share no node', () => isRedundant(project));
    const { members = [] } = await project.status('relay-1');
    expect(members.map(({ zone }) => zone)).toEqual(['zone-b', 'zone-c']);
  });

  it('takes clients at HAProxy only, which says whose connections they are', async () => {
    for (const relay of RELAYS) {
      expect(await servedBy(project, relay, { header: true })).toMatch(/^[0-9A-F:]{95}$/);
      expect(await servedBy(project, relay, { header: false })).toBe('closed');
    }
  });

  it('lets a workload write a secret and read it', async () => {
    expect(await project.compose('run', '--rm', 'client')).toMatch(/^wrote (\S+) to .*\nread .*"\1"/);
  });

  it('gives each container what it needs and nothing more', async () => {
    for (const name of [...DAEMONS, 'haproxy', 'prometheus', 'store'] as const) {
      const host = (await project.inspect(name, '.HostConfig')) as HostConfig;
      expect(host, name).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'], Privileged: false });
      expect(host.SecurityOpt, name).toContain('no-new-privileges:true');
      expect(host.Memory, name).toBeGreaterThan(0);
      const published = Object.values(host.PortBindings ?? {}).flat();
      expect(published.every(({ HostIp }) => HostIp === '127.0.0.1')).toBe(true);
      expect(published.length, name).toBe(name === 'broker' || name === 'prometheus' ? 1 : 0);
    }
  });

  it('has no network that leads out', async () => {
    const networks = await project.networks();
    expect(Object.keys(networks).sort()).toEqual(['monitoring', 'outside', 'relays', 'store', 'workloads']);
    for (const [name, { Internal, Options }] of Object.entries(networks)) {
      const translates = Options['com.docker.network.bridge.enable_ip_masquerade'] !== 'false';
      expect(Internal || !translates, name).toBe(true);
    }
    for (const name of [...RELAYS, 'haproxy', 'bridge', 'store'] as const) {
      const joined = Object.keys((await project.inspect(name, '.NetworkSettings.Networks')) as object);
      expect(
        joined.every((network) => networks[project.shortName(network)]?.Internal),
        name,
      ).toBe(true);
    }
  });
});

interface HostConfig {
  readonly SecurityOpt: readonly string[];
  readonly Memory: number;
  readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[]>> | null;
}

describe('its secrets', () => {
  it('are readable by the user of the image and by nobody else', async () => {
    const files = Object.entries(await secrets(project));
    expect(files.length).toBeGreaterThan(20);
    for (const [file, facts] of files) {
      expect(facts, file).toMatch(/^65532 /);
      const volume = file.split('/').length === 3;
      if (volume) expect(facts, file).toBe('65532 700 d');
      else if (!file.startsWith('/secrets/authorities/')) expect(facts, file).toMatch(/^65532 400 /);
    }
    const script = `import { readdirSync } from 'node:fs';
      try { readdirSync('/secrets/relay'); } catch ({ code }) { console.log(code); }`;
    expect(await runSetup(project, '1000:1000', script)).toBe('EACCES');
  });

  it('are in no container that has no business with them', async () => {
    const list = `import { readdirSync } from 'node:fs'; console.log(JSON.stringify(readdirSync('/secrets').sort()))`;
    const seen = async (name: Service): Promise<readonly string[]> => project.evaluate(name, list);
    expect(await seen('relay-2')).toEqual(['allowed', 'cluster.secret', 'relay.crt', 'relay.key']);
    expect(await seen('bridge')).toEqual([
      'bridge-ca.crt',
      'bridge.crt',
      'bridge.key',
      'relay-ca.crt',
      'store-ca.crt',
    ]);
    expect(await seen('broker')).toEqual(['bridge-ca.crt', 'broker.crt', 'broker.key', 'relay-ca.crt']);
  });

  it('stay as they are when it is brought up again', async () => {
    const before = await secrets(project);
    await project.compose('up', '--detach');
    expect(await secrets(project)).toEqual(before);
    await eventually('a tunnel with two legs that share no node', () => isRedundant(project));
  });
});

describe('under load', () => {
  it('takes a new certificate of the relays within 15 s and drops nothing', async () => {
    const load = await startLoad(project);
    const old = await servedBy(project, 'relay-1', { header: true });
    await project.compose('run', '--rm', 'setup', 'renew');
    const fresh = await project.evaluate<string>(
      'relay-1',
      `import { X509Certificate } from 'node:crypto'; import { readFileSync } from 'node:fs';
       console.log(JSON.stringify(new X509Certificate(readFileSync('/secrets/relay.crt')).fingerprint256))`,
    );
    expect(fresh).not.toBe(old);
    await eventually('every relay shows the new certificate', async () => {
      const shown = await Promise.all(RELAYS.map((relay) => servedBy(project, relay, { header: true })));
      return shown.every((fingerprint) => fingerprint === fresh);
    });
    for (const relay of RELAYS) expect(await tookOverAfterMs(project, relay), relay).toBeLessThan(15_000);
    await eventually('a tunnel with two legs that share no node', () => isRedundant(project));
    const { answered, read, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(100);
    expect(read).toBeGreaterThan(0);
  });

  it('lets each relay be rolled without a failed request', async () => {
    const load = await startLoad(project);
    for (const relay of RELAYS) {
      await project.compose('stop', relay);
      expect(await project.inspect(relay, '.State.ExitCode'), `${relay} cut something`).toBe(0);
      await project.compose('up', '--detach', '--no-deps', '--force-recreate', relay);
      await eventually(`${relay} is back in the cluster`, () => clusterIsWhole(project));
    }
    await eventually('a tunnel with two legs that share no node', () => isRedundant(project));
    const { answered, read, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(300);
    expect(read).toBeGreaterThan(1);
  });

  it('outlives the death of a relay, and of all legs at once', async () => {
    const load = await startLoad(project);
    await project.compose('kill', 'relay-2');
    await project.compose('up', '--detach', '--no-deps', 'relay-2');
    await eventually('relay-2 is back in the cluster', () => clusterIsWhole(project));
    await eventually('a tunnel with two legs that share no node', () => isRedundant(project));
    await project.compose('restart', 'haproxy');
    await eventually('a tunnel with two legs that share no node', () => isRedundant(project));
    const { answered, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(100);
  });
});

describe('across two nodes', () => {
  /** The path of the leg that serves, for example `relay-1 > relay-3`. */
  async function path(): Promise<string> {
    const { legs = [] } = await project.status('broker');
    return String(legs.find(({ state }) => state === 'active')?.['path'] ?? '');
  }

  it('a secret is read where broker and bridge are at different relays', async () => {
    await project.compose(...OVERRIDE, 'up', '--detach', '--no-deps', 'bridge');
    // HAProxy spreads connections over three relays, and the bridge is parked at one.
    for (let turn = 0; turn < 12 && !(await path()).includes(' > '); turn += 1) {
      await project.compose('restart', 'broker');
      await eventually('a tunnel', async () => (await path()) !== '');
    }
    const [entry = '', holder = ''] = (await path()).split(' > ');
    expect(RELAYS).toContain(entry);
    expect(RELAYS).toContain(holder);
    expect(entry).not.toBe(holder);
    expect(await project.compose('run', '--rm', 'client')).toMatch(/^wrote (\S+) to .*\nread .*"\1"/);
    expect(
      sum(await project.metrics(entry as Service), 'beacon_pairings_total', 'way="forward"'),
    ).toBeGreaterThan(0);
    expect(
      sum(await project.metrics(holder as Service), 'beacon_pairings_total', 'way="incoming"'),
    ).toBeGreaterThan(0);
  });
});

describe('monitoring', () => {
  it('has a configuration that HAProxy takes', async () => {
    await project.exec('haproxy', 'haproxy', '-c', '-f', '/usr/local/etc/haproxy/haproxy.cfg');
  });

  it('has a configuration and rules that Prometheus takes', async () => {
    const said = await project.exec(
      'prometheus',
      'promtool',
      'check',
      'config',
      '/etc/prometheus/prometheus.yml',
    );
    expect(said).toMatch(/SUCCESS: \d+ rules found/);
  });

  it('has the numbers of every container', async () => {
    const up = async (): Promise<Readonly<Record<string, string>>> => {
      const url = `http://127.0.0.1:${project.ports.prometheus}/api/v1/query?query=up`;
      const { data } = (await (await fetch(url)).json()) as Answer;
      return Object.fromEntries(data.result.map(({ metric, value }) => [metric.instance, value[1]]));
    };
    const targets = [...DAEMONS.map((name) => `${name}:8080`), 'haproxy:8404', 'localhost:9090'];
    const wanted = Object.fromEntries(targets.map((target) => [target, '1']));
    await expect.poll(up, { timeout: 60_000, interval: 500 }).toEqual(wanted);
    for (const name of DAEMONS) expect(sum(await project.metrics(name), 'beacon_ready'), name).toBe(1);
    const haproxy = await project.metrics('relay-1', 'http://haproxy:8404/metrics');
    expect(sum(haproxy, 'haproxy_server_status', 'proxy="relays",server="relay-3",state="UP"')).toBe(1);
  });
});

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: { readonly instance: string };
      readonly value: readonly [number, string];
    }[];
  };
}

it('leaves nothing behind', async () => {
  await project.down();
  expect(await project.leftovers()).toEqual([]);
});
