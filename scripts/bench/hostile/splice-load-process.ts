/** Splices whose brokers write as fast as they can and whose bridges count: a process of its own. */
import type { TLSSocket } from 'node:tls';
import { systemClock } from '../../../src/base/clock.ts';
import { acceptOffer, hello, WireClient } from '../../../test/support/wire-client.ts';

export interface SpliceLoadTask {
  readonly port: number;
  readonly pairs: number;
  /** Of the relay's certificate, PEM. */
  readonly relayCa: string;
  readonly infoHash: string;
  readonly bridge: { readonly certificate: string; readonly key: string };
  readonly broker: { readonly certificate: string; readonly key: string };
}

/** What has arrived at all bridges since the last report, sent each {@link REPORT_MS}, the first when all are paired. */
export interface SpliceLoadReport {
  readonly bytes: number;
  readonly ms: number;
  /** The least that one splice got. */
  readonly leastBytes: number;
}

const REPORT_MS = 100;
const CHUNK = Buffer.alloc(64 * 1_024, 7);
const SOURCE = '127.90.0.1';

process.once('message', async (task: SpliceLoadTask) => {
  const counts: { bytes: number }[] = [];
  for (let at = 0; at < task.pairs; at += 1) counts.push(await openPair(task));
  let last = systemClock.now();
  systemClock.every(REPORT_MS, () => {
    const now = systemClock.now();
    const all = counts.map(({ bytes }) => bytes);
    const report: SpliceLoadReport = {
      bytes: all.reduce((sum, bytes) => sum + bytes, 0),
      ms: now - last,
      leastBytes: Math.min(...all),
    };
    last = now;
    for (const count of counts) count.bytes = 0;
    process.send?.(report);
  });
});

async function openPair(task: SpliceLoadTask): Promise<{ bytes: number }> {
  const bridge = await come(task, 'park');
  await bridge.expect('parked');
  const broker = await come(task, 'connect');
  await Promise.all([acceptOffer(bridge), broker.expect('paired')]);
  const count = { bytes: 0 };
  bridge.socket.removeAllListeners('data');
  bridge.socket.on('data', (chunk: Buffer) => {
    count.bytes += chunk.length;
  });
  writeForEver(broker.socket);
  return count;
}

async function come(task: SpliceLoadTask, role: 'park' | 'connect'): Promise<WireClient> {
  const identity = role === 'park' ? task.bridge : task.broker;
  const tls = { ca: [task.relayCa] };
  const client = await WireClient.dial(task.port, { identity, tls, localAddress: SOURCE });
  client.send(hello(role, { infoHash: Buffer.from(task.infoHash, 'hex') }));
  return client;
}

function writeForEver(socket: TLSSocket): void {
  const write = (): void => {
    while (socket.write(CHUNK));
  };
  socket.on('drain', write);
  write();
}
