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

/** Whether the engine has the image or can fetch it; where it cannot, says so. */
export function isAvailable(name: string): boolean {
  if (hasImage(name)) return true;
  try {
    docker(['pull', name]);
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.warn(
      `${name} cannot be had, so what stands in for it is made from this machine: ${error.message}`,
    );
    return false;
  }
}
