/** `beacon drain --wait` inside of the container of a relay, as preStop runs it. */
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';

/** Returns when the command has ended. The container ends with its relay, and whoever is in it is killed then: with 137, if it had
 *  not read the last word yet. */
export function drainIn(container: string, command: readonly string[]): void {
  const { status, stdout } = spawnSync('docker', ['exec', container, ...command], { encoding: 'utf8' });
  expect([0, 137]).toContain(status);
  expect(stdout).toMatch(/^draining\n(drained\n|gone\n)?$/);
}
