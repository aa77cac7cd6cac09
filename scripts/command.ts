/** Other programs, for scripts. */
import { spawnSync } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Shows what the program prints instead of returning it. */
  readonly show?: boolean;
}

/** The program of that name cannot be started, or ended with another code than 0; the message holds what it said. */
export class CommandError extends Error {}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** What the program prints to stdout, without white space around it. Throws {@link CommandError}. */
export function output(command: string, args: readonly string[], options: CommandOptions = {}): string {
  const { show = false, ...rest } = options;
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    ...rest,
    stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const what = `${command} ${args.slice(0, 2).join(' ')}`;
  if (error) throw new CommandError(`${what} cannot be run: ${error.message}`, { cause: error });
  if (status !== 0)
    throw new CommandError(`${what} ended with ${status ?? signal}: ${(stderr ?? '').trim()}`);
  return (stdout ?? '').trim();
}

/** The same for npm, which runs by this Node where npm has started this script: so its results do not depend on another one. */
export function npm(args: readonly string[], options: CommandOptions = {}): string {
  const script = process.env['npm_execpath'];
  return script === undefined
    ? output('npm', args, options)
    : output(process.execPath, [script, ...args], options);
}
