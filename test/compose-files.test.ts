/** docker-compose.yml and what it mounts agree with each other and with the settings. `npm run test:compose` runs it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DRAIN_TIMEOUT_DEFAULT_MS } from '../src/base/limits.ts';
import { COMMANDS, settingsOf } from '../src/config/settings.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly [key: string]: unknown;
}

const { services, networks } = read('docker-compose.yml') as {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, unknown>>;
};
const relays = Object.keys(services).filter((name) => services[name]?.command?.[0] === 'relay');
const daemons = [...relays, 'bridge', 'broker'];

function read(file: string): unknown {
  return parse(readFileSync(file, 'utf8'), { merge: true });
}

function service(name: string): Service {
  const found = services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

/** `source:target[:mode]` of all services, by service. */
function mounts(): readonly (readonly [service: string, source: string, target: string, mode: string])[] {
  return Object.entries(services).flatMap(([name, { volumes = [] }]) =>
    volumes.map((volume) => {
      const [source = '', target = '', mode = 'rw'] = volume.split(':');
      return [name, source, target, mode] as const;
    }),
  );
}

describe('docker-compose.yml', () => {
  it('has three relays', () => expect(relays).toEqual(['relay-1', 'relay-2', 'relay-3']));

  it('sets only what there is to set', () => {
    for (const name of daemons) {
      const { command = [], environment = {} } = service(name);
      const known = COMMANDS.filter((each) => each === command[0]).flatMap((each) => settingsOf(each));
      const names = known.map(({ env }) => env);
      expect(names.length).toBeGreaterThan(10);
      for (const variable of Object.keys(environment)) expect(names, name).toContain(variable);
    }
  });

  it('gives each relay its own name and zone, and all of them the same rest', () => {
    const rest = relays.map((name) => {
      const { BEACON_NODE_NAME, BEACON_ZONE, ...others } = service(name).environment ?? {};
      expect(BEACON_NODE_NAME).toBe(name);
      expect(BEACON_ZONE).toBeTruthy();
      return others;
    });
    expect(new Set(relays.map((name) => service(name).environment?.['BEACON_ZONE'])).size).toBe(3);
    expect(new Set(rest.map((others) => JSON.stringify(others))).size).toBe(1);
    const peers = relays.map((name) => `${name}=${name}:7946`).join(',');
    expect(rest[0]?.['BEACON_CLUSTER_PEER']).toBe(peers);
  });

  it('waits longer for a relay than its drain takes', () => {
    for (const name of relays) {
      const seconds = Number(String(service(name)['stop_grace_period']).replace('s', ''));
      expect(seconds * 1_000).toBeGreaterThan(DRAIN_TIMEOUT_DEFAULT_MS);
    }
  });

  it('hardens and limits every container', () => {
    for (const [name, each] of Object.entries(services)) {
      expect(each, name).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        mem_limit: expect.stringMatching(/^\d+m$/),
        pids_limit: expect.any(Number),
      });
    }
  });

  it('publishes on loopback only, and only what is in a network for it', () => {
    const published = Object.entries(services).filter(([, { ports = [] }]) => ports.length > 0);
    expect(published.map(([name]) => name)).toEqual(['broker', 'prometheus', 'grafana']);
    for (const port of published.flatMap(([, { ports = [] }]) => ports))
      expect(port).toMatch(/^127\.0\.0\.1:/);
    const open = Object.keys(networks).filter((name) => !(networks[name] as { internal?: boolean }).internal);
    expect(open).toEqual(['workloads', 'monitoring']);
  });

  it('mounts what is there, and read-only', () => {
    const bound = mounts().filter(([, source]) => source.startsWith('./'));
    expect(bound.length).toBeGreaterThan(5);
    for (const [name, source, , mode] of bound) {
      expect(existsSync(source), `${name}: ${source}`).toBe(true);
      expect(mode, `${name}: ${source}`).toBe('ro');
    }
  });

  it('shows secrets to who needs them, read-only, and the CAs to nobody', () => {
    const secret = mounts().filter(([, source]) => source.endsWith('-secrets') || source === 'authorities');
    const others = secret.filter(([name]) => name !== 'setup');
    for (const [name, source, target, mode] of others) {
      expect(source).toBe(`${relays.includes(name) ? 'relay' : name}-secrets`);
      expect([target, mode]).toEqual(['/secrets', 'ro']);
    }
    expect(new Set(others.map(([, source]) => source)).size).toBe(5);
  });

  it('names the image of this version', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(service('relay-1').image).toBe(`\${BEACON_IMAGE:-beacon:${version}}`);
  });
});

