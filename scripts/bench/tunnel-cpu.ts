/**
 * CPU of both ends of a tunnel, and of the same bytes through HTTP/2 over plain mTLS: a pair from one run, in turns, so that
 * what else the machine does falls on both.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../../test/support/processes.ts';
import { end, start } from './child.ts';
import { LOOPBACK } from './loopback.ts';
import type { PlainTask } from './plain-end.ts';

const CHUNK = Buffer.alloc(64 * 1_024, 7);
const GB = 1e9;
/** What src/base/heap.ts does for the daemons: the plain ends are not to be slower for a setting of V8. */
const LIKE_OURS = ['--max-semi-space-size=1'];

export interface TunnelCpuOptions {
  readonly bytes: number;
  /** Each of them once in each direction, with tunnel and without. */
  readonly runs: number;
  /** Directory for CPU profiles of the tunnel's ends and the relay. */
  readonly profiles?: string | undefined;
  /** Each transfer as it is over. */
  readonly onTransfer?: (transfer: Transfer) => void;
}

/** One transfer; CPU seconds per GB of each process. */
export interface Transfer {
  readonly name: string;
  readonly through: 'tunnel' | 'plain';
  readonly cpu: Readonly<Record<string, number>>;
  readonly megabytesPerSecond: number;
}

/** CPU seconds per GB of both ends, broker's and bridge's, user and system; the best transfer of each direction, averaged. */
export interface CpuPair {
  /** Session, inner mTLS, HTTP/2, and the outer TLS to the relay. The relay itself is not in it. */
  readonly tunnel: number;
  /** HTTP/2 over plain mTLS, from end to end. */
  readonly plain: number;
}

/** Starts relay, bridge, broker and two plain ends on 127.0.0.1, and stops them all. */
export async function measureTunnelCpu(options: TunnelCpuOptions): Promise<CpuPair> {
  const pki = await makePkiDirectory();
  const store = await startStore(options.bytes);
  const [tunnel, plain] = await Promise.all([startTunnel(pki, store, options), startPlain(pki, store)]);
  const best = new Map<string, number>();
  try {
    for (let run = 1; run <= options.runs; run += 1) {
      for (const direction of ['download', 'upload'] as const) {
        for (const setup of [tunnel, plain]) {
          const transfer = await measure(`${direction} ${run}`, setup, direction, options.bytes);
          options.onTransfer?.(transfer);
          const key = `${setup.through} ${direction}`;
          const { broker = 0, bridge = 0 } = transfer.cpu;
          best.set(key, Math.min(best.get(key) ?? Number.POSITIVE_INFINITY, broker + bridge));
        }
      }
    }
  } finally {
    await Promise.all([tunnel.stop(), plain.stop()]);
    store.close();
    await pki.remove();
  }
  const of = (through: Setup['through']): number =>
    ((best.get(`${through} download`) ?? 0) + (best.get(`${through} upload`) ?? 0)) / 2;
  return { tunnel: of('tunnel'), plain: of('plain') };
}

interface Setup {
  readonly through: 'tunnel' | 'plain';
  /** Where clients dial. */
  readonly port: number;
  readonly pids: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

async function startTunnel(pki: PkiDirectory, store: Server, { profiles }: TunnelCpuOptions): Promise<Setup> {
  const options = { nodeFlags: profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [] };
  const relay = await startBeacon(pki.relayArgs(), options);
  const target = ['--vault-addr', `tcp://${LOOPBACK}:${portOf(store)}`];
  const bridge = await startBeacon(pki.clientArgs('bridge', [relay.port], ...target), options);
  const broker = await startBeacon(pki.clientArgs('broker', [relay.port]), options);
  await broker.waitFor('a tunnel to the bridge is up');
  // The relay last: it waits for those who still have a leg across it.
  const all: readonly BeaconProcess[] = [broker, bridge, relay];
  return {
    through: 'tunnel',
    port: broker.port,
    pids: { relay: relay.pid, bridge: bridge.pid, broker: broker.pid },
    stop: async () => {
      for (const each of all) await each.stop();
    },
  };
}

async function startPlain(pki: PkiDirectory, store: Server): Promise<Setup> {
  const children = { bridge: start('plain-end.ts', LIKE_OURS), broker: start('plain-end.ts', LIKE_OURS) };
  const ask = async (role: PlainTask['role'], to: number): Promise<number> => {
    const files = {
      cert: pki.file(`${role}.crt`),
      key: pki.file(`${role}.key`),
      ca: pki.file('bridge-ca.crt'),
    };
    const child = children[role];
    child.send({ role, files, to } satisfies PlainTask);
    const [port] = await once(child, 'message');
    return Number(port);
  };
  const port = await ask('broker', await ask('bridge', portOf(store)));
  return {
    through: 'plain',
    port,
    pids: { bridge: children.bridge.pid ?? 0, broker: children.broker.pid ?? 0 },
    stop: async () => {
      await Promise.all([end(children.bridge), end(children.broker)]);
    },
  };
}

/** First byte 'd': sends `size` bytes and ends. Anything else: reads to the end, then says so. */
async function startStore(size: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (first: Buffer) => {
      if (first.toString('latin1', 0, 1) === 'd') void pump(socket, size);
      else socket.on('data', () => {}).once('end', () => socket.end('ok'));
    });
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  return server;
}

async function pump(socket: Socket, size: number): Promise<void> {
  for (let sent = 0; sent < size; sent += CHUNK.length) {
    if (!socket.write(CHUNK)) await once(socket, 'drain');
  }
  socket.end();
}

async function measure(
  name: string,
  { through, port, pids }: Setup,
  direction: 'download' | 'upload',
  bytes: number,
): Promise<Transfer> {
  const before = cpuOf(pids);
  const socket = connect({ port, host: LOOPBACK, allowHalfOpen: true });
  await once(socket, 'connect');
  const begin = systemClock.now();
  const ended = once(socket, 'end');
  socket.write(direction === 'download' ? 'd' : 'u');
  if (direction === 'upload') await pump(socket, bytes);
  else socket.end();
  socket.resume();
  await ended;
  const megabytesPerSecond = bytes / 1e6 / ((systemClock.now() - begin) / 1_000);
  const after = cpuOf(pids);
  const used = Object.keys(pids).map((role) => [
    role,
    ((after[role] ?? 0) - (before[role] ?? 0)) / (bytes / GB),
  ]);
  return { name, through, cpu: Object.fromEntries(used), megabytesPerSecond };
}

function cpuOf(pids: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(pids).map(([role, pid]) => [role, cpuSeconds(pid)]));
}

/** User and system time of a process, all threads (proc(5), /proc/pid/stat, fields 14 and 15). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
