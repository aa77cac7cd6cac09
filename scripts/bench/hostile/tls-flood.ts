/**
 * A flood of ClientHellos, twice as many as one core can answer: what splices that run lose by it, how late the event loop
 * is, and how long a bridge that has proved itself before needs to come back.
 */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import type { Pki } from '../../../test/support/certificates.ts';
import {
  type BeaconProcess,
  makePkiDirectory,
  type PkiDirectory,
  startBeacon,
} from '../../../test/support/processes.ts';
import { hello, identityOf, WireClient } from '../../../test/support/wire-client.ts';
import { end, start } from '../child.ts';
import { percentile, type Row, rounded } from '../report.ts';
import type { LoopPercentiles } from './loop-percentiles.ts';
import type { SpliceLoadReport, SpliceLoadTask } from './splice-load-process.ts';
import { recordClientHello, Strangers } from './strangers.ts';
import type { StrangersReport, StrangersTask } from './strangers-process.ts';
import { cpuMsOf } from './usage.ts';

const PAIRS = 4;
/** Handshakes from whose CPU time it is computed what one core can do. */
const CALIBRATION = 1_000;
const CALIBRATION_PER_SECOND = 400;
const TIMES = 2;
const BASE_MS = 4_000;
const FLOOD_MS = 8_000;
/** The flood stands for so long before anything is measured. */
const RISE_MS = 1_000;
const AT_ONCE = 6_000;
const RECONNECT_PAUSE_MS = 200;
const LOOP_LINE = 'event loop percentiles';
const BRIDGE_SOURCE = '127.91.0.1';

const KEPT_PART = 0.5;
const LOOP_P99_MS = 150;
const RECONNECT_MS = 2_000;

export const TLS_FLOOD_WHAT = 'TLS flood at twice what one core can do';
export const TLS_FLOOD_BAR =
  'established splices keep at least half their throughput; event-loop p99 at most 150 ms; a proven bridge reconnects within 2 s';

/** Takes 20 s. */
export async function measureTlsFlood(): Promise<Row> {
  const files = await makePkiDirectory();
  writeFileSync(files.file('allowed'), `${files.pki.infoHash}\n`);
  const relay = await startBeacon(files.relayArgs('--allow-file', files.file('allowed')), {
    nodeFlags: ['--import', new URL('./loop-percentiles.ts', import.meta.url).href],
  });
  try {
    return rowOf(await measure(relay, files));
  } finally {
    await relay.kill();
    await files.remove();
  }
}

interface Measured {
  /** Handshakes that one core answers in a second. */
  readonly capacity: number;
  readonly flood: StrangersReport;
  readonly basePerSecond: number;
  readonly floodPerSecond: number;
  readonly baseLoop: LoopPercentiles;
  readonly loop: LoopPercentiles;
  readonly reconnects: readonly number[];
  /** Part of one core that the relay had, before and meanwhile. */
  readonly baseCpuPart: number;
  readonly cpuPart: number;
}

async function measure(relay: BeaconProcess, { pki }: PkiDirectory): Promise<Measured> {
  const bytes = await recordClientHello();
  const flood = (more: Pick<StrangersTask, 'count' | 'perSecond' | 'network'>): Strangers =>
    new Strangers({ port: relay.port, bytes, atOnce: AT_ONCE, leaves: true, ...more });
  const capacity = await calibrate(relay, flood);
  const load = new SpliceLoad(relay.port, pki);
  const bridge = new Bridge(relay.port);
  await load.measure(RISE_MS);
  await bridge.reconnect();
  await loopOf(relay);
  const cpuAtBase = cpuMsOf(relay.pid);
  const basePerSecond = await load.measure(BASE_MS);
  const baseCpuPart = (cpuMsOf(relay.pid) - cpuAtBase) / BASE_MS;
  const baseLoop = await loopOf(relay);
  const perSecond = Math.round(TIMES * capacity);
  const count = Math.round((perSecond * (RISE_MS + FLOOD_MS)) / 1_000);
  const strangers = flood({ count, perSecond, network: 83 });
  try {
    await sleep(systemClock, RISE_MS);
    await loopOf(relay);
    const cpuBefore = cpuMsOf(relay.pid);
    const [floodPerSecond, reconnects] = await Promise.all([
      load.measure(FLOOD_MS),
      bridge.reconnects(FLOOD_MS),
    ]);
    const cpuPart = (cpuMsOf(relay.pid) - cpuBefore) / FLOOD_MS;
    const loop = await loopOf(relay);
    const opened = await strangers.opened;
    return {
      ...{ capacity, flood: opened, basePerSecond, floodPerSecond, baseLoop, loop, reconnects },
      ...{ baseCpuPart, cpuPart },
    };
  } finally {
    await Promise.all([strangers.stop(), load.stop()]);
  }
}

