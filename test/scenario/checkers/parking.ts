/** Once things are calm, each bridge that runs is parked, and on two nodes at the least where there are two. */
import { SERVED_AGAIN_MS } from '../bounds.ts';
import type { Checker } from '../checker.ts';
import { factsOf } from './facts.ts';

export const checkParking: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  // All of them leave with the end of the run.
  const ms = scenario.untilMs - 1;
  const fromMs = ms - SERVED_AGAIN_MS;
  return scenario.bridges.flatMap((_, index) => {
    const bridge = `bridge-${index}`;
    const isDisturbed =
      facts.disturbed([bridge, ...facts.relays], fromMs, ms) || facts.changed(facts.relays, fromMs, ms);
    if (isDisturbed || facts.ended(bridge, fromMs, ms)) return [];
    const parks = facts.parks.filter(
      (park) => park.bridge === bridge && park.fromMs <= ms && ms < park.untilMs,
    );
    const nodes = new Set(parks.map(({ node }) => node));
    if (nodes.size >= Math.min(2, scenario.relays)) return [];
    const where = nodes.size === 0 ? 'nowhere' : `at ${[...nodes].join()} only`;
    return [{ checker: 'parking', ms, text: `${bridge} is parked ${where}, long after the last fault` }];
  });
};
