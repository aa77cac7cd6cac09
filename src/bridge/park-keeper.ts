/**
 * Keeps as many connections of a bridge parked as the plan wants, spread over as many nodes as can be reached. A relay
 * that is gone keeps nobody waiting but itself: each address has its own backoff. Knows no socket: what dials and parks is
 * a {@link ParkWay}.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { BeaconError, ErrorCode } from '../base/errors.ts';
import { PARK_SPREAD_MS, ROUTE_RECHECK_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { Drops } from '../tunnel/drops.ts';
import type { TunnelEvents } from '../tunnel/events.ts';
import { News } from '../tunnel/news.ts';
import { hostOf } from '../tunnel/node-names.ts';
import type { Route, Routes, Wish } from '../tunnel/routes.ts';
import type { Parked } from '../wire/frames.ts';
import { ParkPlan } from './park-plan.ts';
import { ParkSpread } from './park-spread.ts';
import type { ParkTalkHandler } from './park-talk.ts';

/** What a {@link ParkKeeper} is told of a connection. */
export type ParkHandler<L> = Omit<ParkTalkHandler, 'send' | 'onPaired'> & {
  /** A broker is at the other end; the link is the callee's now, its first bytes unread. */
  onPaired(link: L): void;
};

/** A connection that asked to be parked. */
export interface ParkConnection {
  /** Whether the relay holds it in its lot. */
  readonly parked: boolean;
  /** Leaves without a word to the handler. */
  close(): void;
}

/** A link to a relay, and the route on which it was reached. */
export interface ReachedBy<L> {
  readonly link: L;
  readonly route: Route;
}

/** The way to relays, over links of some kind. */
export interface ParkWay<L> {
  readonly routes: Routes;
  /** Looks up what is a name among the addresses, then calls `done`. */
  refresh(done: () => void): void;
  /** Calls one of the two, later; `onFailed` too when the dial was stopped. */
  dial(
    route: Route,
    onReached: (reached: ReachedBy<L>) => void,
    onFailed: (error: BeaconError) => void,
  ): void;
  /** Dials that are under way come to nothing. */
  stop(): void;
  /** Says HELLO on a link that was reached. The handler is told nothing before this has returned. */
  park(link: L, handler: ParkHandler<L>): ParkConnection;
}

export interface ParkKeeperOptions<L> {
  readonly way: ParkWay<L>;
  /** Parks to keep at the least. */
  readonly least: number;
  /** Tunnels that the bridge can still take; asked at each look. */
  readonly room: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A broker is at the other end; the link, which was parked at `node`, is the callee's. */
  readonly onPaired: (link: L, node: string) => void;
  /** `node` is about to leave; said again while it is. */
  readonly onDraining: (node: string) => void;
  /** `node` took a park. */
  readonly onParked: (node: string) => void;
  /** Default: nobody counts. */
  readonly events?: TunnelEvents;
}

/** A connection that was dialled for a park, and how it came about. */
interface Park {
  readonly connection: ParkConnection;
  readonly route: Route;
  /** Dialled to find a node that we are not parked at. */
  readonly explores: boolean;
  /** Of the certificate that it was dialled with, counted up by {@link ParkKeeper.renew}. */
  readonly generation: number;
  /** Undefined: not parked yet. */
  node: string | undefined;
}

/** A park that a relay has in its lot. */
type Held = Park & { readonly node: string };

/** How parks end that the line ended, and not a word of the relay. */
const LINE_CODES: ReadonlySet<ErrorCode> = new Set(['closed', 'timeout']);
const DROPPING = {
  field: 'node',
  what: 'parked connections to this relay',
  advice:
    'look at what stands in between (idle and life times of firewalls, proxies and load balancers), and at the log of the relay',
} as const;

export class ParkKeeper<L> {
  readonly #options: ParkKeeperOptions<L>;
  readonly #plan: ParkPlan;
  readonly #spread: ParkSpread;
  #stopped = false;
  readonly #parks = new Set<Park>();
  /** Parks that a relay wants to be rid of: each is closed when another is parked. */
  readonly #leaving = new Set<Park>();
  /** The park with an older certificate that is to be closed when another is parked. */
  #renewing: Park | undefined;
  #generation = 0;
  /** What went wrong last, by route: that one relay is down is no news because another one works. */
  readonly #news = new WeakMap<Route, News>();
  readonly #drops: Drops;
  #dialling = 0;
  #exploring = false;
  /** Lost parks are not made up for until then. */
  #holdUntil = 0;
  /** The next try, while parks are missing. */
  #retry: Timer | undefined;
  /** The next look for other nodes, while none is missing. */
  #look: Timer | undefined;

