/** Legs of a tunnel as its plan sees them, and which two of them are worth most together. Pure. */
import { hostOf, shareHost } from './node-names.ts';
import type { RouteNodes } from './route-nodes.ts';
import type { Route } from './routes.ts';

/** `suspected`: silent, and not yet given up. */
export type LegState = 'active' | 'warm' | 'suspected';

export interface LegView {
  /** Names the leg; unique within its tunnel. */
  readonly id: number;
  /** The nodes that it crosses, as PAIRED named them. */
  readonly path: readonly string[];
  /** On which it was dialled. */
  readonly route: Route;
  readonly state: LegState;
  /** When it was there, by the clock of the plan. */
  readonly bornAt: number;
}

export type LegPair = readonly [LegView, LegView];

/** What speaks against a leg, or for it. */
export interface Judgement {
  readonly nodes: RouteNodes;
  /** The leg that is to be replaced. */
  readonly replacing: number | undefined;
  readonly now: number;
}

/** In one word what the session says of a leg. */
export function stateOf(leg: { readonly active: boolean; readonly suspected: boolean }): LegState {
  if (leg.suspected) return 'suspected';
  return leg.active ? 'active' : 'warm';
}

/** Whether a node of `leg` is about to leave. */
export function isDraining({ path }: LegView, { nodes, now }: Pick<Judgement, 'nodes' | 'now'>): boolean {
  return path.some((node) => nodes.drainsFor(node, now) > 0);
}

/**
 * The two legs to keep: of those that share no host, the pair that crosses least of what is about to leave, then one
 * without a common zone, then without the leg to be replaced, then with the active leg. Undefined: any two share a host.
 */
export function bestPair(legs: readonly LegView[], judgement: Judgement): LegPair | undefined {
  let best: LegPair | undefined;
  let bestWorth = Number.NEGATIVE_INFINITY;
  for (const [index, one] of legs.entries()) {
    for (const other of legs.slice(index + 1)) {
      if (shareHost(one.path, other.path)) continue;
      const worth = worthOf(one, other, judgement);
      if (worth <= bestWorth) continue;
      bestWorth = worth;
      best = [one, other];
    }
  }
  return best;
}

function worthOf(one: LegView, other: LegView, judgement: Judgement): number {
  const legs = [one, other];
  const draining = legs.filter((leg) => isDraining(leg, judgement)).length;
  const unwanted = legs.filter(({ id }) => id === judgement.replacing).length;
  const sameZone = sharesZone([one, other], judgement.nodes) ? 1 : 0;
  const active = legs.filter(({ state }) => state === 'active').length;
  return active - 2 * unwanted - 4 * sameZone - 16 * draining;
}

/** Whether one zone's end would take both legs, as far as zones are known. */
export function sharesZone([one, other]: LegPair, nodes: RouteNodes): boolean {
  const zones = zonesOf(one, nodes);
  return [...zonesOf(other, nodes)].some((zone) => zones.has(zone));
}

/** The zones that a leg crosses, as far as they are known. */
export function zonesOf({ path }: LegView, nodes: RouteNodes): Set<string> {
  return new Set(path.map((node) => nodes.zoneOf(node)).filter((zone) => zone !== ''));
}

/** The leg to build on, where none share nothing: one that stays, then the shortest, then the active one. */
export function anchorOf(legs: readonly LegView[], judgement: Judgement): LegView | undefined {
  const cost = (leg: LegView): number =>
    (isDraining(leg, judgement) ? 8 : 0) + 2 * hostCount(leg) - (leg.state === 'active' ? 1 : 0);
  return legs.toSorted((one, other) => cost(one) - cost(other))[0];
}

function hostCount({ path }: LegView): number {
  return new Set(path.map(hostOf)).size;
}
