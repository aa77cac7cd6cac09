/**
 * While a bridge that qualifies is parked and reachable, a broker is paired within the bound, and never told that there is none.
 * Whatever else a broker is told is true as well.
 */
import {
  CONNECTIONS_PER_SOURCE,
  CONVERGED_MS,
  PAIRED_MS,
  RATE_CONNECTIONS,
  RATE_WINDOW_MS,
} from '../bounds.ts';
import type { Checker } from '../checker.ts';
import type { Fault } from '../faults.ts';
import { type Attempt, type Facts, factsOf, type ParkSpan } from './facts.ts';

export const checkPairing: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  return facts.attempts.flatMap((attempt) => {
    const text = faultOf(facts, attempt);
    if (text === undefined) return [];
    const { asked, outcome } = attempt;
    const who = `attempt ${asked.attempt} of ${asked.broker} at ${asked.node}, asked at ${asked.ms} ms,`;
    return [{ checker: 'pairing', ms: outcome?.ms ?? facts.endMs, text: `${who} ${text}` }];
  });
};

function faultOf(facts: Facts, attempt: Attempt): string | undefined {
  const { asked, outcome } = attempt;
  const untilMs = outcome?.ms ?? Math.min(facts.endMs, facts.scenario.untilMs);
  const waited = untilMs - asked.ms;
  if (waited > PAIRED_MS) {
    const park = qualifying(facts, attempt, asked.ms, untilMs);
    if (park) return `waited for ${Math.round(waited)} ms while ${park.bridge} was parked at ${park.node}`;
  }
  return outcome?.what === 'refused' ? untrue(facts, attempt, outcome.code, outcome.ms) : undefined;
}

/** A park that the broker could have been joined with for {@link PAIRED_MS} within two times, and that nothing stood in the way to. */
function qualifying(facts: Facts, { asked }: Attempt, fromMs: number, untilMs: number): ParkSpan | undefined {
  const { wanted, except = [], avoid = [] } = asked;
  if (avoid.includes(asked.node)) return undefined;
  return facts.parks.find((park) => {
    if (park.infoHash !== asked.infoHash || avoid.includes(park.node) || except.includes(park.instance))
      return false;
    if (wanted !== undefined && wanted !== park.instance) return false;
    const [from, until] = [Math.max(fromMs, park.fromMs), Math.min(untilMs, park.untilMs)];
    return until - from > PAIRED_MS && isReachable(facts, asked, park, from, until);
  });
}

/** What other nodes do counts as well, as a broker is sent to any of them first. */
function isReachable(
  facts: Facts,
  { broker }: Attempt['asked'],
  { bridge }: ParkSpan,
  fromMs: number,
  untilMs: number,
): boolean {
  const settledMs = Math.max(0, fromMs - CONVERGED_MS);
  const bridges = facts.scenario.bridges.map((_, index) => `bridge-${index}`);
  return (
    !facts.disturbed([...facts.relays, ...bridges, broker], settledMs, untilMs, isEndOfClient) &&
    !facts.changed(facts.relays, settledMs, untilMs) &&
    !facts.ended(bridge, fromMs, untilMs)
  );
}

/** The end of a client is noticed at once, and what its successor parks counts from then on. */
function isEndOfClient(fault: Fault): boolean {
  return (fault.kind === 'kill' || fault.kind === 'restart') && !('relay' in fault.place);
}

/** Why a refusal with that code was not true. */
function untrue(facts: Facts, attempt: Attempt, code: string, ms: number): string | undefined {
  const { broker, node, avoid = [] } = attempt.asked;
  const isTrue = (): boolean => {
    switch (code) {
      case 'noBridge':
        return !qualifying(facts, attempt, ms - PAIRED_MS - 1, ms);
      case 'avoided':
        return avoid.includes(node);
      case 'draining':
        return (facts.nodeAt(node, ms)?.drainsMs ?? 0) <= ms;
      case 'holderUnreachable':
        return (
          facts.disturbed(facts.relays, ms - CONVERGED_MS, ms) ||
          facts.changed(facts.relays, Math.max(0, ms - CONVERGED_MS), ms)
        );
      case 'timeout':
        return facts.disturbed([broker, node], ms - CONVERGED_MS, ms);
      case 'rateLimit':
        return asksOf(facts, attempt, ms - RATE_WINDOW_MS) >= RATE_CONNECTIONS;
      case 'tooMany':
        return asksOf(facts, attempt, 0) >= CONNECTIONS_PER_SOURCE;
      default:
        // Clients of a scenario have good proofs and speak the protocol.
        return false;
    }
  };
  return isTrue() ? undefined : `was refused '${code}' at ${Math.round(ms)} ms, which was not so`;
}

/** How often that broker asked at that node since `fromMs`, up to this attempt. */
function asksOf(facts: Facts, { asked }: Attempt, fromMs: number): number {
  return facts.attempts.filter(
    (other) =>
      other.asked.broker === asked.broker &&
      other.asked.node === asked.node &&
      other.asked.ms >= fromMs &&
      other.asked.ms <= asked.ms,
  ).length;
}
