/**
 * Keeps the legs of one tunnel as its plan says, and says why where two legs that share no node cannot be had. Knows no
 * socket: what dials and attaches legs is a {@link LegWay}.
 */
import { Alarm } from '../base/alarm.ts';
import type { Clock } from '../base/clock.ts';
import { BeaconError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { Drops } from '../tunnel/drops.ts';
import { type LegState, type LegView, stateOf } from '../tunnel/leg-pairs.ts';
import { LegPlan } from '../tunnel/leg-plan.ts';
import type { LegDial, Redundancy } from '../tunnel/leg-step.ts';
import type { Route, Routes } from '../tunnel/routes.ts';
import type { LegId, SessionStats } from '../tunnel/session/types.ts';
import type { PathNode } from '../wire/frames.ts';
import type { BrokerEvents } from './events.ts';

export interface KeptLeg {
  readonly id: LegId;
  /** Nodes that it crosses. */
  readonly path: readonly string[];
}

/** A leg that was attached: the route on which its relay was reached, and the nodes that it crosses. */
export interface OpenedLeg<L> {
  readonly leg: L;
  readonly route: Route;
  readonly path: readonly PathNode[];
}

/** A tunnel, and the way to further legs of it, over links of some kind. */
export interface LegWay<L> {
  /** Whether legs may attach: both ends have finished the inner handshake, and the tunnel is not gone. */
  readonly attachable: boolean;
  readonly legs: readonly L[];
  readonly stats: SessionStats;
  /** Dials and attaches a leg, then calls one of the two. `route`: on which its relay was reached. */
  open(
    dial: LegDial,
    onOpened: (opened: OpenedLeg<L>) => void,
    onFailed: (error: BeaconError, route: Route) => void,
  ): void;
  /** Resets a leg that another one has replaced; nothing is lost with it. */
  release(leg: L): void;
}

export interface LegKeeperOptions<L> {
  readonly way: LegWay<L>;
  readonly routes: Routes;
  /** Instance of the bridge: 16 bytes. */
  readonly bridge: Buffer;
  /** On which the legs that are there were dialled. */
  readonly route: Route;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly events?: BrokerEvents;
  /** It has its first leg again, or has lost its last one. */
  readonly onChange: () => void;
}

const DROPPING = {
  field: 'path',
  what: 'legs by this path',
  advice:
    'where the log of the bridge says the same of its parks, the fault is on its side, else between here and the first relay of the path: look at idle and life times of firewalls, proxies and load balancers',
} as const;

/** What the plan needs to know of a leg beside what the leg says itself. */
interface Birth {
  readonly route: Route;
  readonly at: number;
}

export class LegKeeper<L extends KeptLeg> {
  readonly #options: LegKeeperOptions<L>;
  readonly #plan: LegPlan;
  readonly #drops: Drops;
  readonly #alarm: Alarm;
  readonly #births = new Map<L, Birth>();
  /** Released because the plan said so. */
  readonly #dropped = new WeakSet<L>();
  #told: string | undefined;
  #over = false;

  constructor(options: LegKeeperOptions<L>) {
    const { way, routes, route, bridge, random, clock } = options;
    this.#options = options;
    this.#plan = new LegPlan({ routes, bridge, random, now: clock.now() });
    this.#drops = new Drops({ ...options, ...DROPPING });
    this.#alarm = new Alarm(clock, () => this.run());
    for (const leg of way.legs) this.#births.set(leg, { route, at: clock.now() });
  }

  get redundancy(): Redundancy {
    return this.#plan.redundancy(this.#views());
  }

  /** Carries out what the plan says until it has nothing more to say for now. To be called when legs may attach. */
  run(): void {
    const { way, clock } = this.#options;
    while (!this.#over && way.attachable) {
      const now = clock.now();
      const step = this.#plan.step(now, this.#views());
      if (step.kind === 'dial') this.#dial(step.dial);
      else if (step.kind === 'drop') this.#drop(step.id);
      else {
        this.#alarm.set(Number.isFinite(step.waitMs) ? now + step.waitMs : undefined);
        break;
      }
    }
    this.#tell();
  }

  /** The tunnel is gone. */
  end(): void {
    this.#over = true;
    this.#alarm.cancel();
    this.#births.clear();
  }

  /** As {@link SessionWatcher} has it. */
  onLegGone(leg: L, error: BeaconError | undefined): void {
    const birth = this.#births.get(leg);
    this.#births.delete(leg);
    if (this.#over || this.#dropped.has(leg)) return;
    const { way, log, clock, routes, onChange } = this.#options;
    const why = error ?? new BeaconError('closed', 'the leg was ended', { retry: true });
    log.debug(`a leg is gone: ${why.message}`, { path: leg.path.join(', '), code: why.code });
    this.#options.events?.lost(why.code);
    if (error) this.#drops.lost(leg.path.join(', '), error.code);
    if (birth) this.#plan.lost(viewOf(leg, birth, 'warm'), why, clock.now());
    const isLast = way.legs.length === 0;
    if (isLast) routes.beginAnew(clock.now());
    this.run();
    if (isLast) onChange();
  }

  /** As {@link SessionWatcher} has it. */
  onMove(leg: L, why: 'lost' | 'stalled'): void {
    this.#options.events?.moved(why);
    this.#options.log.info('a tunnel moved to another leg', { path: leg.path.join(', '), reason: why });
    // The word that the other one is gone follows: its plan must not miss it and think of a tunnel that never had two.
    if (why === 'stalled') this.run();
  }

  /** As {@link SessionWatcher} has it. */
  onLeave(node: string): void {
    this.#plan.leave(node, this.#views(), this.#options.clock.now());
    this.run();
  }

  #views(): LegView[] {
    const { way } = this.#options;
    const stats = new Map(way.stats.legs.map((each) => [each.leg, each]));
    return way.legs.flatMap((leg) => {
      const birth = this.#births.get(leg);
      const stat = stats.get(leg.id);
      if (!birth || !stat) return [];
      return [viewOf(leg, birth, stateOf(stat))];
    });
  }

  #dial(dial: LegDial): void {
    this.#options.way.open(
      dial,
      (opened) => this.#onOpened(dial, opened),
      (error, route) => this.#onFailed({ ...dial, route }, error),
    );
  }

  #onOpened(dial: LegDial, { leg, route, path }: OpenedLeg<L>): void {
    const { way, clock, log, events, onChange } = this.#options;
    const reached = { ...dial, route };
    if (!way.legs.includes(leg)) {
      return this.#onFailed(reached, new BeaconError('closed', 'the leg was cut at once', { retry: true }));
    }
    this.#births.set(leg, { route, at: clock.now() });
    this.#plan.opened(reached, path, clock.now());
    log.debug('a leg was attached', { path: leg.path.join(', '), reason: dial.purpose });
    events?.legOpened(dial.purpose);
    onChange();
    this.run();
  }

  #onFailed(dial: LegDial, error: BeaconError): void {
    if (this.#over) return this.#plan.dropped(dial);
    const { log, clock } = this.#options;
    log.debug(`a leg came to nothing: ${error.message}`, { code: error.code, reason: dial.purpose });
    this.#plan.failed(dial, error, clock.now());
    this.run();
  }

  #drop(id: LegId): void {
    const { way, log } = this.#options;
    const leg = way.legs.find((each) => each.id === id);
    if (!leg) return;
    log.debug('a leg too many was closed', { path: leg.path.join(', ') });
    this.#dropped.add(leg);
    this.#births.delete(leg);
    way.release(leg);
  }

  /** Once for each state: whoever is on call wants to know that one more loss would be noticed. */
  #tell(): void {
    if (this.#over || !this.#options.way.attachable) return;
    const redundancy = this.redundancy;
    const reason = redundancy.kind === 'disjoint' ? undefined : redundancy.why;
    const now = `${redundancy.kind} ${redundancy.kind === 'disjoint' ? redundancy.sharesZone : reason}`;
    if (now === this.#told) return;
    this.#told = now;
    // It may be found in a moment.
    if (reason === 'searching') return;
    const { log } = this.#options;
    if (reason === undefined) {
      log.info('a tunnel has two legs that share no node', this.#placement());
    } else {
      log.info('a tunnel has no two legs that share no node', { reason });
    }
  }

  /** For the log: which nodes the legs cross, and in which zones those stand where they have any. */
  #placement(): { path: string; zone?: string } {
    const { way, routes } = this.#options;
    const paths = way.legs.map(({ path }) => path);
    const spell = (names: readonly (readonly string[])[]): string =>
      names.map((each) => each.join(', ')).join('; ');
    const zones = paths.map((path) => path.map((node) => routes.nodes.zoneOf(node)));
    const isKnown = zones.flat().some((zone) => zone !== '');
    const named = zones.map((each) => each.map((zone) => zone || 'unknown'));
    return { path: spell(paths), ...(isKnown && { zone: spell(named) }) };
  }
}

function viewOf(
  { id, path }: KeptLeg,
  { route, at }: { readonly route: Route; readonly at: number },
  state: LegState,
): LegView {
  return { id, path, route, state, bornAt: at };
}
