/** Other programs of this machine: docker, compose, and what is run in the network namespace of a container. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findCompose } from '../support/compose/compose-command.ts';

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1_048_576;
/** Longer than anything takes that is not broken, on a busy machine. */
const PATIENCE_MS = 180_000;

export async function program(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { stdout } = await run(command, args, { env, maxBuffer: MAX_OUTPUT_BYTES, timeout: PATIENCE_MS });
  return stdout.trim();
}

export function docker(...args: readonly string[]): Promise<string> {
  return program('docker', args);
}

/** Looked for once: to ask the old one takes a second. */
let found: readonly string[] | undefined;

/** Compose with that file and project name. */
export async function compose(
  file: string,
  project: string,
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<string> {
  found ??= findCompose() ?? [];
  const [command = '', ...first] = found;
  return program(command, [...first, '--file', file, '--project-name', project, ...args], env);
}

/** Runs a program of this machine in the network of a container, by the process of it. */
export function inNetworkOf(pid: number, command: string, ...args: readonly string[]): Promise<string> {
  return program('nsenter', ['--target', String(pid), '--net', command, ...args]);
}

/** What a chaos run needs of this machine and does not find; undefined: nothing. */
export async function missing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root may enter the networks of containers';
  if (!findCompose()) return 'there is no docker compose';
  for (const [command, ...args] of [
    ['docker', 'version'],
    ['nsenter', '--version'],
    ['curl', '--version'],
    ['nft', '--version'],
  ] as const) {
    const works = await program(command, args).then(
      () => true,
      () => false,
    );
    if (!works) return `'${[command, ...args].join(' ')}' does not work`;
  }
  return undefined;
}
