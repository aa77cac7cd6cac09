/** Rows 8 and 9: what the session adds to the bytes on the wire, and what a tunnel holds whose reader has stopped. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { rssOf } from '../hostile/usage.ts';
import { LOOPBACK } from '../loopback.ts';
import { RelayCluster } from '../relay-cluster.ts';
import { type Row, rounded } from '../report.ts';
import { measureTunnelCpu } from '../tunnel-cpu.ts';
import { BARS } from './bars.ts';
import { Crowd } from './crowd.ts';
import { DelayProxy } from './delay-proxy.ts';
import type { Scene } from './scene.ts';
import { argsOf, freshPki } from './site.ts';
import { Store } from './store.ts';
import { type Direction, transfer } from './transfer.ts';

const MIB = 1_024 * 1_024;
const OVERHEAD_BYTES = { full: 256 * MIB, quick: 64 * MIB };
const OVERHEAD_PERCENT = 1;
const CPU_RATIO = 1.7;
const CPU = { full: { bytes: 1e9, runs: 3 }, quick: { bytes: 4e8, runs: 1 } };
const WHOLE_MS = 25_000;

export async function measureOverhead(scene: Scene): Promise<Row[]> {
  await scene.whole(WHOLE_MS);
  const [site] = scene.sites;
  assert(site);
  const { quick } = scene.scale;
  const bytes = quick ? OVERHEAD_BYTES.quick : OVERHEAD_BYTES.full;
  const percent = async (direction: Direction): Promise<number> => {
    const before = site.bytes;
    const { port } = site;
    const { done } = transfer({ port, store: scene.store, direction, bytes, rate: Number.POSITIVE_INFINITY });
    assert.equal(await done, undefined);
    return 100 * ((site.bytes - before) / bytes - 1);
  };
  const download = await percent('download');
  const upload = await percent('upload');
  const { tunnel, plain } = await measureTunnelCpu(quick ? CPU.quick : CPU.full);
  const ratio = tunnel / plain;
  return [
    {
      ...BARS.overhead,
      measured: `download ${rounded(download)} %, upload ${rounded(upload)} %; CPU ${rounded(ratio)} x (${rounded(tunnel)} against ${rounded(plain)} s/GB)`,
      met: download <= OVERHEAD_PERCENT && upload <= OVERHEAD_PERCENT && ratio <= CPU_RATIO,
      how: `bytes: everything that passes between broker and relays, both directions, both legs, outer TLS, HTTP/2 and inner TLS included, against the ${bytes / MIB} MiB that were transferred at full speed; CPU: broker and bridge, as bench-tunnel measures it`,
      values: { download_percent: download, upload_percent: upload, cpu_ratio: ratio, tunnel, plain },
    },
  ];
}

const TUNNELS = 24;
/** Of each tunnel: HTTP/2 gives a stream 1 MiB, so it takes several to fill the window of the session. */
const STREAMS = 8;
const DOWNLOAD_BYTES = 1_024 * MIB;
const WINDOW_MIB = 4;
const MEMORY_MIB = WINDOW_MIB + 1;
const UP_MS = 30_000;
const FLOW_MS = 3_000;
const REST_MS = 3_000;
/** Longer than a leg's death takes to be noticed, shorter than a session lives without one. */
const STALL_MS = 8_000;
const BRIDGE_FLAGS = ['--import', new URL('./held.ts', import.meta.url).href];

