/** Load through the broker, from a container in the network of the workloads. */
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { LOAD_IS_UP, type LoadResult } from './load-client.ts';
import { docker, eventually, type Project } from './project.ts';

const SCRIPT = fileURLToPath(new URL('load-client.ts', import.meta.url));

export interface Load {
  /** Resolves with what came of it. */
  stop(): Promise<LoadResult>;
}

/** Resolves when every client has begun. The container is gone after the test, whatever becomes of it. */
export async function startLoad(project: Project): Promise<Load> {
  const name = `${project.name}-load`;
  onTestFinished(async () => void (await docker('rm', '--force', name)));
  const volume = `${SCRIPT}:/load-client.ts:ro`;
  await project.compose(
    ...['run', '--detach', '--no-deps', '--name', name, '--volume', volume],
    ...['--entrypoint', 'node /load-client.ts', 'client'],
  );
  await eventually('load on the broker', async () => (await docker('logs', name)).includes(LOAD_IS_UP));
  return {
    async stop() {
      await docker('stop', '--time', '40', name);
      const lines = (await docker('logs', name)).split('\n');
      return JSON.parse(lines.at(-1) ?? '') as LoadResult;
    },
  };
}
