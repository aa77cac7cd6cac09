/** The checkers of test/scenario on a chaos run. */
import type { Violation } from '../scenario/checker.ts';
import { checkParking } from '../scenario/checkers/parking.ts';
import type { Event, History } from '../scenario/history.ts';
import { CHECKERS } from '../scenario/judge.ts';
import type { ClientPlan, Scenario } from '../scenario/scenario.ts';
import type { Death } from './processes.ts';
import type { ChaosRun } from './run.ts';
import { parksOfBridges } from './views.ts';

/** As violations name them, and what the run itself looks at beside them. */
export const CHECKER_NAMES: readonly string[] = [
  ...CHECKERS.map(({ name }) => name.replace(/^check(.)/, (_, first: string) => first.toLowerCase())),
  'processes',
];

/** A client may be told of a death so much later than the engine. */
const DEATH_MS = 1_500;

/** @param slowness stretches every bound, by slowing the clock: times in the words of checkers are by that clock */
export function judged(run: ChaosRun, slowness: number): readonly Violation[] {
  const { history, looks, beganMs, found } = run;
  const slow = <T extends { readonly ms: number }>(one: T, factor: number): T => ({
    ...one,
    ms: one.ms * factor,
  });
  const scenario = slowed(run.scenario, 1 / slowness);
  const events = withDeaths(history, run.deaths);
  // Where a bridge is parked it says by itself; relays say what is parked at them, and not whose it is.
  const bridges = looks.filter(({ name }) => name.startsWith('bridge'));
  const others = events.filter(({ what }) => what !== 'parked' && what !== 'unparked');
  const asBridgesSay = [...others, ...parksOfBridges(bridges, beganMs)].sort(
    (one, other) => one.ms - other.ms,
  );
  const [byRelays, byBridges] = [events, asBridgesSay].map((all) =>
    all.map((event) => slow(event, 1 / slowness)),
  );
  const violations = CHECKERS.flatMap((check) =>
    check((check === checkParking ? byBridges : byRelays) ?? [], scenario),
  );
  return [...violations.map((one) => slow(one, slowness)), ...found].sort((one, other) => one.ms - other.ms);
}

function slowed(scenario: Scenario, factor: number): Scenario {
  const span = ({ fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number }) => ({
    fromMs: fromMs * factor,
    untilMs: untilMs * factor,
  });
  const client = (plan: ClientPlan): ClientPlan => ({ ...plan, spans: plan.spans.map(span) });
  return {
    ...scenario,
    bridges: scenario.bridges.map(client),
    brokers: scenario.brokers.map(client),
    streams: scenario.streams.map((plan) => ({ ...plan, atMs: plan.atMs * factor })),
    faults: scenario.faults.map((fault) => ({
      ...fault,
      atMs: fault.atMs * factor,
      forMs: fault.forMs * factor,
    })),
    faultsUntilMs: scenario.faultsUntilMs * factor,
    untilMs: scenario.untilMs * factor,
  };
}

/**
 * The kernel ends the connections of a killed process with FIN, as if it had ended them itself. To a client of a broker that was
 * killed, and to the store behind such a bridge, this is a break, and no end that Beacon has told.
 */
export function withDeaths(history: History, deaths: readonly Death[]): History {
  const finished = new Set<string>();
  const broken = new Set<string>();
  const neighbours = new Map<string, string>();
  return history.flatMap((event): Event[] => {
    if (event.what === 'opened') neighbours.set(`${event.stream} client`, event.broker);
    if (event.what === 'served') neighbours.set(`${event.stream} store`, event.bridge);
    if (!('side' in event)) return [event];
    const { stream, side, ms } = event;
    const own = `${stream} ${side}`;
    // What its workload went on to do, it did to a socket that was dead.
    if (broken.has(own)) return [];
    if (event.what === 'finished') finished.add(own);
    const isWhole = finished.has(`${stream} ${side === 'client' ? 'store' : 'client'}`);
    const died = deaths.some(
      ({ name, fromMs, untilMs }) => name === neighbours.get(own) && fromMs <= ms && ms <= untilMs + DEATH_MS,
    );
    if (event.what !== 'end' || isWhole || !died) return [event];
    broken.add(own);
    return [{ what: 'failed', stream, side, code: 'died', ms }];
  });
}
