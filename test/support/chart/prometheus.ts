/** A real Prometheus on 127.0.0.1, which scrapes what it is told to, evaluates rules and answers queries. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePorts } from '../ports.ts';

const HOST = '127.0.0.1';
/** Between two questions whether it is there, or knows something now. */
const POLL_MS = 200;

export interface Target {
  readonly job: string;
  readonly instance: string;
  readonly port: number;
}

export interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

export class Prometheus {
  readonly #port: number;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, stop: () => Promise<void>) {
    this.#port = port;
    this.#stop = stop;
  }

  /** Scrapes every second, and has evaluated the rules of `rules` when this resolves. The caller closes it. */
  static async start(targets: readonly Target[], rules: string): Promise<Prometheus> {
    const [port = 0] = await freePorts(1);
    const directory = mkdtempSync(join(tmpdir(), 'beacon-prometheus-'));
    const config = join(directory, 'prometheus.yml');
    writeFileSync(config, stringify(configuration(targets, rules)));
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${directory}/data`];
    const child = spawn(
      'prometheus',
      [...args, `--web.listen-address=${HOST}:${port}`, '--log.level=error'],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    await once(child, 'spawn');
    const prometheus = new Prometheus(port, async () => {
      const gone = child.exitCode === null ? once(child, 'exit') : undefined;
      child.kill();
      await gone;
      rmSync(directory, { recursive: true });
    });
    await prometheus.#until(async () =>
      (await prometheus.rules()).every(({ health }) => health !== 'unknown'),
    );
    return prometheus;
  }

  /** What `expr` gives now. Throws what Prometheus says against it. */
  async query(expr: string): Promise<readonly Result[]> {
    return (await this.#get<{ result: readonly Result[] }>('query', { query: expr })).result;
  }

  async rules(): Promise<readonly Rule[]> {
    const { groups } = await this.#get<{ groups: readonly { rules: readonly Rule[] }[] }>('rules');
    return groups.flatMap(({ rules }) => rules);
  }

  /** Waits for `expr` to give something; as long as it takes, within the limit of the test. */
  async has(expr: string): Promise<void> {
    await this.#until(async () => (await this.query(expr)).length > 0);
  }

  close(): Promise<void> {
    return this.#stop();
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    // It is not there yet, at first.
    while (!(await holds().catch((error) => refused(error)))) await wait(POLL_MS);
  }

  async #get<T>(what: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> {
    const query = new URLSearchParams(parameters);
    const response = await fetch(`http://${HOST}:${this.#port}/api/v1/${what}?${query}`);
    if (response.status === 503) throw new NotReady('it is starting');
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${what} ${query}: ${answer.error}`);
    return answer.data;
  }
}

class NotReady extends Error {}

function refused(error: unknown): false {
  if (error instanceof NotReady || (error instanceof TypeError && error.message === 'fetch failed'))
    return false;
  throw error;
}

function configuration(targets: readonly Target[], rules: string): unknown {
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [resolve(rules)],
    scrape_configs: [...new Set(targets.map(({ job }) => job))].map((job) => ({
      job_name: job,
      static_configs: targets
        .filter((target) => target.job === job)
        .map(({ instance, port }) => ({ targets: [`${HOST}:${port}`], labels: { instance } })),
    })),
  };
}
