/** 100,000 broken first packets against one real relay, while honest clients pair at it. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { messageOf } from '../../../src/base/errors.ts';
import { ALPN, type Role } from '../../../src/wire/frames.ts';
import { makePki } from '../../../test/support/certificates.ts';
import { type BeaconProcess, makePkiDirectory, startBeacon } from '../../../test/support/processes.ts';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { nextSource } from '../../../test/support/sources.ts';
import { clientHello } from '../../../test/support/strangers.ts';
import { acceptOffer, hello, identityOf, WireClient } from '../../../test/support/wire-client.ts';
import { LOOPBACK } from '../loopback.ts';
import { type Row, rounded, spreadOf, valuesOf } from '../report.ts';
import { nextCase, type PacketCase, proxyHeader } from './first-packet-cases.ts';
import type { LoopDelay } from './loop-delay.ts';

export const FIRST_PACKETS_WHAT = '100,000 fuzzed first packets (ClientHello, PROXY header, HELLO)';
export const FIRST_PACKETS_BAR = 'no crash, no descriptor leak, no stall over 50 ms';
const STALL_MS = 50;
const PACKETS = 100_000;
const SEED = 4_096;
/** Connections at once: the relay is kept busy all the time, and no turn of its loop has more to do than these. */
const PARALLEL = 32;
/** A connection that the relay has not closed by then is closed from here: a broken HELLO can also be a good one. */
const PATIENCE_MS = 200;
/** Between two honest pairings. */
const PAIRING_PAUSE_MS = 50;
/** The relay's own deadlines are over by then. */
const SETTLE_MS = 12_000;
/** The text of loop-delay.ts, which is not imported: it would measure this process. */
const LOOP_DELAY_LINE = 'event loop delay';

interface Outcome {
  readonly alive: boolean;
  readonly faults: number;
  readonly leaked: number;
  readonly delay: LoopDelay;
  readonly pairings: readonly number[];
  readonly failedPairings: number;
  readonly seconds: number;
}

/** Takes a minute or two on two cores. Fewer packets are for trying out; the row is about {@link PACKETS} of them. */
export async function measureFirstPackets(packets: number = PACKETS): Promise<Row[]> {
  const files = await makePkiDirectory();
  const preload = fileURLToPath(new URL('./loop-delay.ts', import.meta.url));
  try {
    const relay = await startBeacon(files.relayArgs('--proxy-protocol-from', '127.0.0.0/8'), {
      nodeFlags: ['--import', preload],
    });
    try {
      return [rowOf(await attack(relay, packets), packets)];
    } finally {
      await relay.kill();
    }
  } finally {
    await files.remove();
  }
}

async function attack(relay: BeaconProcess, packets: number): Promise<Outcome> {
  const honest = new HonestClients(relay.port);
  // The first connections load and compile what all others use.
  for (let warm = 0; warm < 20; warm += 1) await honest.pair();
  await flood(relay.port, seededRandom(SEED + 1), Math.min(2_000, packets));
  const before = await relay.quiet();
  await loopDelay(relay);
  const start = systemClock.now();
  const pairing = honest.start();
  await flood(relay.port, seededRandom(SEED), packets);
  await honest.stop(pairing);
  const seconds = (systemClock.now() - start) / 1_000;
  if (!relay.alive) return { ...DEAD, seconds };
  const delay = await loopDelay(relay);
  const faults = relay.lines.filter(({ level }) => level === 'error').length;
  const leaked = (await settledDescriptors(relay, before)) - before;
  const { pairings, failed } = honest;
  return { alive: relay.alive, faults, leaked, delay, pairings, failedPairings: failed, seconds };
}

const DEAD: Omit<Outcome, 'seconds'> = {
  alive: false,
  faults: 0,
  leaked: Number.NaN,
  delay: { stallMs: Number.NaN, lateMs: Number.NaN, busyMs: Number.NaN },
  pairings: [],
  failedPairings: 0,
};

function rowOf(outcome: Outcome, packets: number): Row {
  const { alive, faults, leaked, delay, pairings, failedPairings, seconds } = outcome;
  const spread = spreadOf(pairings);
  const isHealthy = alive && faults === 0 && leaked <= 0;
  const isServed = pairings.length > 0 && failedPairings === 0;
  return {
    what: FIRST_PACKETS_WHAT,
    bar: FIRST_PACKETS_BAR,
    measured:
      `${alive ? 'alive' : 'it died'}, ${faults} faults logged; ${rounded(leaked)} descriptors more than before; ` +
      `longest stall ${rounded(delay.stallMs)} ms (${rounded(delay.lateMs)} ms with the wait for a core; at most ${rounded(delay.busyMs)} ms of CPU in one go); ` +
      `meanwhile ${pairings.length} pairings, p99 ${rounded(spread.p99)} ms, ${failedPairings} failed`,
    met: isHealthy && isServed && delay.stallMs <= STALL_MS && packets >= PACKETS,
    how: `${rounded(packets)} connections from a fixed seed to one relay, ${PARALLEL} at once, each from an address of its own by its PROXY header; the stall is the worst lateness of a 5 ms timer within the relay, less the time that the kernel let it wait for a core`,
    values: {
      packets,
      seconds,
      faults,
      descriptors_leaked: leaked,
      stall_max_ms: delay.stallMs,
      late_max_ms: delay.lateMs,
      busy_max_ms: delay.busyMs,
      pairings_failed: failedPairings,
      ...valuesOf('pairing', 'ms', spread),
    },
  };
}

