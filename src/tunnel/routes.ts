/**
 * What a client knows of the addresses of its relays, and which of them it dials next. Pure: look-ups, dials and frames
 * are told to it. Three kinds of `--beacon-address` come to the same thing, a list of routes: several addresses; one
 * name with several IP addresses, each a route; one load-balanced address, which answers as another node each time.
 *
 * Each route has its own backoff. For each that {@link Routes.next} gives out, the caller says how it went: once
 * {@link Routes.answered} or {@link Routes.failed}; and {@link Routes.lost} when a connection that was answered ends.
 */
import { type Address, formatAddress } from '../base/address.ts';
import type { Backoff } from '../base/backoff.ts';
import type { BeaconError } from '../base/errors.ts';
import {
  DRAINING_MEMORY_MS,
  RECONNECT_FIRST_MS,
  RECONNECT_HEALTHY_MS,
  ROUTE_ADDRESSES,
  ROUTE_AGAIN_MS,
  ROUTE_NODES,
  ROUTE_RECHECK_MS,
  ROUTE_SETTLED,
} from '../base/limits.ts';
import { integerBelow, type Random } from '../base/random.ts';
import type { PathNode } from '../wire/frames.ts';
import { hostOf, hostsOf } from './node-names.ts';
import { reconnectBackoff, waitAfter } from './reconnect.ts';
import { RouteNodes } from './route-nodes.ts';

/** One way to a relay. Compare by identity. */
export interface Route {
  readonly address: Address;
  /** The IP address of its name that is meant; undefined: whichever comes. */
  readonly ip: string | undefined;
}

export interface Wish {
  /**
   * `any`: a relay, whichever, and rather one that is not in `avoid`. `other`: only a dial that may reach a node outside
   * `avoid` is of use.
   */
  readonly need: 'any' | 'other';
  /** Nodes; their hosts count. Default: none. */
  readonly avoid?: readonly string[];
  /** Whether `other` also tries again what answered as one node so far: it may be a load balancer. Default true. */
  readonly doubtful?: boolean;
  /** Whether, where nothing else can be dialled now, nodes outside `avoid` that drained a moment ago are: one may be back. Default false. */
  readonly returning?: boolean;
  /** Only addresses that stand for one node, as far as one can tell. Default false. */
  readonly plain?: boolean;
  /** How much the caller has at each host: least first. Default: nothing anywhere. */
  readonly load?: ReadonlyMap<string, number>;
  /** Zones to leave to others where there is a choice. */
  readonly zones?: ReadonlySet<string>;
  /** Routes that this search has tried in vain. */
  readonly tried?: ReadonlySet<Route>;
}

export type RouteChoice =
  | { readonly kind: 'dial'; readonly route: Route }
  /** `waitMs` Infinity: no route will do, whatever the time. `backsOff`: one that may do is not dialled yet because of
   *  what happened when it was. */
  | { readonly kind: 'wait'; readonly waitMs: number; readonly backsOff: boolean };

interface Entry {
  readonly route: Route;
  readonly backoff: Backoff;
  /** Not dialled before. */
  readyAt: number;
  /** The wait until then is what a relay asked for, or until a person has changed something: not to be cut short. */
  isOrdered: boolean;
  underWay: number;
  /** Nodes that answered here, the last one first. */
  nodes: readonly string[];
  /** Answers in a row that came from the same node. */
  inRow: number;
  /** Of the last answer. */
  answeredAt: number;
  /** Another node than the last one has answered here, maybe without its name. */
  balances: boolean;
  /** Not dialled before in search of another node, while it has answered as one only. */
  againAt: number;
  /** Of the first answer since something went wrong; undefined: none. */
  healthySince: number | undefined;
  /** Until then whoever is here is taken to drain, though we never learned its name. */
  drainsUntil: number;
}

/** `fresh`: may be what is wanted. `doubtful`: was not so far, another dial may tell. `draining`: as long as it lasts. */
type Fit = 'fresh' | 'doubtful' | 'draining' | 'tried';

export class Routes {
  readonly nodes = new RouteNodes();
  readonly #random: Random;
  #entries: Entry[];
  /** {@link beginAnew} does nothing before. */
  #anewAt = 0;

  /** @param addresses at least one. */
  constructor(addresses: readonly Address[], random: Random) {
    this.#random = random;
    this.#entries = addresses.map((address) => this.#entry({ address, ip: undefined }));
  }

  get all(): readonly Route[] {
    return this.#entries.map(({ route }) => route);
  }

