/** The docker command. */
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';

/** Why nothing can be done with Docker here, or undefined where an engine answers. */
export function withoutDocker(): string | undefined {
  const { error, status, stderr } = spawnSync('docker', ['version'], { encoding: 'utf8' });
  if (error) return `docker cannot be run: ${error.message}`;
  return status === 0 ? undefined : `no engine answers: ${stderr.trim()}`;
}

/** What `docker args` prints to stdout, without white space around it. Throws with what it says when it fails. */
export function docker(args: readonly string[], options: SpawnSyncOptions = {}): string {
  const { error, status, stdout, stderr } = spawnSync('docker', args, {
    maxBuffer: 64 * 1024 * 1024,
    ...options,
    encoding: 'utf8',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`docker ${args.join(' ')} ended with ${status}: ${stderr ?? ''}`);
  return (stdout ?? '').trim();
}

/** Whether the engine has the image. */
export function hasImage(name: string): boolean {
  return spawnSync('docker', ['image', 'inspect', name], { stdio: 'ignore' }).status === 0;
}
