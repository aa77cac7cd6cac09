/** A dead incarnation never returns: not at a node that knows a younger one, nor where it was gone; and each start has one of its own. */
import type { Checker, Violation } from '../checker.ts';
import type { Event } from '../history.ts';
import { factsOf } from './facts.ts';

type View = Extract<Event, { what: 'directory' }>;

export const checkIncarnations: Checker = (history, scenario) => {
  const { nodes } = factsOf(history, scenario);
  const found: Violation[] = [];
  const youngest = new Map<string, number>();
  for (const { node, incarnation, fromMs } of nodes) {
    const before = youngest.get(node) ?? Number.NEGATIVE_INFINITY;
    if (incarnation <= before)
      found.push(violation(fromMs, `${node} began with incarnation ${incarnation} after ${before}`));
    youngest.set(node, Math.max(before, incarnation));
  }
  const died = new Map(nodes.map((each) => [`${each.node}#${each.incarnation}`, each.untilMs]));
  // What each process of a node knew, and what it knew before that.
  const views = new Map<string, { last: View['members']; gone: Map<string, number> }>();
  for (const event of history) {
    if (event.what === 'up') views.set(event.node, { last: {}, gone: new Map() });
    if (event.what !== 'directory') continue;
    const view = views.get(event.node) ?? { last: {}, gone: new Map<string, number>() };
    views.set(event.node, view);
    for (const [name, incarnation] of Object.entries(event.members)) {
      const gone = view.gone.get(name);
      const isDead = (died.get(`${name}#${incarnation}`) ?? Number.NEGATIVE_INFINITY) <= event.ms;
      if (gone !== undefined && (incarnation < gone || (incarnation === gone && isDead)))
        found.push(violation(event.ms, `${event.node} knows ${name} ${incarnation} again, which was gone`));
    }
    for (const [name, incarnation] of Object.entries(view.last))
      if (event.members[name] !== incarnation)
        view.gone.set(name, Math.max(incarnation, view.gone.get(name) ?? incarnation));
    view.last = event.members;
  }
  return found;
};

function violation(ms: number, text: string): Violation {
  return { checker: 'incarnations', ms, text };
}
