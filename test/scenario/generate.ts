/** Scenarios out of seeds: the same seed and options give the same scenario, on any machine. */
import { seededRandom } from '../support/seeded-random.ts';
import { Draw } from './draw.ts';
import { drawFaults } from './draw-faults.ts';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import {
  type ClientPlan,
  type Scenario,
  STREAM_KINDS,
  type StreamKind,
  type StreamPlan,
} from './scenario.ts';

export interface ScenarioOptions {
  /** Default: 3. */
  readonly relays?: number;
  /** How long it takes, calm included. Default, and the least: {@link LEAST_RUN_MS}. */
  readonly runMs?: number;
  /** Of which faults are drawn. Default: all. */
  readonly kinds?: readonly [FaultKind, ...FaultKind[]];
}

/** Faults for 40 s, and what is left is calm. */
export const LEAST_RUN_MS = 80_000;
/** Clients first get so long to find each other. */
const WARM_UP_MS = 3_000;
/** The calm at the end: long enough for the bounds of bounds.ts, and for streams that begin in it and end. */
export const CALM_MS = 40_000;
/** The last stream begins so long before the end, so that a hang is one. */
export const LAST_STREAM_MS = 20_000;
/** Room for all legs that there are. */
const USUAL_SLOTS = 40;
/** Streams a minute. */
const LEAST_STREAMS = 15;
const MOST_STREAMS = 45;
/** A stream as a rule, and one of {@link RARE_LARGE}, which fills the window of a session. */
const LEAST_BYTES = 1_000;
const USUAL_BYTES = 40_000;
const LARGE_BYTES = 10_000_000;
const RARE_LARGE = 0.03;
/** Streams that last let faults befall them; one side after the other takes so long, and is to be done before the end. */
const LONGEST_STREAM_MS = 8_000;
const SHORT_BYTES = 2_000;

export function scenarioOf(seed: number, options: ScenarioOptions = {}): Scenario {
  const { relays = 3, runMs = LEAST_RUN_MS, kinds = FAULT_KINDS } = options;
  const untilMs = Math.max(runMs, LEAST_RUN_MS);
  const faultsUntilMs = untilMs - CALM_MS;
  // Not the numbers that the world of the run draws from the same seed.
  const draw = new Draw(seededRandom(seed ^ 0x5ce7a210));
  const cas = draw.between(1, 3);
  const bridges = drawClients(draw, cas, draw.between(cas, cas + 2), untilMs);
  const brokers = drawClients(draw, cas, draw.between(cas, cas + 1), untilMs);
  const range = { relays, bridges: bridges.length, brokers: brokers.length, kinds };
  const faults = drawFaults(draw, { ...range, fromMs: WARM_UP_MS, untilMs: faultsUntilMs });
  const streams = drawStreams(draw, brokers.length, untilMs);
  // Few enough, in one run of four, that brokers wait for one.
  const slots = draw.chance(0.25) ? draw.between(2, 8) : USUAL_SLOTS;
  return { seed, relays, slots, cas, bridges, brokers, streams, faults, faultsUntilMs, untilMs };
}

/** One at the least for each CA, which stays; what is beyond comes, goes and comes back. */
function drawClients(draw: Draw, cas: number, count: number, untilMs: number): ClientPlan[] {
  return Array.from({ length: count }, (_, index) => {
    const stays = index < cas ? draw.chance(0.8) : draw.chance(0.2);
    return { ca: index < cas ? index : draw.between(0, cas - 1), spans: drawSpans(draw, stays, untilMs) };
  });
}

function drawSpans(draw: Draw, stays: boolean, untilMs: number): ClientPlan['spans'] {
  if (stays) return [{ fromMs: 0, untilMs }];
  const faultsUntilMs = untilMs - CALM_MS;
  const leavesMs = draw.between(WARM_UP_MS, faultsUntilMs - WARM_UP_MS);
  const isBackMs = draw.between(leavesMs + 100, faultsUntilMs);
  const early = draw.chance(0.5) ? 0 : draw.between(0, leavesMs - 1_000);
  return [
    { fromMs: early, untilMs: leavesMs },
    { fromMs: isBackMs, untilMs },
  ];
}

function drawStreams(draw: Draw, brokers: number, untilMs: number): StreamPlan[] {
  const minutes = untilMs / 60_000;
  const count = Math.round(draw.between(LEAST_STREAMS, MOST_STREAMS) * minutes);
  const large = draw.chance(RARE_LARGE) ? draw.between(0, count - 1) : -1;
  const times = Array.from({ length: count }, () => draw.between(100, untilMs - LAST_STREAM_MS));
  return times
    .sort((one, other) => one - other)
    .map((atMs, stream) => ({
      stream,
      atMs,
      broker: draw.between(0, brokers - 1),
      ...(stream === large ? drawLarge(draw) : drawKind(draw, draw.of(STREAM_KINDS))),
    }));
}

type Kind = Pick<StreamPlan, 'kind' | 'clientBytes' | 'storeBytes' | 'overMs'>;

/** More than the window of a session holds, as fast as it goes. */
function drawLarge(draw: Draw): Kind {
  const [large, small] = [draw.between(LARGE_BYTES / 2, LARGE_BYTES), draw.between(1, SHORT_BYTES)];
  return draw.chance(0.5)
    ? { kind: 'read', clientBytes: small, storeBytes: large, overMs: 0 }
    : { kind: 'write', clientBytes: large, storeBytes: small, overMs: 0 };
}

function drawKind(draw: Draw, kind: StreamKind): Kind {
  const long = draw.magnitude(LEAST_BYTES, USUAL_BYTES);
  const short = draw.between(1, SHORT_BYTES);
  const overMs = draw.chance(0.3) ? 0 : draw.magnitude(100, LONGEST_STREAM_MS);
  switch (kind) {
    case 'write':
      return { kind, clientBytes: long, storeBytes: short, overMs };
    case 'read':
    case 'abort':
      return { kind, clientBytes: short, storeBytes: long, overMs };
    case 'stream':
    case 'halfClose':
      return { kind, clientBytes: long, storeBytes: draw.magnitude(LEAST_BYTES, USUAL_BYTES), overMs };
  }
}
