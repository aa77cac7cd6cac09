/**
 * Real `beacon` processes for end-to-end tests: start one, wait for what it logs, stop it, see how it ended.
 * Whatever a test forgets is killed when its worker ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogLevel } from '../../src/base/log.ts';
import { makePki, type Pki, writePki } from './certificates.ts';
import { noteLeaks } from './log-leaks.ts';

const BEACON = fileURLToPath(new URL('../../src/bin/beacon.ts', import.meta.url));
/** Where node keeps what it made of the sources: a relay is up after 60 % of the time. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url));
/** Variables of every process, unless a test says otherwise. Many run at once, and would all want one port for their health. */
const DEFAULTS = { BEACON_LOG_FORMAT: 'json', BEACON_HEALTH_ADDR: 'off' };
/** How long a process may take to log a line that a test waits for. Generous: a loaded machine is no failure. */
const LINE_TIMEOUT_MS = 20_000;
/** How long a process may take to stop after SIGTERM before the test fails. */
const STOP_TIMEOUT_MS = 20_000;

/** In tests every line that there is, so that log-leaks.ts sees it; benchmarks measure what users run. */
const CHATTY = process.env['VITEST'] ? { BEACON_LOG_LEVEL: 'debug' } : {};

/** The line by which each daemon says that it serves. */
const UP = { relay: 'the relay is up', bridge: 'the bridge is up', broker: 'the broker is up' } as const;
export type DaemonName = keyof typeof UP;

/** One line of JSON on stderr, or, with `level` empty, one that is none. */
export interface LogLine {
  readonly level: LogLevel | '';
  readonly msg: string;
  readonly [field: string]: unknown;
}

export type LinePattern = string | RegExp | ((line: LogLine) => boolean);

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** Added to PATH and where node caches, the only variables that a process gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** An executable that is run instead of the sources, for example an installed `beacon`. */
  readonly program?: string;
  /** Flags of node itself, before the script. */
  readonly nodeFlags?: readonly string[];
  /** How many descriptors the process may have open, as by `ulimit -n`. Default: as many as this one. */
  readonly descriptors?: number;
}

export interface BeaconProcess {
  readonly pid: number;
  /** The port that it logged when it came up; 0 for a bridge, which listens on none. */
  readonly port: number;
  /** What it logged so far. */
  readonly lines: readonly LogLine[];
  /** Settles when the process has ended, however. */
  readonly exited: Promise<Exit>;
  /** False once it has ended. */
  readonly alive: boolean;
  /**
   * The first line, of those logged already or those to come, whose text is (string) or matches (RegExp) `pattern`, or
   * which it says yes to.
   * `from` skips that many lines: pass `lines.length` to wait for a new one. Rejects with all of stderr after 20 s,
   * or when the process ends first.
   */
  waitFor(pattern: LinePattern, options?: { readonly from?: number }): Promise<LogLine>;
  /** SIGTERM; resolves with how it ended. Rejects (and kills) when that takes 20 s. */
  stop(): Promise<Exit>;
  /** SIGKILL, or another signal; resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Descriptors that the process has open. */
  descriptors(): number;
  /** {@link descriptors} once their number has stood still for 100 ms. */
  quiet(): Promise<number>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts `beacon <args>`, a daemon, and resolves once it logs that it is up. Logs are JSON unless `args` say otherwise. */
export async function startBeacon(
  args: readonly [DaemonName, ...string[]],
  options: StartOptions = {},
): Promise<BeaconProcess> {
  const child = spawnBeacon(args, { ...options, env: { ...CHATTY, ...options.env } });
  const output = new Output(child);
  const descriptors = (): number => readdirSync(`/proc/${child.pid}/fd`).length;
  let port = 0;
  const beacon: BeaconProcess = {
    pid: child.pid ?? 0,
    get port() {
      return port;
    },
    lines: output.lines,
    exited: output.exited,
    get alive() {
      return child.exitCode === null && child.signalCode === null;
    },
    waitFor: (pattern, { from = 0 } = {}) => output.waitFor(pattern, from),
    stop: () => stop(child, output),
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
      return output.exited;
    },
    descriptors,
    quiet: () => quiet(descriptors),
  };
  try {
    const up = await output.waitFor(UP[args[0]], 0);
    if (typeof up['port'] === 'number') port = up['port'];
  } catch (error) {
    await beacon.kill();
    throw error;
  }
  return beacon;
}

