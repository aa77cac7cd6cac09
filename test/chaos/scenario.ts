/** The scenario of a chaos run: one of test/scenario, with the faults that real processes can have, and with more bytes. */

import { Draw } from '../scenario/draw.ts';
import { FAULT_KINDS, type Fault, type FaultKind, nameOf, type Place } from '../scenario/faults.ts';
import { scenarioOf } from '../scenario/generate.ts';
import type { Scenario, StreamPlan } from '../scenario/scenario.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Clocks jump in the simulator: containers have the clock of the machine. TCP itself undoes what is doubled or out of order. */
const NOT_HERE: readonly FaultKind[] = ['clockJump', 'duplicate', 'reorder'];
export const CHAOS_KINDS = FAULT_KINDS.filter((kind) => !NOT_HERE.includes(kind)) as [
  FaultKind,
  ...FaultKind[],
];

/** A relay is plugged out of its network so often. */
const ISOLATION_EVERY_MS = 150_000;
const ISOLATION_LEAST_MS = 1_000;
const ISOLATION_MOST_MS = 8_000;
/** Between two faults that would end each other. */
const APART_MS = 1_000;
/** What the simulator multiplexes by the kilobyte, real processes carry by the megabyte. */
const TIMES_BYTES = 16;
const MOST_BYTES = 12_000_000;

export function chaosScenario(seed: number, runMs: number): Scenario {
  const drawn = scenarioOf(seed, { runMs, kinds: CHAOS_KINDS });
  const draw = new Draw(seededRandom(seed ^ 0x0c4a05));
  const isolations = drawIsolations(draw, drawn);
  const kept = drawn.faults.filter((fault) => !isolations.flat().some((other) => collide(fault, other)));
  const faults = [...kept, ...isolations.flat()].sort((one, other) => one.atMs - other.atMs);
  return { ...drawn, faults, streams: drawn.streams.map(larger) };
}

/** Whether a cut is one of all links of a relay at once: then it is not cut but plugged out of its network. */
export function isolated(fault: Fault, { faults, ...scenario }: Scenario): Place | undefined {
  if (fault.kind !== 'cut') return undefined;
  const from = nameOf(fault.from);
  const alike = faults.filter(
    (other) =>
      other.kind === 'cut' &&
      other.atMs === fault.atMs &&
      other.forMs === fault.forMs &&
      nameOf(other.from) === from,
  );
  const others = scenario.relays - 1 + scenario.bridges.length + scenario.brokers.length;
  return alike.length === others ? fault.from : undefined;
}

function drawIsolations(
  draw: Draw,
  { relays, bridges, brokers, faults, faultsUntilMs }: Scenario,
): Fault[][] {
  const fromMs = faults[0]?.atMs ?? 0;
  const count = Math.max(1, Math.floor(faultsUntilMs / ISOLATION_EVERY_MS));
  const share = (faultsUntilMs - fromMs) / count;
  return Array.from({ length: count }, (_, turn) => {
    const relay = draw.between(0, relays - 1);
    const forMs = draw.between(ISOLATION_LEAST_MS, ISOLATION_MOST_MS);
    const atMs =
      Math.round(fromMs + turn * share) + draw.between(0, Math.max(0, Math.round(share) - forMs - APART_MS));
    const others: Place[] = [
      ...Array.from({ length: relays }, (_, other) => ({ relay: other })).filter(
        (other) => other.relay !== relay,
      ),
      ...bridges.map((_, bridge) => ({ bridge })),
      ...brokers.map((_, broker) => ({ broker })),
    ];
    return others.map((to) => ({ kind: 'cut', from: { relay }, to, oneWay: false, atMs, forMs }) as const);
  });
}

/** What befalls the isolated relay meanwhile, or a link of it. */
function collide(fault: Fault, isolation: Fault): boolean {
  if (!('from' in isolation)) return false;
  const name = nameOf(isolation.from);
  const places = 'place' in fault ? [fault.place] : 'from' in fault ? [fault.from, fault.to] : [];
  const overlap =
    fault.atMs <= isolation.atMs + isolation.forMs + APART_MS &&
    isolation.atMs <= fault.atMs + fault.forMs + APART_MS;
  return overlap && places.some((place) => nameOf(place) === name);
}

function larger({ clientBytes, storeBytes, ...plan }: StreamPlan): StreamPlan {
  const times = (bytes: number): number => Math.min(MOST_BYTES, bytes * TIMES_BYTES);
  return { ...plan, clientBytes: times(clientBytes), storeBytes: times(storeBytes) };
}
