/**
 * Which legs a tunnel should have: two that share no host, so that the death of any one node leaves one. Pure: says what
 * to dial, and is told how it went. One plan for each tunnel, that is for each bridge instance; all plans of a broker
 * share its {@link Routes}.
 *
 * The search for a second leg rests on this: where two legs without a common node can be had at all, and some node is
 * both an entry and a holder, the leg that is local on any such node is one of such a pair: it can take the place of the
 * one that crosses its node, or of either. And where no node is both, every leg is one of a pair. So the plan first tries
 * around the leg that is there (`direct`); failing that it makes a local leg (`pivot`) and tries around that.
 */
import type { BeaconError } from '../base/errors.ts';
import {
  AVOID_NODES,
  REBALANCE_MAX_MS,
  REBALANCE_MIN_MS,
  RECONNECT_FIRST_MS,
  SESSION_LEGS,
} from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { PathNode } from '../wire/frames.ts';
import {
  anchorOf,
  bestPair,
  isDraining,
  type Judgement,
  type LegPair,
  type LegView,
  sharesZone,
  zonesOf,
} from './leg-pairs.ts';
import { hostOf, hostsOf, shareHost } from './node-names.ts';
import { isAnswer, type Route, type RouteChoice, type Routes, type Wish } from './routes.ts';
import { Search } from './search.ts';
import { ZoneSearch } from './zone-search.ts';

/**
 * `first`: there is no leg. `repair`: there is no second one of use. `drain`, `rebalance`: to replace one that works.
 * `zone`: to replace one of two that share a zone.
 */
export type LegPurpose = 'first' | 'repair' | 'drain' | 'rebalance' | 'zone';

export interface LegDial {
  readonly route: Route;
  /** For HELLO. */
  readonly wanted: Buffer;
  /** For HELLO: at most AVOID_NODES. */
  readonly avoid: readonly string[];
  readonly purpose: LegPurpose;
}

export type LegStep =
  /** Dial it; then {@link LegPlan.opened} or {@link LegPlan.failed}, once. One dial at a time. */
  | { readonly kind: 'dial'; readonly dial: LegDial }
  /** A leg too many: close it, in good order. */
  | { readonly kind: 'drop'; readonly id: number }
  /** Ask again after `waitMs` (Infinity: never), and whenever a leg or what is known of a node changes. */
  | { readonly kind: 'wait'; readonly waitMs: number };

/**
 * Why there are no two legs that share no node. `searching`: the first round is not over. `oneNode`: only one host is
 * known. `noOtherHolder`: the bridge cannot be reached around the nodes of the leg. `allAvoided`: only nodes that the
 * leg crosses answer. `unreachable`: other relays do not answer. `suspected`: one of the two is silent.
 */
export type NoRedundancy =
  | 'searching'
  | 'oneNode'
  | 'noOtherHolder'
  | 'allAvoided'
  | 'unreachable'
  | 'suspected';

export type Redundancy =
  /** `sharesZone`: one zone's end would take both, as far as zones are known. */
  | { readonly kind: 'disjoint'; readonly sharesZone: boolean }
  /** `shared`: two legs or more, any two over a common host. `single`, `none`: one leg of use, or none. */
  | { readonly kind: 'shared' | 'single' | 'none'; readonly why: NoRedundancy };

export interface LegPlanOptions {
  readonly routes: Routes;
  /** Instance of the bridge: 16 bytes. */
  readonly bridge: Buffer;
  readonly random: Random;
  /** When the tunnel began. */
  readonly now: number;
}

type Phase = 'direct' | 'pivot';

export class LegPlan {
  readonly #options: LegPlanOptions;
  readonly #search: Search;
  readonly #zoneSearch: ZoneSearch;
  #underWay: LegDial | undefined;
  #phase: Phase = 'direct';
  /** The path that the search goes around; another one begins anew. */
  #around = '';
  /** Routes that this round need not try again. */
  readonly #tried = new Set<Route>();
  /** Pivots of this tunnel so far: behind one address, each tries for another node. */
  #pivots = 0;
  /** A round found nothing, and the next has not begun. */
  #isPaused = false;
  #why: NoRedundancy = 'searching';
  /** What dials of this round came to. */
  readonly #seen = new Set<BeaconError['code']>();
  #rebalanceAt: number;
  #replacing: number | undefined;

