/** A dead incarnation never returns: not at a node that knows a younger one, nor where it was gone; and each start has one of its own. */
import type { Checker, Violation } from '../checker.ts';
import type { Event } from '../history.ts';
import { factsOf } from './facts.ts';

type View = Extract<Event, { what: 'directory' }>;

export const checkIncarnations: Checker = (history, scenario) => {
  const { nodes } = factsOf(history, scenario);
  const found: Violation[] = [];
  const begun = new Map<string, number>();
  for (const { node, incarnation, fromMs } of nodes) {
    const before = begun.get(node) ?? Number.NEGATIVE_INFINITY;
    if (incarnation <= before)
      found.push(violation(fromMs, `${node} began with incarnation ${incarnation} after ${before}`));
    begun.set(node, Math.max(before, incarnation));
  }
  const died = new Map(nodes.map((each) => [`${each.node}#${each.incarnation}`, each.untilMs]));
  // Of each process.
  const views = new Map<string, Known>();
  for (const event of history) {
    if (event.what === 'up') views.set(event.node, knowsNobody(event.ms));
    if (event.what !== 'directory') continue;
    const view = views.get(event.node) ?? knowsNobody(event.ms);
    views.set(event.node, view);
    for (const [name, incarnation] of Object.entries(event.members)) {
      const youngest = view.youngest.get(name) ?? incarnation;
      const isBack = incarnation === youngest && view.last[name] !== incarnation && view.youngest.has(name);
      // One that was heard again, and died after that, may still be there.
      const wasDead = (died.get(`${name}#${incarnation}`) ?? Number.NEGATIVE_INFINITY) <= view.lastMs;
      if (incarnation < youngest || (isBack && wasDead))
        found.push(violation(event.ms, `${event.node} knows ${name} ${incarnation} again, which was gone`));
      view.youngest.set(name, Math.max(incarnation, youngest));
    }
    view.last = event.members;
    view.lastMs = event.ms;
  }
  return found;
};

/** What a process told of last, and the youngest incarnation of each name that it ever told of. */
interface Known {
  last: View['members'];
  lastMs: number;
  readonly youngest: Map<string, number>;
}

function knowsNobody(lastMs: number): Known {
  return { last: {}, lastMs, youngest: new Map() };
}

function violation(ms: number, text: string): Violation {
  return { checker: 'incarnations', ms, text };
}