/** Runs `beacon <args>` to its end, for `limitMs` (20 s) at the most. For commands that end by themselves, and for daemons that must not start. */
export async function runBeacon(
  args: readonly string[],
  { limitMs = LINE_TIMEOUT_MS, ...options }: StartOptions & { readonly limitMs?: number } = {},
): Promise<Exit & { readonly out: string; readonly error: string }> {
  const child = spawnBeacon(args, options);
  const output = new Output(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const exit = await output.exited;
  clearTimeout(timer);
  return { ...exit, out: output.out, error: output.error };
}

/** Certificates as `beacon certs` writes them, in a directory of their own. */
export interface PkiDirectory {
  readonly pki: Pki;
  readonly directory: string;
  /** Path of a file in it, for example `file('relay.crt')`. */
  file(name: string): string;
  /** `relay`, on a free port of 127.0.0.1, and its certificate. */
  relayArgs(...more: readonly string[]): [DaemonName, ...string[]];
  /** `bridge` or `broker` (on a free port) with its certificates, for relays at `ports` of 127.0.0.1. */
  clientArgs(
    role: 'bridge' | 'broker',
    ports: readonly number[],
    ...more: readonly string[]
  ): [DaemonName, ...string[]];
  /** Removes the directory. */
  remove(): Promise<void>;
}

/** Writes the ten files of `pki` (default: the one of {@link makePki}) to a new directory; the caller removes it. */
export async function makePkiDirectory(pki: Pki = makePki()): Promise<PkiDirectory> {
  const directory = writePki(await mkdtemp(join(tmpdir(), 'beacon-test-')), pki);
  const file = (name: string): string => join(directory, name);
  const pair = (name: string): string[] => [
    '--tls-cert',
    file(`${name}.crt`),
    '--tls-key',
    file(`${name}.key`),
  ];
  return {
    pki,
    directory,
    file,
    relayArgs: (...more) => ['relay', '--addr', '127.0.0.1:0', ...pair('relay'), ...more],
    clientArgs: (role, ports, ...more) => [
      role,
      ...(role === 'broker' ? ['--listen', '127.0.0.1:0'] : []),
      ...['--beacon-address', ports.map((port) => `127.0.0.1:${port}`).join(',')],
      ...['--beacon-ca', file('relay-ca.crt'), '--tls-ca', file('bridge-ca.crt')],
      ...pair(role),
      ...more,
    ],
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

function spawnBeacon(
  args: readonly string[],
  { env = {}, program, nodeFlags = [], descriptors }: StartOptions,
): ChildProcess {
  const line = program === undefined ? [process.execPath, ...nodeFlags, BEACON, ...args] : [program, ...args];
  const limited = ['/bin/sh', '-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, ...line];
  const [command = '', ...rest] = descriptors === undefined ? line : limited;
  const child = spawn(command, rest, {
    env: { ...DEFAULTS, PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** What a process wrote, and who waits for more of it. */
class Output {
  readonly lines: LogLine[] = [];
  readonly exited: Promise<Exit>;
  out = '';
  error = '';
  readonly #waiters = new Set<() => void>();
  #ended = false;
  #rest = '';

  constructor(child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#onError(text));
    this.exited = new Promise((resolve) => {
      // 'close' comes when its output has been read as well; 'error' when it could not be started.
      child.once('error', (error) => this.#onError(`${error.message}\n`));
      child.once('close', (code, signal) => {
        this.#ended = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  waitFor(pattern: LinePattern, from: number): Promise<LogLine> {
    const fits = (line: LogLine): boolean => {
      if (typeof pattern === 'function') return pattern(line);
      return typeof pattern === 'string' ? line.msg === pattern : pattern.test(line.msg);
    };
    return new Promise((resolve, reject) => {
      const settle = (give: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        give();
      };
      const fail = (why: string): void =>
        settle(() => reject(new Error(`${why} while waiting for ${pattern}; it wrote:\n${this.error}`)));
      const look = (): void => {
        const line = this.lines.slice(from).find(fits);
        if (line) settle(() => resolve(line));
        else if (this.#ended) fail('the process ended');
      };
      const timer = setTimeout(() => fail(`${LINE_TIMEOUT_MS / 1_000} s passed`), LINE_TIMEOUT_MS);
      this.#waiters.add(look);
      look();
    });
  }

  #onError(text: string): void {
    this.error += text;
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    this.lines.push(...parts.map(parseLine));
    noteLeaks(parts);
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#waiters]) look();
  }
}

function parseLine(text: string): LogLine {
  if (!text.startsWith('{')) return { level: '', msg: text };
  return JSON.parse(text) as LogLine;
}

async function stop(child: ChildProcess, output: Output): Promise<Exit> {
  child.kill('SIGTERM');
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, STOP_TIMEOUT_MS);
  const exit = await output.exited;
  clearTimeout(timer);
  if (late) throw new Error(`did not stop within ${STOP_TIMEOUT_MS / 1_000} s; it wrote:\n${output.error}`);
  return exit;
}

async function quiet(count: () => number): Promise<number> {
  let last = count();
  for (let same = 0; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = count();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}
