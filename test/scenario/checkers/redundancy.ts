/**
 * A broker never says that its tunnel can lose any one node where it cannot; and once things are calm each tunnel has two legs
 * that share none, where there are nodes for it.
 */
import { SERVED_AGAIN_MS } from '../bounds.ts';
import type { Checker, Violation } from '../checker.ts';
import type { Event } from '../history.ts';
import { type Facts, factsOf } from './facts.ts';

/** Brokers are asked about their tunnels at least so often. */
const LOOK_MS = 2_000;

type Tunnel = Extract<Event, { what: 'tunnel' }>;

export const checkRedundancy: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  const found: Violation[] = [];
  const last = new Map<string, Tunnel>();
  for (const event of history) {
    if (event.what !== 'tunnel') continue;
    if (event.ms < scenario.untilMs) last.set(`${event.broker} ${event.instance}`, event);
    if (event.disjoint && !isDisjoint(event.paths))
      found.push(violation(event, 'says that no node can take all of its legs, which have the paths'));
  }
  for (const event of last.values())
    if (!isDisjoint(event.paths) && !isExcused(facts, event))
      found.push(violation(event, 'has only the legs'));
  return found;
};

function violation({ ms, broker, instance, paths }: Tunnel, what: string): Violation {
  const legs = paths.map((path) => path.join(' - ')).join(' and ');
  return { checker: 'redundancy', ms, text: `the tunnel of ${broker} to ${instance} ${what} ${legs}` };
}

/** Whether two of the paths have no node in common. */
function isDisjoint(paths: Tunnel['paths']): boolean {
  return paths.some((one, at) =>
    paths.slice(at + 1).some((other) => !one.some((node) => other.includes(node))),
  );
}

/** It was not there any more at the end, or could not have them: for want of nodes, of parks, of slots, or of time. */
function isExcused(facts: Facts, { ms, broker, instance }: Tunnel): boolean {
  const { untilMs, bridges } = facts.scenario;
  const fromMs = ms - SERVED_AGAIN_MS;
  const parks = facts.parks.filter(
    (park) => park.instance === instance && park.fromMs <= fromMs && ms <= park.untilMs,
  );
  const names = [broker, ...facts.relays, ...bridges.map((_, index) => `bridge-${index}`)];
  return (
    untilMs - ms > LOOK_MS ||
    new Set(parks.map(({ node }) => node)).size < 2 ||
    facts.disturbed(names, fromMs, ms) ||
    facts.changed(facts.relays, fromMs, ms) ||
    facts.ended(broker, fromMs, ms)
  );
}
