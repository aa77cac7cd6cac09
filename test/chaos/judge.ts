/** The checkers of test/scenario on a chaos run. */
import type { Violation } from '../scenario/checker.ts';
import { nameOf } from '../scenario/faults.ts';
import type { Event, History, StreamId } from '../scenario/history.ts';
import { judge } from '../scenario/judge.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { ChaosRun } from './run.ts';

/** The engine tells of a death so much later than the kernel tells the peers. */
const DEATH_MS = 1_500;

export function judged({ history, scenario, found }: ChaosRun): readonly Violation[] {
  const violations = judge(withDeaths(history, scenario), scenario);
  return [...violations, ...found].sort((one, other) => one.ms - other.ms);
}

/**
 * The kernel ends the connections of a killed process with FIN, as if it had ended them itself. To a client of a broker that was
 * killed, and to the store behind such a bridge, this is a break, and no end that Beacon has told.
 */
export function withDeaths(history: History, scenario: Scenario): History {
  const finished = new Set<string>();
  const ends = new Map<StreamId, { broker?: string; bridge?: string }>();
  const deaths = history.flatMap((event) => deathOf(event, scenario));
  return history.map((event) => {
    if (event.what === 'opened') ends.set(event.stream, { ...ends.get(event.stream), broker: event.broker });
    if (event.what === 'served') ends.set(event.stream, { ...ends.get(event.stream), bridge: event.bridge });
    if (event.what === 'finished') finished.add(`${event.stream} ${event.side}`);
    if (event.what !== 'end') return event;
    const { stream, side, ms } = event;
    if (finished.has(`${stream} ${side === 'client' ? 'store' : 'client'}`)) return event;
    const next = ends.get(stream)?.[side === 'client' ? 'broker' : 'bridge'];
    const died = deaths.some((death) => death.name === next && Math.abs(ms - death.ms) <= DEATH_MS);
    return died ? ({ what: 'failed', stream, side, code: 'died', ms } satisfies Event) : event;
  });
}

function deathOf(event: Event, scenario: Scenario): { readonly name: string; readonly ms: number }[] {
  if (event.what !== 'fault' || !event.on) return [];
  const fault = scenario.faults[event.fault];
  return fault?.kind === 'kill' || fault?.kind === 'restart'
    ? [{ name: nameOf(fault.place), ms: event.ms }]
    : [];
}
