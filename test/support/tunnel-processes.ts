/** A relay, a bridge, a broker (real processes) and a store (in this one), joined up. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { until } from './leaks.ts';
import { type BeaconProcess, makePkiDirectory, type PkiDirectory, startBeacon } from './processes.ts';
import { type Store, startStore } from './store.ts';
import { type Watched, watch } from './streams.ts';

export const HOST = '127.0.0.1';

export interface Setup {
  readonly pki: PkiDirectory;
  readonly relay: BeaconProcess;
  readonly bridge: BeaconProcess;
  readonly broker: BeaconProcess;
  readonly store: Store;
  /** Kills what is left. */
  close(): Promise<void>;
}

/** Resolves when the tunnel is up. The caller closes it. */
export async function startAll(flags: { relay?: readonly string[]; store?: Store } = {}): Promise<Setup> {
  const pki = await makePkiDirectory();
  const store = flags.store ?? (await startStore());
  const relay = await startBeacon(pki.relayArgs(...(flags.relay ?? [])));
  const [bridge, broker] = await Promise.all([
    startBeacon(pki.clientArgs('bridge', [relay.port], '--vault-addr', `tcp://${HOST}:${store.port}`)),
    startBeacon(pki.clientArgs('broker', [relay.port])),
  ]);
  await broker.waitFor('a tunnel to the bridge is up');
  const processes = [broker, bridge, relay];
  return {
    pki,
    relay,
    bridge,
    broker,
    store,
    close: async () => {
      await Promise.all(processes.map((each) => (each.alive ? each.kill() : each.exited)));
      await store.close();
      await pki.remove();
    },
  };
}

/** A client of the broker that has said what it wants of the store. */
export async function ask(port: number, line: string): Promise<Socket> {
  const socket = connect({ host: HOST, port, allowHalfOpen: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`${line}\n`);
  return socket;
}

/** As {@link ask}; begins to read. */
export async function visit(port: number, line: string): Promise<{ socket: Socket; seen: Watched }> {
  const socket = await ask(port, line);
  return { socket, seen: watch(socket) };
}

/** Asks the store behind `port` for `bytes` of its source, and resolves with what is to come once `part` of it has. */
export async function download(
  port: number,
  bytes: number,
  part: number,
): Promise<{ readonly done: ReturnType<typeof digest> }> {
  const socket = await ask(port, `source ${bytes}`);
  let seen = 0;
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.length;
  });
  const done = digest(socket);
  socket.end();
  await until(() => seen > part * bytes);
  return { done };
}

/** Reads to the end; the bytes and their SHA-256. Rejects when there is none. */
export async function digest(socket: Socket): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  socket
    .on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    })
    .resume();
  await once(socket, 'end');
  return { bytes, sha256: hash.digest('hex') };
}

/** Resident memory of a process, in MiB (proc(5), /proc/pid/status). */
export function residentMib({ pid }: BeaconProcess): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) / 1_024;
}