describe('docs/compose.md', () => {
  it('names services, profiles and variables that there are', () => {
    const text = readFileSync('docs/compose.md', 'utf8');
    const file = readFileSync('docker-compose.yml', 'utf8');
    const profiles = Object.values(services).flatMap((each) => (each['profiles'] as string[]) ?? []);
    const lines = text.match(/docker compose [^`\n]*/g) ?? [];
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) {
      for (const [, profile = ''] of line.matchAll(/--profile (\S+)/g)) expect(profiles).toContain(profile);
      const [, named] = line.match(/ (?:exec|run|restart|kill|--no-deps)(?: -\S+)* ([a-z]\S*)/) ?? [];
      if (named !== undefined) expect(Object.keys(services), line).toContain(named);
    }
    for (const [variable] of text.matchAll(/\w+_(?:PORT|IMAGE)\b/g)) expect(file).toContain(`{${variable}:-`);
  });
});

describe('HAProxy', () => {
  const text = readFileSync('compose/haproxy.cfg', 'utf8');

  it('leads to every relay, says whose connection it is, and is where clients connect', () => {
    const servers = [...text.matchAll(/^ {2}server (\S+) (\S+)$/gm)].map(([, name, at]) => [name, at]);
    expect(servers).toEqual(relays.map((name) => [name, `${name}:8443`]));
    expect(text).toMatch(/default-server .*send-proxy-v2/);
    for (const name of ['bridge', 'broker'])
      expect(service(name).environment?.['BEACON_ADDRESS']).toBe('haproxy:8443');
  });
});

describe('monitoring', () => {
  it('scrapes every daemon where it has its health', () => {
    const { scrape_configs: jobs } = read('compose/prometheus.yml') as {
      readonly scrape_configs: readonly { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const beacon = jobs.find(({ job_name }) => job_name === 'beacon');
    expect(beacon?.static_configs.flatMap(({ targets }) => targets)).toEqual(
      daemons.map((name) => `${name}${service(name).environment?.['BEACON_HEALTH_ADDR']}`),
    );
  });

  it('has rules where Prometheus looks for them', () => {
    const [, source = ''] = mounts().find(([, , target]) => target === '/etc/prometheus/rules') ?? [];
    const files = readdirSync(source);
    expect(files.length).toBeGreaterThan(0);
    // Prometheus is told to read *.yaml.
    expect(files.filter((name) => !name.endsWith('.yaml'))).toEqual([]);
  });

  // No test starts Grafana, as its image is fetched; so its files are held to what its documentation says of them.
  it('gives Grafana the address of Prometheus, in a network that both are in', () => {
    const { apiVersion, datasources } = read('compose/grafana/datasources/prometheus.yml') as {
      readonly apiVersion: number;
      readonly datasources: readonly { type: string; access: string; url: string }[];
    };
    expect(apiVersion).toBe(1);
    expect(datasources.map(({ type, access }) => [type, access])).toEqual([['prometheus', 'proxy']]);
    const { hostname, port } = new URL(datasources[0]?.url ?? '');
    expect(service(hostname).ports?.[0]).toMatch(new RegExp(`:${port}$`));
    const joined = [service(hostname), service('grafana')].map((each) => each['networks'] as string[]);
    expect(joined[0]?.filter((network) => joined[1]?.includes(network))).toEqual(['monitoring']);
  });

  it('gives Grafana its dashboards, with the data source by a variable', () => {
    const { apiVersion, providers } = read('compose/grafana/dashboards/beacon.yml') as {
      readonly apiVersion: number;
      readonly providers: readonly { type: string; options: { path: string } }[];
    };
    expect([apiVersion, providers[0]?.type]).toEqual([1, 'file']);
    const path = providers[0]?.options.path;
    const [, source = ''] = mounts().find(([name, , target]) => name === 'grafana' && target === path) ?? [];
    const files = readdirSync(source);
    const home = service('grafana').environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'];
    expect(files.map((name) => `${path}/${name}`)).toContain(home);
    for (const file of files) {
      const text = readFileSync(`${source}/${file}`, 'utf8');
      const { uid, title } = JSON.parse(text);
      expect([uid, title].every((each) => typeof each === 'string' && each !== '')).toBe(true);
      const sources = [...text.matchAll(/"datasource":\s*\{\s*"type": "(\w+)",\s*"uid": "([^"]+)"/g)];
      expect(sources.length).toBeGreaterThan(5);
      for (const [, type, by] of sources) expect([type, by]).toEqual(['prometheus', '$datasource']);
    }
  });
});