/** What loop-delay.ts saw since it was asked last. */
async function loopDelay(relay: BeaconProcess): Promise<LoopDelay> {
  const from = relay.lines.length;
  process.kill(relay.pid, 'SIGUSR2');
  const line = await relay.waitFor(LOOP_DELAY_LINE, { from });
  return {
    stallMs: Number(line['stallMs']),
    lateMs: Number(line['lateMs']),
    busyMs: Number(line['busyMs']),
  };
}

async function settledDescriptors(relay: BeaconProcess, before: number): Promise<number> {
  const until = systemClock.now() + SETTLE_MS;
  let open = await relay.quiet();
  while (open > before && systemClock.now() < until) {
    await sleep(systemClock, 500);
    open = await relay.quiet();
  }
  return open;
}

/** All cases follow from `random`; how they interleave does not. */
async function flood(port: number, random: ReturnType<typeof seededRandom>, packets: number): Promise<void> {
  const hellos = await Promise.all(Array.from({ length: 4 }, () => clientHello()));
  let left = packets;
  const work = async (): Promise<void> => {
    for (; left > 0; ) {
      left -= 1;
      await send(port, nextCase(random, hellos));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

/** One connection, from its beginning to its end. Never rejects: whatever the relay does with it is fine here. */
async function send(port: number, { clear, cut, inside, aborts }: PacketCase): Promise<void> {
  const socket = connectTcp({ host: LOOPBACK, port, localAddress: nextSource(), noDelay: true });
  const closed = once(socket, 'close').catch(() => {});
  const patience = systemClock.after(PATIENCE_MS, () => socket.destroy());
  socket.on('error', () => {});
  const written = (): void => {
    if (inside) sendInside(socket, inside, aborts);
    else if (aborts) socket.resetAndDestroy();
    else socket.resume().end();
  };
  if (cut === undefined) socket.write(clear, written);
  else socket.write(clear.subarray(0, cut), () => socket.write(clear.subarray(cut), written));
  await closed;
  patience.cancel();
}

/** Leaves with the first answer to the HELLO, or without waiting for one. */
function sendInside(
  socket: Socket,
  { role, bytes }: NonNullable<PacketCase['inside']>,
  aborts: boolean,
): void {
  if (socket.destroyed) return;
  const stream = connectTls({
    socket,
    secureContext: contextOf(role),
    ALPNProtocols: [ALPN],
    rejectUnauthorized: false,
  });
  const leave = (): void => void socket.resetAndDestroy();
  stream.on('error', leave);
  stream.once('secureConnect', () => stream.write(bytes, aborts ? leave : undefined));
  stream.once('data', leave);
  stream.once('close', leave);
}

const contexts = new Map<Role, ReturnType<typeof createSecureContext>>();

function contextOf(role: Role): ReturnType<typeof createSecureContext> {
  const { certificate, key } = identityOf(role);
  const context =
    contexts.get(role) ?? createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.3' });
  contexts.set(role, context);
  return context;
}

/** A bridge and a broker of a CA of their own that meet at the relay over and over. */
class HonestClients {
  /** Milliseconds from the first SYN to PAIRED. */
  readonly pairings: number[] = [];
  failed = 0;
  readonly #port: number;
  readonly #pki = makePki({ fresh: true });
  readonly #random = seededRandom(SEED + 2);
  #running = false;

  constructor(port: number) {
    this.#port = port;
  }

  async start(): Promise<void> {
    this.#running = true;
    this.pairings.length = 0;
    for (; this.#running; await sleep(systemClock, PAIRING_PAUSE_MS)) {
      const start = systemClock.now();
      try {
        await this.pair();
        this.pairings.push(systemClock.now() - start);
      } catch (error) {
        if (this.failed === 0) console.error(`an honest pairing failed: ${messageOf(error)}`);
        this.failed += 1;
      }
    }
  }

  stop(running: Promise<void>): Promise<void> {
    this.#running = false;
    return running;
  }

  async pair(): Promise<void> {
    const bridge = await this.#dial('park');
    try {
      await bridge.expect('parked');
      const broker = await this.#dial('connect');
      try {
        await acceptOffer(bridge);
        await broker.expect('paired');
      } finally {
        broker.reset();
      }
    } finally {
      bridge.reset();
    }
  }

  async #dial(role: Role): Promise<WireClient> {
    const client = await WireClient.dial(this.#port, {
      identity: identityOf(role, this.#pki),
      localAddress: nextSource(),
      preamble: proxyHeader(this.#random),
    });
    client.send(hello(role, {}, this.#pki));
    return client;
  }
}