  /** What `address`, a name, stands for now. None: the look-up failed, and what is known stays. */
  resolved(address: Address, ips: readonly string[]): void {
    if (ips.length === 0) return;
    const name = formatAddress(address);
    const at = this.#entries.findIndex(({ route }) => formatAddress(route.address) === name);
    if (at < 0) return;
    const [own, others] = partition(this.#entries, ({ route }) => formatAddress(route.address) === name);
    const next = ips
      .slice(0, ROUTE_ADDRESSES)
      .map((ip) => own.find(({ route }) => route.ip === ip) ?? this.#entry({ address, ip }));
    this.#entries = [...others.slice(0, at), ...next, ...others.slice(at)];
  }

  /** Whether `route` stands for one node, as far as one can tell. */
  isSettled(route: Route): boolean {
    const entry = this.#find(route);
    return entry !== undefined && this.#standsForOne(entry);
  }

  /** A node that answered on `route`, or may be the one that does; the `turn`th in turn. Undefined: none is known. */
  nodeOf(route: Route, turn: number): string | undefined {
    const nodes = this.#find(route)?.nodes ?? [];
    const guesses = nodes.length > 0 ? nodes : this.nodes.names();
    return guesses[turn % Math.max(1, guesses.length)];
  }

  /** The route to dial now, which counts as under way; or how long to wait. */
  next(now: number, wish: Wish): RouteChoice {
    const avoid = hostsOf(wish.avoid ?? []);
    const fits = this.#entries.map((entry) => ({ entry, fit: this.#fit(entry, wish, avoid, now) }));
    const of = (...kinds: Fit[]): Entry[] =>
      fits.filter(({ fit }) => kinds.includes(fit)).map(({ entry }) => entry);
    const isOutside = ({ nodes }: Entry): boolean =>
      nodes.length === 0 || nodes.some((node) => !avoid.has(hostOf(node)));
    const returning = wish.returning ? of('draining').filter(isOutside) : [];
    if (wish.need === 'any') {
      const useful = of('fresh', 'doubtful');
      const from = useful.length > 0 ? useful : of('draining');
      const picked = this.#pick([of('fresh'), from, returning], wish, now);
      if (picked) return picked;
      // What drains may be back before the others are to be dialled.
      const later = useful.length > 0 ? of('draining') : [];
      const times = later.map((entry) => Math.max(entry.readyAt, now + this.#drainsFor(entry, now)));
      return wait([...from.map(({ readyAt }) => readyAt), ...times], now);
    }
    // Each dial of one that is settled is in vain until its time has come.
    const doubtful = of('doubtful').filter((entry) => wish.doubtful !== false || !this.#standsForOne(entry));
    const due = doubtful.filter((entry) => this.#recheckAt(entry) <= now);
    const picked = this.#pick([of('fresh'), due, returning], wish, now);
    if (picked) return picked;
    const times = [
      ...of('fresh').map(({ readyAt }) => readyAt),
      ...doubtful.map((entry) => Math.max(entry.readyAt, this.#recheckAt(entry))),
    ];
    const drains = of('draining').map((entry) => now + this.#drainsFor(entry, now));
    const backsOff = of('fresh').length > 0;
    return { kind: 'wait', waitMs: Math.max(0, Math.min(...times, ...drains) - now), backsOff };
  }

  /**
   * A dial of `route` came out at `ip`, another address of the same name (RFC 8305): the route was silent. Returns the
   * route that was dialled in truth.
   */
  landed(route: Route, ip: string, now: number): Route {
    const meant = this.#find(route);
    if (!meant || route.ip === undefined || route.ip === ip) return route;
    const name = formatAddress(route.address);
    const truth = this.#entries.find(
      (entry) => entry.route.ip === ip && formatAddress(entry.route.address) === name,
    );
    if (!truth) return route;
    this.#arrived(meant);
    meant.readyAt = Math.max(meant.readyAt, now + meant.backoff.next(0));
    truth.underWay += 1;
    return truth.route;
  }

  /** `node` answered with PARKED, or PAIRED as the first of its path. No zone, or an empty one: it is not known. */
  answered(route: Route, node: string, now: number, zone?: string): void {
    this.nodes.answered(node, zone);
    const entry = this.#find(route);
    if (!entry) return;
    this.#arrived(entry);
    entry.healthySince ??= now;
    this.#heard(entry, node, now);
  }

  /** As {@link answered}, with PAIRED. Says whether the path ends at a node that was not known. */
  paired(route: Route, path: readonly PathNode[], now: number): boolean {
    const [entry, holder = entry] = path;
    if (!entry || !holder) return false;
    this.answered(route, entry.node, now, entry.zone);
    return this.nodes.seen(holder.node, holder.zone);
  }

  /**
   * A dial of `route` came to nothing.
   *
   * @param avoid what HELLO asked to avoid: the refusals that come of it say nothing against the relay.
   */
  failed(route: Route, error: BeaconError, now: number, avoid: readonly string[] = []): void {
    const entry = this.#find(route);
    if (!entry) return;
    this.#arrived(entry);
    const [only] = entry.nodes;
    const known = entry.nodes.length === 1 ? only : undefined;
    if (error.code === 'draining' && known !== undefined) this.nodes.drains(known, now);
    if (error.code === 'draining' && entry.nodes.length === 0) entry.drainsUntil = now + DRAINING_MEMORY_MS;
    if (avoid.length > 0 && isAnswer(error)) {
      const node = error.code === 'avoided' ? this.#whichOf(entry, avoid) : undefined;
      if (node !== undefined) this.#heard(entry, node, now);
      // A node that is not to be avoided said no: another one than answered before.
      if (error.code !== 'avoided' && entry.nodes[0] !== undefined && avoid.includes(entry.nodes[0])) {
        entry.inRow = 0;
        entry.balances = true;
      }
      // Another dial may reach another node at once, and many may have the same idea.
      entry.readyAt = Math.max(entry.readyAt, now + this.#random.fraction() * RECONNECT_FIRST_MS);
      return;
    }
    this.#backOff(entry, error, 0, now);
  }

  /** The dial of `route` was given up by this side: nothing is learned. */
  dropped(route: Route): void {
    const entry = this.#find(route);
    if (entry) this.#arrived(entry);
  }

  /**
   * A connection that `node` had answered on `route` is gone, and not by us.
   *
   * @param livedMs how long it was of use.
   */
  lost(route: Route, node: string, error: BeaconError, livedMs: number, now: number): void {
    this.nodes.lost(node);
    const entry = this.#find(route);
    if (entry) this.#backOff(entry, error, livedMs, now);
  }

  /**
   * The last connection is gone, and every address is worth a look: what was drawn while there was another way, or was down
   * itself a moment ago, would be waited for in vain. All backoffs begin anew, once in RECONNECT_HEALTHY_MS at the most, so
   * that a relay which takes everybody in and dies of it is not asked without a pause.
   */
  beginAnew(now: number): void {
    if (now < this.#anewAt) return;
    this.#anewAt = now + RECONNECT_HEALTHY_MS;
    for (const entry of this.#entries) {
      const waitMs = entry.backoff.next(Number.POSITIVE_INFINITY);
      if (!entry.isOrdered) entry.readyAt = Math.min(entry.readyAt, now + waitMs);
    }
  }

  /** `node` said, or another said of it, that it is about to leave: it is skipped for DRAINING_MEMORY_MS. */
  draining(node: string, now: number): void {
    this.nodes.drains(node, now);
  }

  #entry(route: Route): Entry {
    const backoff = reconnectBackoff(this.#random);
    return {
      route,
      backoff,
      readyAt: 0,
      isOrdered: false,
      underWay: 0,
      nodes: [],
      inRow: 0,
      answeredAt: 0,
      balances: false,
      againAt: 0,
      healthySince: undefined,
      drainsUntil: 0,
    };
  }

  #find(route: Route): Entry | undefined {
    return this.#entries.find((entry) => entry.route === route);
  }

  #arrived(entry: Entry): void {
    entry.underWay = Math.max(0, entry.underWay - 1);
  }

  #heard(entry: Entry, node: string, now: number): void {
    entry.answeredAt = now;
    entry.inRow = node === entry.nodes[0] ? entry.inRow + 1 : 1;
    const others = entry.nodes.filter((other) => other !== node);
    entry.balances = (entry.balances || others.length > 0) && entry.inRow < ROUTE_SETTLED;
    entry.nodes = entry.inRow >= ROUTE_SETTLED ? [node] : [node, ...others].slice(0, ROUTE_NODES);
    entry.againAt = now + (entry.inRow >= 2 && this.#seemsOne(entry) ? this.#restMs(entry) : 0);
  }

  #restMs({ inRow }: Entry): number {
    const ceilingMs = Math.min(ROUTE_AGAIN_MS * 2 ** (inRow - 2), ROUTE_RECHECK_MS);
    return (ceilingMs / 2) * (1 + this.#random.fraction());
  }

  /** Which of `nodes` answered at `entry`: the one it stands for, or the only one that does not stand elsewhere. */
  #whichOf(entry: Entry, nodes: readonly string[]): string | undefined {
    if (entry.nodes.length === 1 && this.#standsForOne(entry)) return entry.nodes[0];
    const elsewhere = this.#entries.filter((other) => other !== entry && this.#standsForOne(other));
    const known = new Set(elsewhere.flatMap((other) => other.nodes));
    const left = nodes.filter((node) => !known.has(node));
    return left.length === 1 ? left[0] : undefined;
  }

  #backOff(entry: Entry, error: BeaconError, livedMs: number, now: number): void {
    // The connection may be young and the relay sound for long: parks go as brokers come.
    const healthyMs = Math.max(livedMs, now - (entry.healthySince ?? now));
    entry.healthySince = undefined;
    // When a relay dies all connections to it end together: one failure, not as many as there were.
    if (now < entry.readyAt && error.retryAfterMs === undefined) return;
    entry.readyAt = Math.max(entry.readyAt, now + waitAfter(error, entry.backoff.next(healthyMs)));
    entry.isOrdered = !error.retry || error.retryAfterMs !== undefined;
  }

  #fit(entry: Entry, wish: Wish, avoid: ReadonlySet<string>, now: number): Fit {
    if (wish.tried?.has(entry.route)) return 'tried';
    if (wish.plain && !this.#seemsOne(entry)) return 'tried';
    const { nodes } = entry;
    // Behind a balancer the next dial may reach another node.
    if (this.#standsForOne(entry) && this.#drainsFor(entry, now) > 0) return 'draining';
    if (nodes.length === 0) return 'fresh';
    if (!nodes.every((node) => avoid.has(hostOf(node)))) return 'fresh';
    return this.#seemsOne(entry) ? 'doubtful' : 'fresh';
  }

  /** One of several addresses is taken for one node until it proves otherwise; the only one when it has shown it. */
  #standsForOne({ nodes, inRow }: Entry): boolean {
    return nodes.length <= 1 && (this.#entries.length > 1 || inRow >= ROUTE_SETTLED);
  }

  /** As {@link #standsForOne}; or nothing says that there is another host than the one that answered. */
  #seemsOne(entry: Entry): boolean {
    return this.#standsForOne(entry) || (!entry.balances && hostsOf(this.nodes.names()).size <= 1);
  }

  /** When one that has answered as a node to be avoided is worth another dial. */
  #recheckAt({ inRow, answeredAt, againAt }: Entry): number {
    return inRow >= ROUTE_SETTLED ? answeredAt + ROUTE_RECHECK_MS : againAt;
  }

  #drainsFor({ nodes, drainsUntil }: Entry, now: number): number {
    if (nodes.length === 0) return Math.max(0, drainsUntil - now);
    return Math.min(...nodes.map((node) => this.nodes.drainsFor(node, now)));
  }

  /** The best that is ready, of the first group that has one. */
  #pick(groups: readonly Entry[][], wish: Wish, now: number): RouteChoice | undefined {
    for (const group of groups) {
      const ready = group.filter(({ readyAt }) => readyAt <= now);
      if (ready.length === 0) continue;
      const scores = ready.map((entry) => this.#score(entry, wish));
      const least = Math.min(...scores);
      const best = ready.filter((_, index) => scores[index] === least);
      const entry = best[integerBelow(this.#random, best.length)] as Entry;
      entry.underWay += 1;
      return { kind: 'dial', route: entry.route };
    }
    return undefined;
  }

  /** What is had there already, dials under way included; half a point for a zone that is had. */
  #score({ nodes, underWay }: Entry, { load, zones }: Wish): number {
    if (nodes.length === 0) return underWay;
    const had = nodes.map((node) => {
      const inZone = zones?.has(this.nodes.zoneOf(node)) ? 0.5 : 0;
      return (load?.get(hostOf(node)) ?? 0) + inZone;
    });
    return underWay + had.reduce((sum, one) => sum + one, 0) / had.length;
  }
}

function wait(times: readonly number[], now: number): RouteChoice {
  return { kind: 'wait', waitMs: Math.max(0, Math.min(...times) - now), backsOff: times.length > 0 };
}

/** Refusals by which a healthy node says that it cannot give what HELLO asked for. */
export function isAnswer({ code }: BeaconError): boolean {
  return code === 'avoided' || code === 'noBridge' || code === 'holderUnreachable';
}

function partition<T>(items: readonly T[], is: (item: T) => boolean): [T[], T[]] {
  return [items.filter(is), items.filter((item) => !is(item))];
}