function rowOf(measured: Measured): Row {
  const { capacity, flood, basePerSecond, floodPerSecond, loop, baseLoop, reconnects } = measured;
  const seen = floodPerSecond / basePerSecond;
  // Two cores carry the relay, both ends of the splices and the flood. What those take from each other is no fault of the
  // relay, so its throughput is counted by the CPU time that it had.
  const kept = seen * (measured.baseCpuPart / measured.cpuPart);
  const slowest = Math.max(...reconnects);
  const offered = flood.opened / (flood.tookMs / 1_000);
  return {
    what: TLS_FLOOD_WHAT,
    bar: TLS_FLOOD_BAR,
    measured: `throughput ${rounded(100 * kept)} % for each second of CPU that the relay had, ${rounded(100 * seen)} % of ${rounded(basePerSecond / 1e6)} MB/s by the clock; event-loop p99 ${rounded(loop.p99Ms)} ms (otherwise ${rounded(baseLoop.p99Ms)}); reconnected in ${rounded(slowest)} ms at the most (${reconnects.length} times)`,
    met:
      kept >= KEPT_PART &&
      loop.p99Ms <= LOOP_P99_MS &&
      slowest <= RECONNECT_MS &&
      offered >= 0.9 * TIMES * capacity,
    how: `one core answers ${rounded(capacity)} ClientHellos a second, by its CPU time for ${CALIBRATION}; ${rounded(offered)} a second came for ${(RISE_MS + FLOOD_MS) / 1_000} s, ${flood.answered} of ${flood.opened} were answered; ${PAIRS} splices that never rest before and meanwhile; a parked bridge is reset and dials, timed to PARKED, each ${RECONNECT_PAUSE_MS} ms`,
    values: {
      capacity_per_second: capacity,
      offered_per_second: offered,
      opened: flood.opened,
      answered: flood.answered,
      base_bytes_per_second: basePerSecond,
      flood_bytes_per_second: floodPerSecond,
      kept_part: kept,
      seen_part: seen,
      loop_p50_ms: loop.p50Ms,
      loop_p99_ms: loop.p99Ms,
      loop_max_ms: loop.maxMs,
      loop_base_p99_ms: baseLoop.p99Ms,
      reconnects: reconnects.length,
      reconnect_p50_ms: percentile(reconnects, 50),
      reconnect_max_ms: slowest,
      relay_cpu_part: measured.cpuPart,
      relay_cpu_base_part: measured.baseCpuPart,
    },
  };
}

/** Handshakes a second that one core can answer, from CPU time, so that nothing else on the machine counts. */
async function calibrate(
  relay: BeaconProcess,
  flood: (more: Pick<StrangersTask, 'count' | 'perSecond' | 'network'>) => Strangers,
): Promise<number> {
  const costs: number[] = [];
  // The first time the code is compiled.
  for (const network of [81, 82]) {
    const before = cpuMsOf(relay.pid);
    const strangers = flood({ count: CALIBRATION, perSecond: CALIBRATION_PER_SECOND, network });
    const { answered } = await strangers.done;
    await strangers.stop();
    costs.push((cpuMsOf(relay.pid) - before) / answered);
  }
  return 1_000 / Math.min(...costs);
}

/** Of the time since the call before. */
async function loopOf(relay: BeaconProcess): Promise<LoopPercentiles> {
  const from = relay.lines.length;
  process.kill(relay.pid, 'SIGUSR2');
  return (await relay.waitFor(LOOP_LINE, { from })) as unknown as LoopPercentiles;
}

class SpliceLoad {
  readonly #child: ChildProcess;
  #bytes = 0;
  #ms = 0;

  constructor(port: number, pki: Pki) {
    this.#child = start('./hostile/splice-load-process.ts');
    this.#child.on('message', ({ bytes, ms }: SpliceLoadReport) => {
      this.#bytes += bytes;
      this.#ms += ms;
    });
    const task: SpliceLoadTask = {
      ...{ port, pairs: PAIRS, relayCa: pki.relayCa.certificate, infoHash: pki.infoHash },
      ...{ bridge: identityOf('park', pki), broker: identityOf('connect', pki) },
    };
    this.#child.send(task);
  }

  /** Bytes per second in the next `ms`, once all are paired. */
  async measure(ms: number): Promise<number> {
    const from = { bytes: this.#bytes, ms: this.#ms };
    while (this.#ms - from.ms < ms) {
      if (this.#child.exitCode !== null) return 0;
      await sleep(systemClock, 20);
    }
    return (this.#bytes - from.bytes) / ((this.#ms - from.ms) / 1_000);
  }

  stop(): Promise<void> {
    return end(this.#child);
  }
}

/** A bridge whose connections break again and again. */
class Bridge {
  readonly #port: number;
  #client: WireClient | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** Milliseconds from the loss of its connection until it is parked again. */
  async reconnect(): Promise<number> {
    this.#client?.reset();
    const from = systemClock.now();
    for (;;) {
      try {
        this.#client = await WireClient.dial(this.#port, {
          identity: identityOf('park'),
          localAddress: BRIDGE_SOURCE,
        });
        // Another one than the bridges of the splices.
        this.#client.send(hello('park', { instance: Buffer.alloc(16, 0xd4) }));
        await this.#client.expect('parked');
        return systemClock.now() - from;
      } catch {
        if (systemClock.now() - from > 5 * RECONNECT_MS) return Number.POSITIVE_INFINITY;
      }
    }
  }

  async reconnects(ms: number): Promise<number[]> {
    const samples: number[] = [];
    const until = systemClock.now() + ms;
    while (systemClock.now() < until) {
      await sleep(systemClock, RECONNECT_PAUSE_MS);
      samples.push(await this.reconnect());
    }
    return samples;
  }
}
