/** The demo's processes: started, watched, and ended whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
const BEACON = fileURLToPath(new URL('../../src/bin/beacon.ts', import.meta.url));

const running = new Set<ChildProcess>();

export interface Child {
  readonly pid: number;
  /** The port it said it listens on; 0 for one that does not listen. */
  readonly port: number;
}

/** A line of a daemon's log. */
export interface LogLine {
  readonly msg?: string;
  readonly port?: number;
  /** Nodes that a leg crosses. */
  readonly path?: string;
}

export interface Daemon extends Child {
  /** The newest line that says `message`, once there is one; gives up after START_TIMEOUT_MS. */
  says(message: string): Promise<LogLine>;
  /** Ends it at once, as the kernel does when memory is short. */
  kill(): void;
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>;
}

/** A script of this folder, which prints its port on the first line of stdout. */
export async function startScript(file: string, args: readonly string[]): Promise<Child> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return waitFor(launch([path, ...args]), 'stdout', (line) => Number(line) || undefined);
}

/** A daemon of the product, up when its log says `message`. `file` replaces `beacon COMMAND`. */
export async function startDaemon(args: readonly string[], message: string, file?: string): Promise<Daemon> {
  const path = file ? fileURLToPath(new URL(file, import.meta.url)) : BEACON;
  const child = launch([path, ...args, '--log-format', 'json']);
  const log: LogLine[] = [];
  const lines = new EventEmitter();
  const up = await waitFor(child, 'stderr', (text) => {
    const entry = JSON.parse(text) as LogLine;
    log.push(entry);
    lines.emit('line');
    return entry.msg === message ? (entry.port ?? 0) : undefined;
  });
  return {
    ...up,
    async says(what) {
      const signal = AbortSignal.timeout(START_TIMEOUT_MS);
      for (;;) {
        const entry = log.findLast(({ msg }) => msg === what);
        if (entry) return entry;
        await once(lines, 'line', { signal }).catch(() => {
          throw new DemoError(`a process did not say within ${START_TIMEOUT_MS / 1_000} s: ${what}`);
        });
      }
    },
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Ports of 127.0.0.1 that were free a moment ago, for processes that must know each other's before they start. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, 'close')));
  return ports;
}

/** Runs a tool of the product to its end; resolves with what it printed. */
export async function runTool(args: readonly string[]): Promise<string> {
  const child = launch([BEACON, ...args]);
  const text: string[] = [];
  const errors: string[] = [];
  child.stdout?.on('data', (chunk) => text.push(String(chunk)));
  child.stderr?.on('data', (chunk) => errors.push(String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new DemoError(`beacon ${args.join(' ')} failed: ${errors.join('').trim()}`);
  return text.join('');
}

/** Ends every process, the last first, and waits until they are gone; resolves with how many had to be killed. */
export async function stopAll(): Promise<number> {
  let killed = 0;
  for (const child of [...running].reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const timer = setTimeout(() => {
      killed += 1;
      child.kill('SIGKILL');
    }, STOP_TIMEOUT_MS);
    child.kill('SIGTERM');
    await once(child, 'exit');
    clearTimeout(timer);
  }
  running.clear();
  return killed;
}

/** What went wrong, in one line for the screen. */
export class DemoError extends Error {}

function launch(args: readonly string[]): ChildProcess {
  // Everything is on loopback, where no proxy of this machine leads, and several would want one port for their health.
  const env = { ...process.env, no_proxy: '*', BEACON_HEALTH_ADDR: '127.0.0.1:0' };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function waitFor(
  child: ChildProcess,
  from: 'stdout' | 'stderr',
  read: (line: string) => number | undefined,
): Promise<Child> {
  return new Promise((resolve, reject) => {
    const last: string[] = [];
    const fail = (what: string): void =>
      reject(
        new DemoError(`${child.spawnargs.slice(1, 3).join(' ')} ${what}: ${last.slice(-3).join(' | ')}`),
      );
    const timer = setTimeout(() => fail(`is not up after ${START_TIMEOUT_MS / 1_000} s`), START_TIMEOUT_MS);
    child.once('exit', (code) => fail(`ended with ${code}`));
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = child[name];
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        last.push(line);
        if (last.length > 20) last.shift();
        const port = name === from ? readLine(read, line) : undefined;
        if (port === undefined) return;
        clearTimeout(timer);
        resolve({ pid: child.pid ?? 0, port });
      });
    }
  });
}

function readLine(read: (line: string) => number | undefined, line: string): number | undefined {
  try {
    return read(line);
  } catch {
    return undefined; // not a line of the log
  }
}