/** Row 9. */
export async function measureMemory(): Promise<Row[]> {
  const store = await Store.start();
  const files = await makePkiDirectory(freshPki());
  const cluster = await RelayCluster.start({ zones: ['zone-a', 'zone-b', 'zone-c'] });
  const ways = await Promise.all(cluster.nodes.map((node) => DelayProxy.listen(() => cluster.portOf(node))));
  const target = ['--vault-addr', `tcp://${LOOPBACK}:${store.port}`];
  const bridge = await startBeacon(argsOf(files, 'bridge', ways, target), { nodeFlags: BRIDGE_FLAGS });
  await bridge.waitFor('parked at a relay');
  const crowd = new Crowd(files, ways, { brokers: TUNNELS, processes: 1, pauseMs: 40 });
  try {
    let ports: readonly number[] = [];
    const end = systemClock.now() + UP_MS;
    while (ports.length < TUNNELS || (await crowd.status()).whole < TUNNELS) {
      assert(systemClock.now() < end, 'the tunnels did not come up');
      await sleep(systemClock, 200);
      ({ ports } = await crowd.status());
    }
    // What code, pools and heaps take once is no part of a tunnel's window.
    await flow(ports, STREAMS, FLOW_MS);
    await sleep(systemClock, REST_MS);
    const look = async (): Promise<Ends> => ({
      bridge: await heldBy(bridge),
      broker: (await crowd.status('held')).heldBytes,
    });
    const base = await look();
    const mute = open(ports, 1, false);
    await sleep(systemClock, STALL_MS);
    const one = perTunnel(await look(), base);
    mute.push(...open(ports, STREAMS - 1, false));
    await sleep(systemClock, STALL_MS);
    const eight = perTunnel(await look(), base);
    for (const cut of mute) cut();
    await sleep(systemClock, REST_MS);
    const rss = rssOf(bridge.pid);
    const cuts = open(ports, STREAMS, true);
    await sleep(systemClock, FLOW_MS);
    crowd.signal('SIGSTOP');
    await sleep(systemClock, STALL_MS);
    const stopped = perTunnel({ bridge: await heldBy(bridge), broker: base.broker }, base).bridge;
    const stoppedRss = (rssOf(bridge.pid) - rss) / MIB / TUNNELS;
    for (const cut of cuts) cut();
    return [memoryRow(one, eight, { held: stopped, rss: stoppedRss })];
  } finally {
    await crowd.stop();
    await bridge.kill();
    for (const way of ways) way.stop();
    await cluster.stop();
    await files.remove();
    store.stop();
  }
}

interface Ends {
  readonly bridge: number;
  readonly broker: number;
}

/** MiB of each. */
function perTunnel(now: Ends, base: Ends): Ends {
  const share = (bytes: number): number => bytes / MIB / TUNNELS;
  return { bridge: share(now.bridge - base.bridge), broker: share(now.broker - base.broker) };
}

async function heldBy(process: BeaconProcess): Promise<number> {
  const from = process.lines.length;
  void process.kill('SIGUSR2');
  const { bytes } = await process.waitFor('held', { from });
  return Number(bytes);
}

function memoryRow(one: Ends, many: Ends, stopped: { held: number; rss: number }): Row {
  const text = ({ bridge, broker }: Ends): string =>
    `${rounded(bridge)} MiB at the bridge, ${rounded(broker)} at the broker`;
  return {
    ...BARS.memory,
    measured: `one client that does not read: ${text(one)}; a broker that is stopped: ${rounded(stopped.held)} MiB at the bridge, whose RSS grew by ${rounded(stopped.rss)} (${STREAMS} clients that do not read: ${text(many)}, each with an HTTP/2 window of its own)`,
    met: Math.max(stopped.held, one.bridge, one.broker) <= MEMORY_MIB,
    how: `heap and buffers of the process after full collections, against those after ${STREAMS} downloads of each tunnel had come and gone, divided by ${TUNNELS} tunnels; stopped: SIGSTOP of the brokers' process in the full flow of ${STREAMS} downloads a tunnel, ${STALL_MS / 1_000} s after it`,
    values: {
      stopped_mib: stopped.held,
      stopped_rss_mib: stopped.rss,
      one_bridge_mib: one.bridge,
      one_broker_mib: one.broker,
      many_bridge_mib: many.bridge,
      many_broker_mib: many.broker,
    },
  };
}

/** Downloads by `count` clients of each broker that read as fast as they can, for `ms`. */
async function flow(ports: readonly number[], count: number, ms: number): Promise<void> {
  const cuts = open(ports, count, true);
  await sleep(systemClock, ms);
  for (const cut of cuts) cut();
}

/** Each returned function cuts one of the clients off. */
function open(ports: readonly number[], count: number, reads: boolean): (() => void)[] {
  return ports.flatMap((port) =>
    Array.from({ length: count }, () => {
      const sent = request({ host: LOOPBACK, port, path: `/down/m/${DOWNLOAD_BYTES}/0`, agent: false });
      sent.on('error', () => {});
      sent.on('response', (response) => {
        response.on('error', () => {});
        if (reads) response.resume();
      });
      sent.end();
      return () => void sent.destroy();
    }),
  );
}
