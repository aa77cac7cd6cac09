/**
 * Whether the parks of a bridge are spread over as many nodes as it can reach, and what to do about it: park once more,
 * then close the one that is too many. Pure.
 */
import { PARK_SPREAD_MS } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { hostOf } from '../tunnel/node-names.ts';
import type { Route, Routes } from '../tunnel/routes.ts';
import { Search } from '../tunnel/search.ts';

/** A park that a relay has taken into its lot. */
export interface Spreadable {
  readonly node: string;
}

export type SpreadStep =
  | { readonly kind: 'dial'; readonly route: Route }
  /** `waitMs` Infinity: nothing to do until something changes. */
  | { readonly kind: 'rest'; readonly waitMs: number };

export class ParkSpread {
  readonly #routes: Routes;
  readonly #search: Search;
  /** Hosts that the dial under way is not to come out at. */
  #full: ReadonlySet<string> = new Set();

  constructor(routes: Routes, random: Random) {
    this.#routes = routes;
    this.#search = new Search(random);
  }

  /** Parks at each host. */
  static load(parks: readonly Spreadable[]): Map<string, number> {
    const load = new Map<string, number>();
    for (const { node } of parks) load.set(hostOf(node), (load.get(hostOf(node)) ?? 0) + 1);
    return load;
  }

  /** A park was lost, or the bridge began: there may be nodes that we are not parked at. */
  changed(now: number): void {
    this.#search.spread(now, PARK_SPREAD_MS);
  }

  /**
   * All wanted parks are there, these. A route counts as under way; its park goes to {@link landed}.
   *
   * @param calm no brokers come. While they do, a node without any park gets one, as some of them may want it to be
   *   there; the rest is left alone, as each new park goes where least are anyway.
   */
  next(now: number, parks: readonly Spreadable[], calm = true): SpreadStep {
    const load = ParkSpread.load(parks);
    const most = Math.max(0, ...load.values());
    // One more node would take a park of those who have two; nobody has less than the least.
    if (most < 2) return { kind: 'rest', waitMs: Number.POSITIVE_INFINITY };
    const hosts = new Set([...load.keys(), ...this.#routes.nodes.hosts(now)]);
    const least = Math.min(...[...hosts].map((host) => load.get(host) ?? 0));
    const bar = calm && most - least >= 2 ? least : 0;
    const full = parks.map(({ node }) => node).filter((node) => (load.get(hostOf(node)) ?? 0) > bar);
    const waitMs = this.#search.waitMs(now);
    if (waitMs > 0) return { kind: 'rest', waitMs };
    const choice = this.#routes.next(now, { need: 'other', avoid: full, doubtful: false, load });
    if (choice.kind === 'wait') return { kind: 'rest', waitMs: choice.waitMs };
    this.#full = new Set(full.map(hostOf));
    return choice;
  }

  /** The park that {@link next} asked for is there, among `parks`. Returns the one to close, maybe itself. */
  landed<P extends Spreadable>(park: P, parks: readonly P[], now: number): P {
    if (this.#full.has(hostOf(park.node))) {
      this.#search.dialled();
      if (!this.#search.hasDials) this.#search.pause(now);
      return park;
    }
    this.#search.found();
    const load = ParkSpread.load(parks);
    const at = ({ node }: Spreadable): number => load.get(hostOf(node)) ?? 0;
    return parks.reduce((most, other) => (at(other) > at(most) ? other : most), park);
  }
}
