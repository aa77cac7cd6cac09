/**
 * A unix datagram socket that takes what sd_notify(3) sends, as systemd does. In Python, as Node has no such sockets; it
 * drops the descriptors that come with a message, which is the answer that systemd-notify waits for.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(receiver.recv(65536).decode().replace('\\n', ' '), flush=True)
`;

/** What is missing for {@link notifySocket} and systemd-notify here; undefined: nothing. */
export function missingForNotify(): string | undefined {
  const programs = ['python3', 'systemd-notify'];
  const missing = programs.filter((program) => spawnSync(program, ['--version']).status !== 0);
  return missing.length > 0 ? missing.join(' and ') : undefined;
}

export interface NotifySocket {
  readonly path: string;
  /** Messages so far, each with blanks for line ends; without the barriers of systemd-notify. */
  readonly messages: readonly string[];
}

/** Gone when the test has finished. */
export async function notifySocket(): Promise<NotifySocket> {
  const directory = mkdtempSync(join(tmpdir(), 'beacon-test-'));
  const path = join(directory, 'notify');
  const receiver = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    receiver.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });
  const messages: string[] = [];
  const bound = Promise.withResolvers<void>();
  createInterface({ input: receiver.stdout }).on('line', (line) => {
    if (line === 'bound') bound.resolve();
    else if (!line.startsWith('BARRIER=')) messages.push(line.trim());
  });
  await bound.promise;
  return { path, messages };
}
