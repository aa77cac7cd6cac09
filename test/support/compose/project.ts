/** docker-compose.yml, brought up under a name of its own by a real engine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePorts } from '../ports.ts';
import { findCompose } from './compose-command.ts';
import { type Metric, parseMetrics } from './metrics-text.ts';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** What a test left over is told by this label, which every compose sets. */
const LABEL = 'com.docker.compose.project';

export const RELAYS = ['relay-1', 'relay-2', 'relay-3'] as const;
export const DAEMONS = [...RELAYS, 'bridge', 'broker'] as const;
export type Service = (typeof DAEMONS)[number] | 'haproxy' | 'prometheus' | 'store' | 'client' | 'setup';

type Row = Readonly<Record<string, string | number | boolean | null>>;

/** What `beacon status --json` says, as far as tests ask. */
export interface Status {
  readonly members?: readonly Row[];
  readonly legs?: readonly Row[];
  readonly parks?: readonly Row[];
  readonly connected?: boolean;
}

/** As Docker says it. */
export interface Network {
  readonly Name: string;
  readonly Internal: boolean;
  readonly Options: Readonly<Record<string, string>>;
}

export class Project {
  readonly name: string;
  readonly ports: { readonly broker: number; readonly prometheus: number };
  readonly #command: readonly string[];
  readonly #env: NodeJS.ProcessEnv;

  private constructor(name: string, images: Readonly<Record<string, string>>, ports: Project['ports']) {
    this.name = name;
    this.ports = ports;
    this.#command = findCompose() ?? [];
    this.#env = {
      ...process.env,
      ...images,
      COMPOSE_PROJECT_NAME: name,
      BEACON_BROKER_PORT: String(ports.broker),
      BEACON_PROMETHEUS_PORT: String(ports.prometheus),
    };
  }

  /** Brings nothing up yet. */
  static async create(images: Readonly<Record<string, string>>): Promise<Project> {
    const [broker = 0, prometheus = 0] = await freePorts(2);
    return new Project(`beacon-test-${process.pid}`, images, { broker, prometheus });
  }

  /** Runs compose; resolves with what it printed to stdout. */
  async compose(...args: readonly string[]): Promise<string> {
    const [command = '', ...first] = this.#command;
    const { stdout } = await run(command, [...first, ...args], {
      env: this.#env,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stdout.trim();
  }

  /** Ids of the containers of the project, those that have ended included. */
  containers(...filters: readonly string[]): Promise<readonly string[]> {
    return this.#list(
      ['ps', '--all', '--quiet'],
      filters.map((filter) => `label=${filter}`),
    );
  }

  /** The container of a service. */
  async container(service: Service): Promise<string> {
    const [id, ...others] = await this.containers(
      `com.docker.compose.service=${service}`,
      'com.docker.compose.oneoff=False',
    );
    if (id === undefined || others.length > 0)
      throw new Error(`${service} has ${others.length + (id ? 1 : 0)} containers`);
    return id;
  }

  /** A field of `docker inspect`, by a template of Go, as JSON. */
  async inspect(service: Service, field: string): Promise<unknown> {
    return JSON.parse(
      await docker('inspect', '--format', `{{json ${field}}}`, await this.container(service)),
    );
  }

  /** Runs a program inside of a service's container; resolves with what it printed to stdout. */
  async exec(service: Service, ...command: readonly string[]): Promise<string> {
    return docker('exec', await this.container(service), ...command);
  }

  /** Runs a script of Node inside of a daemon's container; resolves with what it printed, as JSON. */
  async evaluate<T>(service: Service, script: string): Promise<T> {
    return JSON.parse(await this.exec(service, 'node', '--input-type=module', '--eval', script)) as T;
  }

  async status(service: Service): Promise<Status> {
    return JSON.parse(await this.exec(service, 'beacon', 'status', '--json')) as Status;
  }

  /** Lines of its log; daemons write it to stderr. */
  async logs(service: Service): Promise<readonly string[]> {
    const { stderr } = await run('docker', ['logs', await this.container(service)], {
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stderr.split('\n').filter((line) => line !== '');
  }

  /** Samples that `url` says, asked from inside of `service`. */
  async metrics(service: Service, url = 'http://127.0.0.1:8080/metrics'): Promise<readonly Metric[]> {
    const text = await this.evaluate<string>(
      service,
      `const r = await fetch('${url}'); console.log(JSON.stringify(await r.text()))`,
    );
    return parseMetrics(text);
  }

  /** The networks of the project, by the names that docker-compose.yml has for them. */
  async networks(): Promise<Readonly<Record<string, Network>>> {
    const ids = await this.#list(['network', 'ls', '--quiet']);
    const networks = JSON.parse(await docker('network', 'inspect', ...ids)) as readonly Network[];
    return Object.fromEntries(networks.map((network) => [this.shortName(network.Name), network]));
  }

  /** `beacon-test-1_relays` -> `relays` */
  shortName(name: string): string {
    return name.replace(`${this.name}_`, '');
  }

  /** Ends everything, and removes the volumes. */
  async down(): Promise<void> {
    await this.compose(
      '--profile',
      'client',
      '--profile',
      'monitoring',
      'down',
      '--volumes',
      '--remove-orphans',
    );
  }

  /** What of the project the engine still has. */
  async leftovers(): Promise<readonly string[]> {
    const all = await Promise.all([
      this.containers(),
      this.#list(['network', 'ls', '--quiet']),
      this.#list(['volume', 'ls', '--quiet']),
    ]);
    return all.flat();
  }

  async #list(command: readonly string[], filters: readonly string[] = []): Promise<readonly string[]> {
    const all = [`label=${LABEL}=${this.name}`, ...filters];
    const text = await docker(...command, ...all.flatMap((filter) => ['--filter', filter]));
    return text.split('\n').filter((line) => line !== '');
  }
}

export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: MAX_OUTPUT_BYTES });
  return stdout.trim();
}

/** Asks every 250 ms until `condition` holds; a throw counts as no. Rejects after `seconds` with `what` and the last error. */
export async function eventually(
  what: string,
  condition: () => Promise<boolean>,
  seconds = 120,
): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  let last: unknown;
  for (;;) {
    try {
      if (await condition()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not after ${seconds} s: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
