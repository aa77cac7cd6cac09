/** A broker never says that its tunnel can lose any one node where it cannot. */
import type { Checker } from '../checker.ts';

export const checkRedundancy: Checker = (history) =>
  history.flatMap((event) => {
    if (event.what !== 'tunnel' || !event.disjoint || isDisjoint(event.paths)) return [];
    const { ms, broker, instance, paths } = event;
    const legs = paths.map((path) => path.join(' - ')).join(' and ');
    const text = `${broker} says that no node can take its tunnel to ${instance}, which has the legs ${legs}`;
    return [{ checker: 'redundancy', ms, text }];
  });

/** Whether two of the paths have no node in common. */
function isDisjoint(paths: readonly (readonly string[])[]): boolean {
  return paths.some((one, at) =>
    paths.slice(at + 1).some((other) => !one.some((node) => other.includes(node))),
  );
}