  constructor(options: LegPlanOptions) {
    this.#options = options;
    this.#search = new Search(options.random);
    this.#zoneSearch = new ZoneSearch(options.random);
    this.#rebalanceAt = this.#nextRebalance(options.now);
  }

  /** What to do next, given the legs that there are. */
  step(now: number, legs: readonly LegView[]): LegStep {
    const sound = legs.filter(({ state }) => state !== 'suspected');
    const pair = bestPair(sound, this.#judgement(now));
    const surplus = this.#surplus(sound, legs, pair, now);
    if (surplus) return { kind: 'drop', id: surplus.id };
    if (this.#underWay) return WAIT;
    if (pair && !this.#mustRenew(now, pair)) return this.#rest(now, pair);
    this.#zoneSearch.again();
    if (pair) return this.#renew(now, pair, sound);
    this.#replacing = undefined;
    if (sound.length === 0) return this.#first(now, legs);
    return this.#repair(now, sound);
  }

  /** What the tunnel can lose now. Never says `disjoint` of legs that share a host. */
  redundancy(legs: readonly LegView[]): Redundancy {
    const sound = legs.filter(({ state }) => state !== 'suspected');
    const pair = bestPair(sound, this.#judgement(0));
    if (pair) return { kind: 'disjoint', sharesZone: sharesZone(pair, this.#options.routes.nodes) };
    const kind = sound.length > 1 ? 'shared' : sound.length === 1 ? 'single' : 'none';
    const isSuspected = bestPair(legs, this.#judgement(0)) !== undefined;
    return { kind, why: isSuspected ? 'suspected' : this.#why };
  }

  /** A dial became a leg over `path`; it is among the legs from now on. */
  opened({ route, purpose }: LegDial, path: readonly PathNode[], now: number): void {
    this.#underWay = undefined;
    // One more to avoid, where a local leg was meant.
    if (this.#options.routes.paired(route, path, now)) this.#tried.delete(route);
    if (purpose === 'rebalance') this.#rebalanceAt = this.#nextRebalance(now);
  }

  /** A dial came to nothing. */
  failed({ route, avoid, purpose }: LegDial, error: BeaconError, now: number): void {
    const { routes } = this.#options;
    this.#underWay = undefined;
    routes.failed(route, error, now, avoid);
    this.#seen.add(error.code);
    // Of what is silent the backoff of its address takes care.
    if (purpose !== 'first' && purpose !== 'zone' && isAnswer(error) && routes.isSettled(route))
      this.#tried.add(route);
    if (purpose === 'rebalance') this.#rebalanceAt = this.#nextRebalance(now);
  }

  /** A dial was given up by this side. */
  dropped({ route }: LegDial): void {
    this.#underWay = undefined;
    this.#options.routes.dropped(route);
  }

  /** A leg is gone, and not because this plan dropped it. The repair of a tunnel that has another leg takes its time. */
  lost(leg: LegView, error: BeaconError, now: number): void {
    const [entry] = leg.path;
    if (entry !== undefined) this.#options.routes.lost(leg.route, entry, error, now - leg.bornAt, now);
    this.#search.spread(now);
    this.#newRound('direct');
    this.#why = 'searching';
  }

  #judgement(now: number): Judgement {
    return { nodes: this.#options.routes.nodes, replacing: this.#replacing, now };
  }

  /** What a tunnel with a pair has beside it; and of legs that all share a host, those past two. */
  #surplus(
    sound: readonly LegView[],
    legs: readonly LegView[],
    pair: LegPair | undefined,
    now: number,
  ): LegView | undefined {
    if (pair) return sound.find((leg) => !pair.includes(leg));
    if (sound.length <= 2) {
      // Room for the next one: the oldest of those that are silent.
      const silent = legs.filter(({ state }) => state === 'suspected');
      return legs.length >= SESSION_LEGS ? silent.toSorted((a, b) => a.bornAt - b.bornAt)[0] : undefined;
    }
    const anchor = anchorOf(sound, this.#judgement(now));
    return sound
      .filter((leg) => leg !== anchor && leg.state !== 'active')
      .toSorted((a, b) => a.bornAt - b.bornAt)[0];
  }

  #first(now: number, legs: readonly LegView[]): LegStep {
    const silent = legs.flatMap(({ path }) => path);
    const choice = this.#options.routes.next(now, { need: 'any', avoid: silent });
    if (choice.kind === 'wait') return choice;
    // If the silent nodes are all there is, one of them may have recovered.
    const avoid = this.#seen.size === 0 ? silent.slice(0, AVOID_NODES) : [];
    return this.#start(choice.route, avoid, 'first');
  }

  /** One of two legs that share nothing is to be replaced. */
  #renew(now: number, pair: LegPair, sound: readonly LegView[]): LegStep {
    const draining = pair.find((leg) => isDraining(leg, this.#judgement(now)));
    const waitMs = this.#search.waitMs(now);
    if (waitMs > 0) return { kind: 'wait', waitMs };
    if (this.#isPaused) this.#newRound('direct');
    const oldest = pair[0].bornAt <= pair[1].bornAt ? pair[0] : pair[1];
    const leaves = draining ?? oldest;
    const keep = pair[0] === leaves ? pair[1] : pair[0];
    this.#replacing = leaves.id;
    this.#begin(keep);
    const choice = this.#aroundOf(now, keep);
    if (choice.kind === 'dial') {
      this.#search.dialled();
      return this.#start(choice.route, this.#avoid(keep.path, now), draining ? 'drain' : 'rebalance');
    }
    if (this.#isSoon(choice)) return choice;
    if (draining) return this.#pause(now, sound, choice.waitMs);
    this.#rebalanceAt = this.#nextRebalance(now);
    return { kind: 'wait', waitMs: this.#rebalanceAt - now };
  }

  #mustRenew(now: number, pair: LegPair): boolean {
    return now >= this.#rebalanceAt || pair.some((leg) => isDraining(leg, this.#judgement(now)));
  }

  /** Two legs that share nothing can stay. Where they share a zone, a few dials are for another one. */
  #rest(now: number, pair: LegPair): LegStep {
    const { routes } = this.#options;
    this.#search.found();
    this.#replacing = undefined;
    this.#around = '';
    this.#why = 'searching';
    let waitMs = sharesZone(pair, routes.nodes) ? this.#zoneSearch.waitMs(now) : Number.POSITIVE_INFINITY;
    if (waitMs === 0) {
      const keep = anchorOf(pair, this.#judgement(now)) as LegView;
      const beside = routes.nodes.inZones(zonesOf(keep, routes.nodes));
      const choice = routes.next(now, { need: 'other', avoid: [...keep.path, ...beside], doubtful: false });
      if (choice.kind === 'dial') {
        this.#zoneSearch.dialled(now);
        const avoid = new Set([...this.#avoid(keep.path, now), ...beside]);
        return this.#start(choice.route, [...avoid].slice(0, AVOID_NODES), 'zone');
      }
      waitMs = choice.waitMs;
    }
    return { kind: 'wait', waitMs: Math.min(waitMs, this.#rebalanceAt - now) };
  }

  /** There are legs, and any two of them share a host. */
  #repair(now: number, sound: readonly LegView[]): LegStep {
    const anchor = anchorOf(sound, this.#judgement(now)) as LegView;
    this.#begin(anchor);
    const waitMs = this.#search.waitMs(now);
    if (waitMs > 0) return this.#meanwhile(now, anchor, waitMs);
    if (this.#isPaused) this.#newRound('direct');
    let choice: RouteChoice = WAIT;
    if (this.#phase === 'direct') {
      choice = this.#aroundOf(now, anchor);
      if (choice.kind === 'dial') {
        this.#search.dialled();
        return this.#start(choice.route, this.#avoid(anchor.path, now), 'repair');
      }
      if (this.#isSoon(choice)) return choice;
      if (choice.backsOff) this.#seen.add('unreachable');
      if (hostsOf(anchor.path).size === 1) return this.#pause(now, sound, choice.waitMs);
      this.#newRound('pivot');
      this.#search.again();
    }
    return this.#pivot(now) ?? this.#pause(now, sound, choice.waitMs);
  }

  /** Between two rounds, whoever was silent is tried again by the backoff of its address. */
  #meanwhile(now: number, anchor: LegView, waitMs: number): LegStep {
    if (!this.#isPaused) return { kind: 'wait', waitMs };
    const wish: Wish = { ...this.#wishAround(anchor), doubtful: false, plain: true };
    const choice = this.#options.routes.next(now, wish);
    if (choice.kind === 'wait') return { kind: 'wait', waitMs: Math.min(waitMs, choice.waitMs) };
    return this.#start(choice.route, this.#avoid(anchor.path, now), 'repair');
  }

  /** A leg that is local on some node, by avoiding all others. Whatever comes of it, it is one to build on. */
  #pivot(now: number): LegStep | undefined {
    const { routes } = this.#options;
    if (!this.#search.hasDials) return undefined;
    const choice = routes.next(now, { need: 'any', tried: this.#tried });
    if (choice.kind === 'wait') return this.#isSoon(choice) ? choice : undefined;
    const node = routes.nodeOf(choice.route, this.#pivots);
    this.#pivots += 1;
    this.#search.dialled();
    if (routes.isSettled(choice.route)) this.#tried.add(choice.route);
    const others = routes.nodes.names().filter((name) => node === undefined || hostOf(name) !== hostOf(node));
    return this.#start(choice.route, others.slice(0, AVOID_NODES), 'repair');
  }

  /** Whether the round waits for it. Longer waits are those of relays that do not answer. */
  #isSoon({ waitMs }: { readonly waitMs: number }): boolean {
    return waitMs <= 2 * RECONNECT_FIRST_MS;
  }

  #aroundOf(now: number, keep: LegView): RouteChoice {
    return this.#search.hasDials ? this.#options.routes.next(now, this.#wishAround(keep)) : WAIT;
  }

  #wishAround(keep: LegView): Wish {
    const zones = zonesOf(keep, this.#options.routes.nodes);
    return { need: 'other', avoid: keep.path, zones, tried: this.#tried };
  }

  /** For HELLO: `path`, then nodes on the same hosts, then nodes that are about to leave. */
  #avoid(path: readonly string[], now: number): string[] {
    const { nodes } = this.#options.routes;
    const beside = nodes.names().filter((node) => shareHost([node], path));
    return [...new Set([...path, ...beside, ...nodes.draining(now)])].slice(0, AVOID_NODES);
  }

  #start(route: Route, avoid: readonly string[], purpose: LegPurpose): LegStep {
    const dial: LegDial = { route, wanted: this.#options.bridge, avoid, purpose };
    this.#underWay = dial;
    return { kind: 'dial', dial };
  }

  /** The search is for what goes around `leg`. */
  #begin({ path }: LegView): void {
    const around = path.join(' ');
    if (around === this.#around) return;
    this.#around = around;
    this.#newRound('direct');
    this.#search.again();
  }

  #newRound(phase: Phase): void {
    this.#phase = phase;
    this.#isPaused = false;
    this.#tried.clear();
    if (phase === 'direct') this.#seen.clear();
  }

  /** Nothing was found: says why, and tries again later. `waitMs`: until the backoff of some address is over. */
  #pause(now: number, sound: readonly LegView[], waitMs: number): LegStep {
    this.#why = this.#reason(sound);
    if (this.#why === 'noOtherHolder' || this.#why === 'unreachable') this.#search.retry(now);
    else this.#search.pause(now);
    this.#isPaused = true;
    return { kind: 'wait', waitMs: Math.min(waitMs, this.#search.waitMs(now)) };
  }

  #reason(sound: readonly LegView[]): NoRedundancy {
    const { nodes } = this.#options.routes;
    if (this.#seen.has('noBridge') || this.#seen.has('holderUnreachable')) return 'noOtherHolder';
    if ([...this.#seen].some((code) => code !== 'avoided')) return 'unreachable';
    const hosts = hostsOf([...nodes.names(), ...sound.flatMap(({ path }) => path)]);
    return hosts.size <= 1 ? 'oneNode' : 'allAvoided';
  }

  #nextRebalance(now: number): number {
    return now + REBALANCE_MIN_MS + this.#options.random.fraction() * (REBALANCE_MAX_MS - REBALANCE_MIN_MS);
  }
}

const WAIT = { kind: 'wait', waitMs: Number.POSITIVE_INFINITY, backsOff: false } as const;
