/** Programs of this folder that run as children of a benchmark; none outlives it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts `program`, a file beside this one, with `nodeFlags` for Node. It is killed when this process ends, unless {@link end}
 * came first.
 */
export function start(program: string, nodeFlags: readonly string[] = []): ChildProcess {
  const execArgv = [...process.execArgv, ...nodeFlags];
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), { execArgv });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** SIGKILL; resolves when it is gone. Idempotent. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Starts `program`, sends it `task`, and resolves with the first thing that it says; rejects when it ends before. */
export async function ask<T>(program: string, task: unknown): Promise<T> {
  const child = start(program);
  try {
    child.send(task as object);
    return await Promise.race([
      once(child, 'message').then(([answer]) => answer as T),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
    ]);
  } finally {
    await end(child);
  }
}
