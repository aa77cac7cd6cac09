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
  // What each process of a node knew last, and the youngest that it ever knew of each name.
  const views = new Map<string, { last: View['members']; youngest: Map<string, number> }>();
  for (const event of history) {
    if (event.what === 'up') views.set(event.node, { last: {}, youngest: new Map() });
    if (event.what !== 'directory') continue;
    const view = views.get(event.node) ?? { last: {}, youngest: new Map<string, number>() };
    views.set(event.node, view);
    for (const [name, incarnation] of Object.entries(event.members)) {
      const youngest = view.youngest.get(name) ?? incarnation;
      const isBack = incarnation === youngest && view.last[name] !== incarnation && view.youngest.has(name);
      const isDead = (died.get(`${name}#${incarnation}`) ?? Number.NEGATIVE_INFINITY) <= event.ms;
      if (incarnation < youngest || (isBack && isDead))
        found.push(violation(event.ms, `${event.node} knows ${name} ${incarnation} again, which was gone`));
      view.youngest.set(name, Math.max(incarnation, youngest));
    }
    view.last = event.members;
  }
  return found;
};

function violation(ms: number, text: string): Violation {
  return { checker: 'incarnations', ms, text };
}
