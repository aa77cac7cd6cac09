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
  LET_GO_MS,
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
import type { LegDial, LegPurpose, LegStep, NoRedundancy, Redundancy } from './leg-step.ts';
import { hostOf, hostsOf, shareHost } from './node-names.ts';
import { isAnswer, type Route, type RouteChoice, type Routes, type Wish } from './routes.ts';
import { Search } from './search.ts';
import { ZoneSearch } from './zone-search.ts';

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
  /** A leg that drains, and cannot be replaced, is let go then. */
  #letGoAt: number | undefined;

  constructor(options: LegPlanOptions) {
    this.#options = options;
    this.#search = new Search(options.random);
    this.#zoneSearch = new ZoneSearch(options.random);
    this.#rebalanceAt = this.#nextRebalance(options.now);
  }

  /** What to do next, given the legs that there are. */
  step(now: number, legs: readonly LegView[]): LegStep {
    const sound = legs.filter(({ state }) => state !== 'suspected');
    const staying = sound.filter((leg) => !this.#drains(leg, now));
    const best = bestPair(sound, this.#judgement(now));
    // Two that leave are worth less than one that stays.
    const pair = best?.some((leg) => staying.includes(leg)) || staying.length === 0 ? best : undefined;
    const surplus = this.#surplus(sound, legs, pair, now);
    if (surplus) return { kind: 'drop', id: surplus.id };
    if (this.#underWay) return WAIT;
    if (sound.length > 0 && staying.length === 0) return this.#getOff(now, sound);
    if (pair && !this.#mustRenew(now, pair)) return this.#rest(now, pair);
    this.#zoneSearch.again();
    if (pair) return this.#renew(now, pair, sound);
    this.#replacing = undefined;
    this.#letGoAt = undefined;
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

  /** The bridge wants the tunnel to get off `node`: what was looked for in vain is looked for again. */
  leave(node: string, legs: readonly LegView[], now: number): void {
    this.#options.routes.draining(node, now);
    if (legs.some(({ path }) => path.includes(node))) this.#search.hurry();
  }

  /** A leg is gone, and not because this plan dropped it. The repair of a tunnel that has another leg takes its time. */
  lost(leg: LegView, error: BeaconError, now: number): void {
    const [entry] = leg.path;
    if (entry !== undefined) this.#options.routes.lost(leg.route, entry, error, now - leg.bornAt, now);
    this.#search.spread(now);
    this.#newRound('direct');
    this.#why = 'searching';
  }

  #drains(leg: LegView, now: number): boolean {
    return isDraining(leg, this.#judgement(now));
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
    const leaving = sound.filter((leg) => this.#drains(leg, now));
    if (leaving.length < sound.length && leaving.length > 0) return leaving[0];
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
    const choice = this.#options.routes.next(now, { need: 'any', avoid: silent, returning: true });
    if (choice.kind === 'wait') return choice;
    // If the silent nodes are all there is, one of them may have recovered.
    const avoid = this.#seen.size === 0 ? silent.slice(0, AVOID_NODES) : [];
    return this.#start(choice.route, avoid, 'first');
  }

  /** All legs drain. One that stays is worth more than two that share nothing, so it may cross whatever else they cross. */
  #getOff(now: number, sound: readonly LegView[]): LegStep {
    const leaving = this.#options.routes.nodes.draining(now);
    // Also where that became known in another way than by LEAVE, as by a refusal.
    if (this.#begin(`off ${leaving.toSorted().join(' ')}`)) this.#search.hurry();
    const waitMs = this.#search.waitMs(now);
    if (waitMs > 0) return { kind: 'wait', waitMs };
    if (this.#isPaused) this.#newRound('direct');
    const avoid = [...new Set(sound.flatMap(({ path }) => path))].filter((node) => leaving.includes(node));
    const wish: Wish = { need: 'other', avoid, tried: this.#tried, returning: true };
    const choice = this.#search.hasDials ? this.#options.routes.next(now, wish) : WAIT;
    if (choice.kind === 'wait') {
      const waitMs = this.#isSoon(choice) ? choice.waitMs : this.#pause(now, sound, choice.waitMs);
      return { kind: 'wait', waitMs };
    }
    this.#search.dialled();
    return this.#start(choice.route, this.#avoid(avoid), 'drain');
  }

  /** One of two legs that share nothing is to be replaced. */
  #renew(now: number, pair: LegPair, sound: readonly LegView[]): LegStep {
    const draining = pair.find((leg) => this.#drains(leg, now));
    const waitMs = this.#search.waitMs(now);
    if (waitMs > 0) return draining ? this.#orLetGo(draining, waitMs, now) : { kind: 'wait', waitMs };
    if (this.#isPaused) this.#newRound('direct');
    const oldest = pair[0].bornAt <= pair[1].bornAt ? pair[0] : pair[1];
    const leaves = draining ?? oldest;
    const keep = pair[0] === leaves ? pair[1] : pair[0];
    this.#replacing = leaves.id;
    this.#begin(keep.path.join(' '));
    const choice = this.#aroundOf(now, keep, draining);
    if (choice.kind === 'dial') {
      this.#search.dialled();
      return this.#start(choice.route, this.#avoid(keep.path), draining ? 'drain' : 'rebalance');
    }
    if (this.#isSoon(choice)) return choice;
    if (choice.backsOff) this.#seen.add('unreachable');
    if (draining) return this.#orLetGo(draining, this.#pause(now, sound, choice.waitMs), now);
    this.#rebalanceAt = this.#nextRebalance(now);
    return { kind: 'wait', waitMs: this.#rebalanceAt - now };
  }

  #mustRenew(now: number, pair: LegPair): boolean {
    return now >= this.#rebalanceAt || pair.some((leg) => this.#drains(leg, now));
  }

  /** Two legs that share nothing can stay. Where they share a zone, a few dials are for another one. */
  #rest(now: number, pair: LegPair): LegStep {
    const { routes } = this.#options;
    this.#search.found();
    this.#replacing = undefined;
    this.#letGoAt = undefined;
    this.#around = '';
    this.#why = 'searching';
    let waitMs = sharesZone(pair, routes.nodes) ? this.#zoneSearch.waitMs(now) : Number.POSITIVE_INFINITY;
    if (waitMs === 0) {
      const keep = anchorOf(pair, this.#judgement(now)) as LegView;
      const beside = routes.nodes.inZones(zonesOf(keep, routes.nodes));
      const choice = routes.next(now, { need: 'other', avoid: [...keep.path, ...beside], doubtful: false });
      if (choice.kind === 'dial') {
        this.#zoneSearch.dialled(now);
        const avoid = new Set([...this.#avoid(keep.path), ...beside]);
        return this.#start(choice.route, [...avoid].slice(0, AVOID_NODES), 'zone');
      }
      waitMs = choice.waitMs;
    }
    return { kind: 'wait', waitMs: Math.min(waitMs, this.#rebalanceAt - now) };
  }

  /**
   * A leg drains, and there is no replacement now. Where there is no other node to hope for it is let go at once, and
   * after a while in any case: its node waits for it, and would cut it in the end.
   */
  #orLetGo({ id }: LegView, waitMs: number, now: number): LegStep {
    const isHopeless = this.#why === 'oneNode' || this.#why === 'allAvoided';
    this.#letGoAt ??= now + (isHopeless ? 0 : LET_GO_MS);
    const leftMs = this.#letGoAt - now;
    if (leftMs > 0) return { kind: 'wait', waitMs: Math.min(waitMs, leftMs) };
    // What goes around the other one may be had by a detour.
    this.#around = '';
    this.#search.found();
    return { kind: 'drop', id };
  }

  /** There are legs, and any two of them share a host. */
  #repair(now: number, sound: readonly LegView[]): LegStep {
    const anchor = anchorOf(sound, this.#judgement(now)) as LegView;
    this.#begin(anchor.path.join(' '));
    const waitMs = this.#search.waitMs(now);
    if (waitMs > 0) return this.#meanwhile(now, anchor, waitMs);
    if (this.#isPaused) this.#newRound('direct');
    let choice: RouteChoice = WAIT;
    if (this.#phase === 'direct') {
      choice = this.#aroundOf(now, anchor);
      if (choice.kind === 'dial') {
        this.#search.dialled();
        return this.#start(choice.route, this.#avoid(anchor.path), 'repair');
      }
      if (this.#isSoon(choice)) return choice;
      if (choice.backsOff) this.#seen.add('unreachable');
      if (hostsOf(anchor.path).size === 1)
        return { kind: 'wait', waitMs: this.#pause(now, sound, choice.waitMs) };
      this.#newRound('pivot');
      this.#search.again();
    }
    return this.#pivot(now) ?? { kind: 'wait', waitMs: this.#pause(now, sound, choice.waitMs) };
  }

  /** Between two rounds, whoever was silent is tried again by the backoff of its address. */
  #meanwhile(now: number, anchor: LegView, waitMs: number): LegStep {
    if (!this.#isPaused) return { kind: 'wait', waitMs };
    const wish: Wish = { ...this.#wishAround(anchor), doubtful: false, plain: true };
    const choice = this.#options.routes.next(now, wish);
    if (choice.kind === 'wait') return { kind: 'wait', waitMs: Math.min(waitMs, choice.waitMs) };
    return this.#start(choice.route, this.#avoid(anchor.path), 'repair');
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

  #aroundOf(now: number, keep: LegView, draining?: LegView): RouteChoice {
    const { nodes } = this.#options.routes;
    const leaving = draining?.path.filter((node) => nodes.drainsFor(node, now) > 0) ?? [];
    const wish = {
      ...this.#wishAround(keep),
      avoid: [...keep.path, ...leaving],
      returning: leaving.length > 0,
    };
    return this.#search.hasDials ? this.#options.routes.next(now, wish) : WAIT;
  }

  #wishAround(keep: LegView): Wish {
    const zones = zonesOf(keep, this.#options.routes.nodes);
    return { need: 'other', avoid: keep.path, zones, tried: this.#tried };
  }

  /** For HELLO: `path`, then nodes on the same hosts. Not what drains: relays send nobody there, and it may be back. */
  #avoid(path: readonly string[]): string[] {
    const beside = this.#options.routes.nodes.names().filter((node) => shareHost([node], path));
    return [...new Set([...path, ...beside])].slice(0, AVOID_NODES);
  }

  #start(route: Route, avoid: readonly string[], purpose: LegPurpose): LegStep {
    const dial: LegDial = { route, wanted: this.#options.bridge, avoid, purpose };
    this.#underWay = dial;
    return { kind: 'dial', dial };
  }

  /** The search is for what goes around that. Says whether it was for something else before. */
  #begin(around: string): boolean {
    if (around === this.#around) return false;
    this.#around = around;
    this.#newRound('direct');
    this.#search.again();
    return true;
  }

  #newRound(phase: Phase): void {
    this.#phase = phase;
    this.#isPaused = false;
    this.#tried.clear();
    if (phase === 'direct') this.#seen.clear();
  }

  /** Nothing was found: says why, and in how many milliseconds to try again. `waitMs`: until the backoff of some address is over. */
  #pause(now: number, sound: readonly LegView[], waitMs: number): number {
    this.#why = this.#reason(sound);
    if (this.#why === 'noOtherHolder' || this.#why === 'unreachable') this.#search.retry(now);
    else this.#search.pause(now);
    this.#isPaused = true;
    return Math.min(waitMs, this.#search.waitMs(now));
  }

  #reason(sound: readonly LegView[]): NoRedundancy {
    const { nodes } = this.#options.routes;
    if (this.#seen.has('noBridge') || this.#seen.has('holderUnreachable')) return 'noOtherHolder';
    if ([...this.#seen].some((code) => code !== 'avoided' && code !== 'draining')) return 'unreachable';
    const hosts = hostsOf([...nodes.names(), ...sound.flatMap(({ path }) => path)]);
    return hosts.size <= 1 ? 'oneNode' : 'allAvoided';
  }

  #nextRebalance(now: number): number {
    return now + REBALANCE_MIN_MS + this.#options.random.fraction() * (REBALANCE_MAX_MS - REBALANCE_MIN_MS);
  }
}

const WAIT = { kind: 'wait', waitMs: Number.POSITIVE_INFINITY, backsOff: false } as const;
