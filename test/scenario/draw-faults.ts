/** Which faults befall whom and when, drawn from a seed. */
import type { Draw } from './draw.ts';
import type { Fault, FaultKind, Place } from './faults.ts';

export interface FaultRange {
  readonly relays: number;
  readonly bridges: number;
  readonly brokers: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly kinds: readonly [FaultKind, ...FaultKind[]];
}

/** A run has so many faults at the least, and for each of its minutes. */
export const LEAST_FAULTS = 5;
const MOST_FAULTS_A_MINUTE = 14;
/** A process that is down or stopped stays so for less than a session waits for its legs (60 s): streams are to live on. */
const LONGEST_MS = 9_000;
/** A relay that drains is gone after ten seconds or so, when its clients have moved. */
const DRAIN_LEAST_MS = 10_000;
const DRAIN_MOST_MS = 16_000;
/** Of so many ends of relays another fault is the company, which begins up to so long before and ends after. */
const COMPANIONS = 0.3;
const COMPANION_MS = 2_000;
/** Frames through a slow link still come within what nodes and clients wait for each other. */
const SLOWEST_MS = 300;

/** Faults in the order of their times; of one process never two at once. */
export function drawFaults(draw: Draw, range: FaultRange): Fault[] {
  const minutes = (range.untilMs - range.fromMs) / 60_000;
  const most = Math.max(LEAST_FAULTS, Math.round(minutes * MOST_FAULTS_A_MINUTE));
  const count = draw.between(Math.max(LEAST_FAULTS, Math.round(most / 3)), most);
  // A few kinds often rather than all of them now and then: bugs hide behind repetitions, too.
  const kinds = draw.some(range.kinds, 0.5);
  const faults: Fault[] = [];
  while (faults.length < count) {
    const fault = drawFault(draw, draw.of(kinds), range);
    if (!faults.some((other) => collide(fault, other))) faults.push(fault);
    else if (draw.chance(0.2)) faults.push(drawFault(draw, 'reset', range));
    const companion = draw.chance(COMPANIONS) && drawCompanion(draw, fault, range);
    if (companion && !faults.some((other) => collide(companion, other))) faults.push(companion);
  }
  return faults.sort((one, other) => one.atMs - other.atMs);
}

/** While a relay is silent to another one it ends: what it said last arrives after its successor's first word. */
function drawCompanion(draw: Draw, fault: Fault, range: FaultRange): Fault | undefined {
  const isEnd = fault.kind === 'kill' || fault.kind === 'restart';
  if (!isEnd || !('relay' in fault.place) || range.relays < 2) return undefined;
  const from = fault.place;
  const to = { relay: (from.relay + draw.between(1, range.relays - 1)) % range.relays };
  const atMs = Math.max(range.fromMs, fault.atMs - draw.between(0, COMPANION_MS));
  const forMs = Math.min(range.untilMs, fault.atMs + fault.forMs + draw.between(1, COMPANION_MS)) - atMs;
  return { kind: 'blackHole', from, to, atMs, forMs };
}

function drawFault(draw: Draw, kind: FaultKind, range: FaultRange): Fault {
  const forMs = drawDuration(draw, kind);
  const atMs = draw.between(range.fromMs, range.untilMs - forMs);
  const time = { atMs, forMs };
  switch (kind) {
    case 'cut':
      return { kind, ...drawLink(draw, range), oneWay: draw.chance(0.4), ...time };
    case 'blackHole':
    case 'reset':
      return { kind, ...drawLink(draw, range), ...time };
    case 'slow':
      return { kind, ...drawLink(draw, range), ms: draw.magnitude(10, SLOWEST_MS), ...time };
    case 'drop':
    case 'duplicate':
    case 'reorder':
      return { kind, share: draw.between(5, 60) / 100, ...time };
    case 'clockJump':
      return { kind, place: drawPlace(draw, range), ms: drawJump(draw), ...time };
    case 'drain':
      return { kind, place: drawRelay(draw, range), ...time };
    case 'certificates':
      return { kind, place: drawClient(draw, range), ...time };
    case 'kill':
    case 'restart':
    case 'pause':
      return { kind, place: draw.chance(0.7) ? drawRelay(draw, range) : drawClient(draw, range), ...time };
  }
}

function drawDuration(draw: Draw, kind: FaultKind): number {
  switch (kind) {
    case 'reset':
    case 'restart':
    case 'clockJump':
    case 'certificates':
      return 0;
    case 'drain':
      return draw.between(DRAIN_LEAST_MS, DRAIN_MOST_MS);
    default:
      return draw.magnitude(100, LONGEST_MS);
  }
}

/** Back and forth, from less than a second to half an hour: certificates live longer than that. */
function drawJump(draw: Draw): number {
  return draw.magnitude(500, 1_800_000) * (draw.chance(0.5) ? 1 : -1);
}

function drawLink(draw: Draw, range: FaultRange): { readonly from: Place; readonly to: Place } {
  const from = drawRelay(draw, range);
  const isBetweenRelays = range.relays > 1 && draw.chance(0.6);
  const to = isBetweenRelays
    ? { relay: (from.relay + draw.between(1, range.relays - 1)) % range.relays }
    : drawClient(draw, range);
  return draw.chance(0.5) ? { from, to } : { from: to, to: from };
}

function drawRelay(draw: Draw, { relays }: FaultRange): { readonly relay: number } {
  return { relay: draw.between(0, relays - 1) };
}

function drawClient(draw: Draw, { bridges, brokers }: FaultRange): Place {
  return draw.chance(0.5)
    ? { bridge: draw.between(0, bridges - 1) }
    : { broker: draw.between(0, brokers - 1) };
}

function drawPlace(draw: Draw, range: FaultRange): Place {
  return draw.chance(0.5) ? drawRelay(draw, range) : drawClient(draw, range);
}

/** Whether two faults are of the same process, or of the same link, at the same time: the end of one would end the other. */
function collide(one: Fault, other: Fault): boolean {
  const overlap = one.atMs <= other.atMs + other.forMs && other.atMs <= one.atMs + one.forMs;
  return overlap && subjectsOf(one).some((subject) => subjectsOf(other).includes(subject));
}

/** A link is two subjects, one for each way; what befalls the whole network is one. */
function subjectsOf(fault: Fault): string[] {
  if ('place' in fault) return [JSON.stringify(fault.place)];
  if (!('from' in fault)) return [fault.kind];
  const [from, to] = [JSON.stringify(fault.from), JSON.stringify(fault.to)];
  return [`${from}>${to}`, `${to}>${from}`];
}
