/**
 * Without faults directories are equal within the bound: each names the nodes that live, with their incarnations, and as holders
 * those where bridges are parked. A dead node is gone from all of them within its bounds, faults or not.
 */
import { ADVERT_MS, CONVERGED_MS, DEAD_NODE_MS, DEAD_PROCESS_MS } from '../bounds.ts';
import type { Checker, Violation } from '../checker.ts';
import { nameOf } from '../faults.ts';
import type { Event } from '../history.ts';
import { type Facts, factsOf, type NodeSpan } from './facts.ts';

type View = Extract<Event, { what: 'directory' }>;

export const checkDirectory: Checker = (history, scenario) => {
  const facts = factsOf(history, scenario);
  // A holder that has just said that it has nothing for some broker is left out for half a second: twice running is too long.
  const before = new Map<string, readonly string[]>();
  return history.flatMap((event): Violation[] => {
    if (event.what !== 'directory') return [];
    const different = isSettled(facts, event.ms) ? notTrue(facts, event) : [];
    const again = different.filter((text) => before.get(event.node)?.includes(text));
    before.set(event.node, different);
    return [...theDead(facts, event), ...again].map((text) => ({
      checker: 'directory',
      ms: event.ms,
      text: `${event.node} ${text}`,
    }));
  });
};

function isSettled(facts: Facts, ms: number): boolean {
  const fromMs = ms - CONVERGED_MS;
  return (
    fromMs >= 0 && !facts.disturbed(facts.relays, fromMs, ms) && !facts.changed(facts.relays, fromMs, ms)
  );
}

function theDead(facts: Facts, { node, members, holders, ms }: View): string[] {
  const self = facts.nodeAt(node, ms);
  const named = new Set([...Object.keys(members), ...Object.values(holders).flat()]);
  return [...named].flatMap((name) => {
    const dead = facts.nodes.find(
      (each) => each.node === name && each.incarnation === members[name] && each.untilMs <= ms,
    );
    if (!dead) {
      if (name in members || facts.nodeAt(name, ms - DEAD_NODE_MS) || facts.nodeAt(name, ms)) return [];
      return [`names ${name} as a holder, which has been dead for ${DEAD_NODE_MS} ms`];
    }
    const boundMs = boundOf(facts, node, dead, ms);
    if (ms - Math.max(dead.untilMs, self?.fromMs ?? ms) <= boundMs) return [];
    return [
      `still knows ${name}, which died ${Math.round(ms - dead.untilMs)} ms ago: ${boundMs} ms are promised`,
    ];
  });
}

/** A node that was stopped itself has that time left; where the network was well, the end of the process shows at once. */
function boundOf(facts: Facts, observer: string, dead: NodeSpan, ms: number): number {
  const fromMs = dead.untilMs - CONVERGED_MS;
  if (facts.disturbed([observer], dead.untilMs, ms)) return Number.POSITIVE_INFINITY;
  const isItsEnd = (fault: Parameters<typeof nameOfProcess>[0]): boolean =>
    nameOfProcess(fault) === dead.node && fault.kind !== 'pause';
  return facts.disturbed([observer, dead.node], fromMs, ms, isItsEnd) ||
    facts.changed([observer], Math.max(0, fromMs), ms)
    ? DEAD_NODE_MS
    : DEAD_PROCESS_MS;
}

function nameOfProcess(fault: Facts['scenario']['faults'][number]): string | undefined {
  return 'place' in fault ? nameOf(fault.place) : undefined;
}

/** What is different from how things have been for {@link ADVERT_MS}. */
function notTrue(facts: Facts, { members, holders, ms }: View): string[] {
  const faults: string[] = [];
  const alive = facts.nodes.filter((each) => each.fromMs <= ms && ms < each.untilMs);
  const expected = alive.map((each) => `${each.node}#${each.incarnation}`).sort();
  const seen = Object.entries(members).map(([name, incarnation]) => `${name}#${incarnation}`);
  if (seen.sort().join() !== expected.join())
    faults.push(`knows ${seen.join(', ')} where ${expected.join(', ')} live`);
  for (const infoHash of new Set([...Object.keys(holders), ...facts.parks.map((park) => park.infoHash)])) {
    const named = holders[infoHash] ?? [];
    for (const holder of alive.map((each) => each.node)) {
      const parks = facts.parks.filter((park) => park.infoHash === infoHash && park.node === holder);
      const wasThere = parks.some((park) => park.fromMs <= ms && ms - ADVERT_MS <= park.untilMs);
      const isThere = parks.some((park) => park.fromMs <= ms - ADVERT_MS && ms < park.untilMs);
      if (isThere && !named.includes(holder))
        faults.push(`does not know that ${infoHash} is parked at ${holder}`);
      if (!wasThere && named.includes(holder))
        faults.push(`names ${holder} as a holder of ${infoHash}, where nothing of it is parked`);
    }
  }
  return faults;
}
