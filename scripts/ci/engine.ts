/**
 * What tests with containers need, for a machine of CI that may have nothing of it: programs of Debian's packages, and an
 * engine of Docker that answers. What is there already is used as it is.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withoutDocker } from '../image/docker.ts';

/** Programs, and the packages that have them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  docker: 'docker.io',
  dockerd: 'docker.io',
  'docker-compose': 'docker-compose',
  haproxy: 'haproxy',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  debootstrap: 'debootstrap',
  nft: 'nftables',
  nsenter: 'util-linux',
  curl: 'curl',
};
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

export interface Engine {
  /** Stops the engine where {@link startEngine} has started it. */
  stop(): Promise<void>;
}

const NOT_OURS: Engine = { stop: async () => {} };

/** Never fails: where there is no engine in the end it says why, and the tests say that they tested nothing. */
export async function startEngine(): Promise<Engine> {
  // Debian has daemons there, where not everybody's PATH looks.
  process.env['PATH'] = `${process.env['PATH']}:/usr/sbin:/sbin`;
  install();
  if (withoutDocker() === undefined) return NOT_OURS;
  if (process.getuid?.() !== 0 || !has('dockerd')) {
    console.error('no engine of Docker answers, and only root can start one, with dockerd');
    return NOT_OURS;
  }
  return startDaemon();
}

function has(program: string): boolean {
  return spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
}

function install(): void {
  const missing = Object.keys(PROGRAMS).filter((program) => !has(program));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    console.error(`missing: ${missing.join(', ')}; only root can install them, by apt-get`);
    return;
  }
  const packages = [...new Set(missing.map((program) => PROGRAMS[program] ?? program))];
  // RUNLEVEL: Debian starts no service then that comes with a package.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]])
    spawnSync('apt-get', args, { stdio: 'inherit', env });
}

async function startDaemon(): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), 'beacon-dockerd-'));
  const log = join(directory, 'log');
  const file = openSync(log, 'w');
  const daemon = spawn('dockerd', [], { stdio: ['ignore', file, file] });
  closeSync(file);
  const engine: Engine = {
    async stop() {
      await end(daemon);
      rmSync(directory, { recursive: true });
    },
  };
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (withoutDocker() !== undefined) {
    if (daemon.exitCode !== null || performance.now() > deadline) {
      console.error(`dockerd does not come up:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
      await engine.stop();
      return NOT_OURS;
    }
    await sleep(500);
  }
  console.log('dockerd was started, and is stopped after the tests');
  return engine;
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  const timer = setTimeout(() => daemon.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
