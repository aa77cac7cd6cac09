/** The containers of a chaos run: started, stopped, looked at, and taken away whatever becomes of the run. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from '../scenario/scenario.ts';
import { clusterFile } from './cluster-file.ts';
import { compose, docker, inNetworkOf } from './engine.ts';
import { CONTROL_PORT } from './places.ts';

/** Of Linux: established, and close-wait. */
const OPEN_STATES = ['01', '08'];
const DOWN_TURNS = 5;
const LABEL = 'com.docker.compose.project';

export class Cluster {
  readonly project: string;
  /** Containers find it as /run/chaos. */
  readonly directory: string;
  readonly #file: string;
  readonly #env: NodeJS.ProcessEnv;
  #renewed: Promise<void> = Promise.resolve();

  /** Brings nothing up yet. @param images the variables of docker-compose.yml that name images */
  constructor(scenario: Scenario, images: Readonly<Record<string, string>>) {
    this.project = `beacon-chaos-${process.pid}`;
    this.directory = mkdtempSync(join(tmpdir(), 'beacon-chaos-'));
    // For the user of the image.
    chmodSync(this.directory, 0o755);
    this.#file = join(this.directory, 'compose.json');
    this.#env = { ...process.env, ...images };
    this.write('scenario.json', scenario);
    writeFileSync(this.#file, clusterFile(scenario, { project: this.project, directory: this.directory }));
  }

  /** For containers, as JSON. */
  write(name: string, content: unknown): void {
    writeFileSync(join(this.directory, name), JSON.stringify(content));
  }

  writeText(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  container(name: string): string {
    return `${this.project}-${name}`;
  }

  compose(...args: readonly string[]): Promise<string> {
    return compose(this.#file, this.project, this.#env, ...args);
  }

  async up(...names: readonly string[]): Promise<void> {
    await this.compose('up', '--detach', '--no-deps', ...names);
  }

  async start(name: string): Promise<void> {
    await docker('start', this.container(name));
  }

  async signal(name: string, signal: string): Promise<void> {
    await docker('kill', '--signal', signal, this.container(name));
  }

  /** SIGTERM, and patience; its exit code. */
  async stop(name: string, seconds: number): Promise<number> {
    await docker('stop', '--time', String(seconds), this.container(name));
    return Number(await docker('inspect', '--format', '{{.State.ExitCode}}', this.container(name)));
  }

  /** Resolves when it has ended. */
  async ended(name: string): Promise<void> {
    await docker('wait', this.container(name));
  }

  async pause(name: string, on: boolean): Promise<void> {
    await docker(on ? 'pause' : 'unpause', this.container(name));
  }

  /** Plugs it out of a network of the run, or in again. */
  async plug(name: string, network: string, on: boolean): Promise<void> {
    const target = [`${this.project}_${network}`, this.container(name)];
    if (on) await docker('network', 'connect', '--alias', name, ...target);
    else await docker('network', 'disconnect', '--force', ...target);
  }

  /** Of the process that its container began with; 0 where it does not run. */
  async pid(name: string): Promise<number> {
    return Number(await docker('inspect', '--format', '{{.State.Pid}}', this.container(name)));
  }

  /** Connections that are open at a port of it, or that only it has not closed, as its kernel has them. */
  async connections(name: string, port: number): Promise<number> {
    const pid = await this.pid(name);
    const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    const rows = ['tcp', 'tcp6'].flatMap((file) =>
      readFileSync(`/proc/${pid}/net/${file}`, 'utf8').split('\n'),
    );
    return rows.filter((row) => {
      const [, address = '', , state = ''] = row.trim().split(/\s+/);
      return address.endsWith(local) && OPEN_STATES.includes(state);
    }).length;
  }

  async address(name: string, network: string): Promise<string> {
    const template = `{{(index .NetworkSettings.Networks "${this.project}_${network}").IPAddress}}`;
    return docker('inspect', '--format', template, this.container(name));
  }

  /** Runs a program of this machine in the network of a container. */
  async inNetwork(name: string, command: string, ...args: readonly string[]): Promise<string> {
    return inNetworkOf(await this.pid(name), command, ...args);
  }

  /** Tells the toxic proxy. */
  async toxic(path: 'toxin' | 'reset', order: unknown): Promise<void> {
    const url = `http://127.0.0.1:${CONTROL_PORT}/${path}`;
    await this.inNetwork(
      'toxic',
      'curl',
      '--silent',
      '--fail',
      '--max-time',
      '20',
      '--data',
      JSON.stringify(order),
      url,
    );
  }

  /** One after the other: they write to the same files. */
  renewCertificates(ca: number): Promise<void> {
    const renewed = this.#renewed.then(async () => {
      await this.compose('run', '--rm', '--no-deps', 'setup', 'renew', String(ca));
    });
    this.#renewed = renewed.catch(() => {});
    return renewed;
  }

  /** Ends everything and removes it, what `compose run` began included; again, where somebody was starting it meanwhile. */
  async down(): Promise<void> {
    for (let turn = 1; ; turn += 1) {
      const failure = await this.#remove().then(
        () => undefined,
        (error: unknown) => error,
      );
      const left = await this.leftovers();
      if (left.length === 0) break;
      if (turn === DOWN_TURNS) throw new Error(`still there: ${left.join(', ')}`, { cause: failure });
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #remove(): Promise<void> {
    const ids = await docker('ps', '--all', '--quiet', '--filter', `label=${LABEL}=${this.project}`);
    const all = ids.split('\n').filter((id) => id !== '');
    if (all.length > 0) await docker('rm', '--force', '--volumes', ...all);
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '1');
  }

  /** What the engine still has of the run. */
  async leftovers(): Promise<readonly string[]> {
    const lists = [
      ['ps', '--all'],
      ['network', 'ls'],
      ['volume', 'ls'],
    ];
    const all = await Promise.all(
      lists.map((list) => docker(...list, '--quiet', '--filter', `label=${LABEL}=${this.project}`)),
    );
    return all.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  }
}
