/**
 * CPU seconds per GB of bulk through broker, relay and bridge, each in a process of its own, with a plain TCP store.
 *
 *   node scripts/bench-tunnel.ts [GB] [runs] [directory for CPU profiles]
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../src/base/clock.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../test/support/processes.ts';

const HOST = '127.0.0.1';
const CHUNK = Buffer.alloc(64 * 1_024, 7);
const ROLES = ['relay', 'bridge', 'broker'] as const;
type Role = (typeof ROLES)[number];
type Processes = Readonly<Record<Role, BeaconProcess>>;

const [gigabytes = '1', runs = '3', profiles] = process.argv.slice(2);
const bytes = Number(gigabytes) * 1e9;
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const pki = await makePkiDirectory();
const store = await startStore(bytes);
const processes = await start(pki, portOf(store));
try {
  for (let run = 1; run <= Number(runs); run += 1) {
    await measure(`download ${run}`, processes, download);
    await measure(`upload   ${run}`, processes, upload);
  }
} finally {
  for (const role of ROLES) await processes[role].stop();
  store.close();
  await pki.remove();
}

async function start(certificates: PkiDirectory, storePort: number): Promise<Processes> {
  const options = { nodeFlags: profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [] };
  const relay = await startBeacon(certificates.relayArgs(), options);
  const target = ['--vault-addr', `tcp://${HOST}:${storePort}`];
  const bridge = await startBeacon(certificates.clientArgs('bridge', [relay.port], ...target), options);
  const broker = await startBeacon(certificates.clientArgs('broker', [relay.port]), options);
  await broker.waitFor('a tunnel to the bridge is up');
  return { relay, bridge, broker };
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
  server.listen(0, HOST);
  await once(server, 'listening');
  return server;
}

async function download(socket: Socket): Promise<void> {
  socket.end('d');
  socket.resume();
  await once(socket, 'end');
}

async function upload(socket: Socket): Promise<void> {
  socket.write('u');
  await pump(socket, bytes);
  socket.resume();
  await once(socket, 'end');
}

async function pump(socket: Socket, size: number): Promise<void> {
  for (let sent = 0; sent < size; sent += CHUNK.length) {
    if (!socket.write(CHUNK)) await once(socket, 'drain');
  }
  socket.end();
}

async function measure(
  name: string,
  all: Processes,
  transfer: (socket: Socket) => Promise<void>,
): Promise<void> {
  const before = ROLES.map((role) => cpuSeconds(all[role]));
  const socket = connect(all.broker.port, HOST);
  await once(socket, 'connect');
  const start = systemClock.now();
  await transfer(socket);
  const rate = bytes / 1e6 / ((systemClock.now() - start) / 1_000);
  const used = ROLES.map((role, at) => (cpuSeconds(all[role]) - (before[at] ?? 0)) / (bytes / 1e9));
  const parts = ROLES.map((role, at) => `${role} ${used[at]?.toFixed(2)}`);
  const total = used.reduce((sum, each) => sum + each, 0);
  console.log(`${name}: ${total.toFixed(2)} CPU-s/GB (${parts.join(', ')}), ${rate.toFixed(0)} MB/s`);
}

/** User and system time of a process, all threads (proc(5), /proc/pid/stat, fields 14 and 15). */
function cpuSeconds({ pid }: BeaconProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
