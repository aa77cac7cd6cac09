/**
 * No broker is ever joined with a bridge of another info_hash, with one that it left out, or over a node that it avoids; the
 * path begins where it asked, ends where that bridge was parked, and has one forward at the most.
 */
import { PAIRED_MS } from '../bounds.ts';
import type { Checker, Violation } from '../checker.ts';
import type { Event } from '../history.ts';
import { type Attempt, type Facts, factsOf } from './facts.ts';

type Paired = Extract<Event, { what: 'paired' }>;

export const checkRightBridge: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  const ofPairs = facts.attempts.flatMap(({ asked, outcome }) => {
    if (outcome?.what !== 'paired') return [];
    const who = `attempt ${outcome.attempt} of ${asked.broker}`;
    return faultsOf(facts, asked, outcome).map((text) => violation(outcome.ms, `${who}: ${text}`));
  });
  return [...ofPairs, ...ofAttempts(history), ...ofStreams(history)];
};

function violation(ms: number, text: string): Violation {
  return { checker: 'rightBridge', ms, text };
}

function faultsOf(facts: Facts, asked: Attempt['asked'], paired: Paired): string[] {
  const { bridge, instance, infoHash, path, ms } = paired;
  const faults: string[] = [];
  if (infoHash !== asked.infoHash)
    faults.push(`asked for ${asked.infoHash}, was joined with ${bridge} of ${infoHash}`);
  if (asked.wanted !== undefined && asked.wanted !== instance)
    faults.push(`wanted instance ${asked.wanted}, was joined with ${instance} of ${bridge}`);
  if (asked.except?.includes(instance)) faults.push(`was joined with ${bridge}, which it had left out`);
  const avoided = path.filter((node) => asked.avoid?.includes(node));
  if (avoided.length > 0)
    faults.push(`its path ${path.join(' - ')} crosses ${avoided.join(', ')}, to be avoided`);
  if (path[0] !== asked.node || path.length > 2 || (path.length === 2 && path[0] === path[1]))
    faults.push(`asked at ${asked.node}, has the path ${path.join(' - ')}`);
  // The park is no park any more once it is offered, which its bridge then accepts.
  const wasParked = facts.parks.some(
    (park) =>
      park.instance === instance &&
      park.infoHash === infoHash &&
      park.node === path.at(-1) &&
      park.fromMs <= ms &&
      ms - PAIRED_MS <= park.untilMs,
  );
  if (!wasParked) faults.push(`was joined with ${bridge} at ${path.at(-1)}, where that was not parked`);
  return faults;
}

/** An attempt has one outcome, after it asked. */
function ofAttempts(history: readonly Event[]): Violation[] {
  const open = new Set<number>();
  return history.flatMap((event) => {
    if (event.what === 'asked') open.add(event.attempt);
    if (event.what !== 'paired' && event.what !== 'refused') return [];
    if (open.delete(event.attempt)) return [];
    return [
      violation(event.ms, `attempt ${event.attempt} was ${event.what} without having asked, or once more`),
    ];
  });
}

/** Streams come out at a bridge of the CA that their broker has. */
function ofStreams(history: readonly Event[]): Violation[] {
  const wanted = new Map<number, string>();
  return history.flatMap((event) => {
    if (event.what === 'opened') wanted.set(event.stream, event.infoHash);
    if (event.what !== 'served' || wanted.get(event.stream) === event.infoHash) return [];
    const text = `stream ${event.stream} for ${wanted.get(event.stream)} came out at ${event.bridge} of ${event.infoHash}`;
    return [violation(event.ms, text)];
  });
}