  constructor(options: ParkKeeperOptions<L>) {
    this.#options = options;
    this.#plan = new ParkPlan(options.least);
    this.#drops = new Drops({ ...options, ...DROPPING });
    this.#spread = new ParkSpread(options.way.routes, options.random);
    this.#spread.changed(options.clock.now());
  }

  /** Connections that wait at a relay now. */
  get parked(): number {
    return this.#all.filter(({ connection }) => connection.parked).length;
  }

  /** How many of them wait at each host. */
  get byHost(): ReadonlyMap<string, number> {
    return ParkSpread.load(this.#all.filter(isHeld));
  }

  /** Dials until as many connections are parked, or on their way, as the plan wants; unless a wait is on. */
  fill(): void {
    if (this.#stopped || this.#retry) return;
    const { clock, room } = this.#options;
    const wanted = Math.min(room(), this.#plan.target(clock.now()));
    const missing = wanted - this.#parks.size - this.#dialling;
    this.#look?.cancel();
    this.#look = undefined;
    if (missing <= 0) return this.#lookAround();
    const holdMs = this.#holdUntil - clock.now();
    if (holdMs > 0) return this.#retryIn(holdMs);
    for (let count = 0; count < missing; count += 1) this.#dial();
  }

  /** Makes every park anew, one after the other, as the dialler shows another certificate now. The old one waits until its
   *  successor is parked. */
  renew(): void {
    this.#generation += 1;
    this.#renewNext();
  }

  /** Leaves all relays; idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#options.way.stop();
    this.#retry?.cancel();
    this.#look?.cancel();
    for (const { connection } of this.#all) connection.close();
  }

  get #all(): Park[] {
    return [...this.#parks, ...this.#leaving, ...(this.#renewing ? [this.#renewing] : [])];
  }

  #dial(): void {
    const { way, clock } = this.#options;
    this.#dialling += 1;
    way.refresh(() => {
      if (this.#stopped) return this.#dialled();
      const avoid = [...this.#leaving].filter(isHeld).map(({ node }) => node);
      // Who has no park that stays cannot wait for it to be forgotten that a node drained: it may be back.
      const returning = avoid.length > 0 || this.#held.length === 0;
      const wish: Wish = { need: 'any', avoid, load: this.#loadWithoutRenewing, returning };
      const choice = way.routes.next(clock.now(), wish);
      if (choice.kind === 'dial') return this.#reach(choice.route, false, () => this.#dialled());
      this.#dialling -= 1;
      this.#retryIn(choice.waitMs);
    });
  }

  #dialled(): void {
    this.#dialling -= 1;
    this.fill();
  }

  /** Those that a node has taken in, without the ones that leave. */
  get #held(): Held[] {
    return [...this.#parks].filter(isHeld);
  }

  /** What is renewed leaves a place where it was. */
  get #loadWithoutRenewing(): ReadonlyMap<string, number> {
    return ParkSpread.load([...this.#parks, ...this.#leaving].filter(isHeld));
  }

  #reach(route: Route, explores: boolean, done: () => void): void {
    const { way, clock } = this.#options;
    const generation = this.#generation;
    way.dial(
      route,
      (reached) => {
        this.#add(reached.link, { route: reached.route, explores, generation });
        done();
      },
      (error) => {
        way.routes.failed(route, error, clock.now());
        if (!this.#stopped) this.#newsOf(route).bad(error.message, error.code);
        done();
      },
    );
  }

  #add(link: L, birth: Pick<Park, 'route' | 'explores' | 'generation'>): void {
    const { way, clock } = this.#options;
    const connection = way.park(link, {
      onParked: (parked) => this.#onParked(park, parked),
      onLeave: () => {
        this.#remove(park);
        this.#leaving.add(park);
        this.fill();
      },
      onDraining: (node) => {
        way.routes.draining(node, clock.now());
        this.#options.onDraining(node);
      },
      onPaired: (paired) => this.#onPaired(park, paired),
      onEnd: (error, parkedMs) => this.#onEnd(park, error, parkedMs),
    });
    const park: Park = { connection, ...birth, node: undefined };
    this.#parks.add(park);
    // Stopped while the dial was under way.
    if (!this.#stopped) return;
    this.#remove(park);
    connection.close();
  }

  #onParked(park: Park, { node, zone }: Parked): void {
    const { way, clock, log, onParked } = this.#options;
    park.node = node;
    onParked(node);
    way.routes.answered(park.route, node, clock.now(), zone);
    this.#newsOf(park.route).good();
    log[this.parked === 1 ? 'info' : 'debug']('parked at a relay', { node, zone });
    const held = this.#held;
    if (park.explores && isHeld(park)) this.#close(this.#spread.landed(park, held, clock.now()));
    else this.#close(this.#renewing ?? [...this.#leaving][0]);
    this.#renewNext();
    this.fill();
  }

  #onPaired(park: Park, link: L): void {
    this.#remove(park);
    this.#plan.paired(this.#options.clock.now());
    this.#options.onPaired(link, park.node ?? '');
    // Brokers are coming: this is no time to wait.
    this.#endHold();
    this.fill();
  }

  #onEnd(park: Park, error: BeaconError, parkedMs: number): void {
    const { way, clock } = this.#options;
    const { route, node } = park;
    this.#remove(park);
    this.#newsOf(route).bad(error.message, error.code);
    if (node === undefined) {
      way.routes.failed(route, error, clock.now());
    } else {
      way.routes.lost(route, node, error, parkedMs, clock.now());
      this.#options.events?.lost(error.code);
      if (LINE_CODES.has(error.code)) this.#drops.lost(node, error.code);
      this.#holdBack(node);
      if (this.#held.length === 0) way.routes.beginAnew(clock.now());
    }
    this.fill();
  }

  /** A park at `node` is gone. Where others still wait elsewhere, we need not be among the first that come back. */
  #holdBack(node: string): void {
    const { clock, random, least } = this.#options;
    const now = clock.now();
    this.#spread.changed(now);
    const elsewhere = this.#held.filter((park) => hostOf(park.node) !== hostOf(node));
    if (2 * elsewhere.length < least) this.#endHold();
    else if (this.#holdUntil <= now) this.#holdUntil = now + random.fraction() * PARK_SPREAD_MS;
  }

  #endHold(): void {
    this.#holdUntil = 0;
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  /** All wanted parks are there, or on their way: maybe a node is left out. Whatever makes us busy calls again. */
  #lookAround(): void {
    const { clock, way } = this.#options;
    const now = clock.now();
    const held = this.#held;
    if (this.#dialling > 0 || this.#exploring || held.length < this.#parks.size) return;
    // Those that are left are enough: nobody else will be parked in the place of these.
    const spare = [...this.#leaving, this.#renewing].filter((park) => park !== undefined);
    if (spare.length > 0) {
      for (const park of spare) this.#close(park);
      this.#renewNext();
      return this.fill();
    }
    const calmInMs = this.#plan.calmInMs(now);
    const step = this.#spread.next(now, held, calmInMs === 0);
    if (step.kind === 'dial') return this.#explore(step.route);
    const waitMs = calmInMs > 0 ? Math.min(step.waitMs, calmInMs) : step.waitMs;
    // Names are looked up again now and then, as nodes may have been added.
    this.#look = clock.after(Math.min(waitMs, ROUTE_RECHECK_MS), () => {
      this.#look = undefined;
      way.refresh(() => this.fill());
    });
  }

  #explore(route: Route): void {
    this.#exploring = true;
    this.#reach(route, true, () => {
      this.#exploring = false;
      this.fill();
    });
  }

  #retryIn(waitMs: number): void {
    if (this.#retry || this.#stopped) return;
    this.#retry = this.#options.clock.after(waitMs, () => {
      this.#retry = undefined;
      this.fill();
    });
  }

  #renewNext(): void {
    if (this.#renewing || this.#stopped) return;
    // One that is not parked yet is looked at again when it is.
    const old = this.#held.find(({ generation }) => generation < this.#generation);
    if (!old) return;
    this.#parks.delete(old);
    this.#renewing = old;
    this.fill();
  }

  #remove(park: Park): void {
    this.#parks.delete(park);
    this.#leaving.delete(park);
    if (this.#renewing === park) this.#renewing = undefined;
  }

  #close(park: Park | undefined): void {
    if (!park) return;
    this.#remove(park);
    park.connection.close();
  }

  #newsOf(route: Route): News {
    const known = this.#news.get(route);
    if (known) return known;
    const news = new News(this.#options.log);
    this.#news.set(route, news);
    return news;
  }
}

function isHeld(park: Park): park is Held {
  return park.node !== undefined;
}
