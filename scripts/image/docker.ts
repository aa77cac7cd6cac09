/** The docker command. */
import { spawnSync } from 'node:child_process';
import { CommandError, type CommandOptions, output } from '../command.ts';

/** Why nothing can be done with Docker here, or undefined where an engine answers. */
export function withoutDocker(): string | undefined {
  try {
    docker(['version']);
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}

/** What `docker args` prints to stdout. Throws {@link CommandError}. */
export function docker(args: readonly string[], options: CommandOptions = {}): string {
  return output('docker', args, options);
}

/** Whether the engine has the image. */
export function hasImage(name: string): boolean {
  return spawnSync('docker', ['image', 'inspect', name], { stdio: 'ignore' }).status === 0;
}
