/**
 * A tunnel to one bridge, with the legs that it should have: dials what its plan says, and says why where two legs that
 * share no node cannot be had.
 */
import { Alarm } from '../base/alarm.ts';
import type { Clock } from '../base/clock.ts';
import { asBeaconError, BeaconError } from '../base/errors.ts';
import { TUNNEL_RETIRE_MS } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { BrokerTunnel, type PairedLink } from '../tunnel/broker-tunnel.ts';
import { Drops } from '../tunnel/drops.ts';
import type { TunnelIdentity } from '../tunnel/http2.ts';
import type { Leg } from '../tunnel/leg.ts';
import { type LegState, type LegView, stateOf } from '../tunnel/leg-pairs.ts';
import { LegPlan } from '../tunnel/leg-plan.ts';
import type { LegDial, Redundancy } from '../tunnel/leg-step.ts';
import type { Route, Routes } from '../tunnel/routes.ts';
import type { SessionWatcher } from '../tunnel/session-stream.ts';
import type { DialBridge, PairedLeg } from './dial-bridge.ts';
import type { BrokerEvents } from './events.ts';
import { Renewal } from './renewal.ts';

export interface KeptTunnelOptions {
  readonly routes: Routes;
  readonly dial: DialBridge;
  readonly identity: TunnelIdentity;
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

export class KeptTunnel {
  readonly tunnel: BrokerTunnel;
  /** When another one is to take its place. */
  readonly renewal: Renewal;
  /** Whom the bridge took us for. */
  readonly identity: TunnelIdentity;
  /** Instance of its bridge, 32 hex digits. */
  readonly instance: string;
  readonly #options: KeptTunnelOptions;
  readonly #plan: LegPlan;
  readonly #drops: Drops;
  readonly #alarm: Alarm;
  readonly #stop = new AbortController();
  readonly #births = new Map<Leg, Birth>();
  /** Released because the plan said so. */
  readonly #dropped = new WeakSet<Leg>();
  #told: string | undefined;
  #retired = false;

  private constructor(tunnel: BrokerTunnel, first: PairedLeg, options: KeptTunnelOptions) {
    const { routes, random, clock, identity } = options;
    this.tunnel = tunnel;
    this.identity = identity;
    const notAfterMs = Math.min(tunnel.notAfterMs, identity.notAfterMs);
    this.renewal = new Renewal(random, notAfterMs, { now: clock.now(), wall: clock.wall() });
    this.instance = first.bridge.toString('hex');
    this.#options = options;
    this.#plan = new LegPlan({ routes, bridge: first.bridge, random, now: clock.now() });
    this.#drops = new Drops({ ...options, ...DROPPING });
    this.#alarm = new Alarm(clock, () => this.#run());
    for (const leg of tunnel.legs) this.#births.set(leg, { route: first.route, at: clock.now() });
    void tunnel.ready.then(() => this.#run());
    void tunnel.closed.then(() => this.#end());
  }

  /** Begins a session over `first`. Rejects as {@link BrokerTunnel.open}. */
  static async open(first: PairedLeg, options: KeptTunnelOptions, signal: AbortSignal): Promise<KeptTunnel> {
    const { identity, random } = options;
    let kept: KeptTunnel | undefined;
    const tell = (what: (one: KeptTunnel) => void): void => {
      if (kept) what(kept);
    };
    const watcher: SessionWatcher = {
      onLegGone: (leg, error) => tell((one) => one.#onLegGone(leg, error)),
      onSuspect: () => tell((one) => one.#run()),
      onMove: (leg, why) => tell((one) => one.#onMove(leg, why)),
      onResumed: (waitedMs) => options.events?.resumed(waitedMs),
      onLeave: (node) => tell((one) => one.#onLeave(node)),
    };
    const onStop = (): void => first.link.reset();
    signal.addEventListener('abort', onStop, { once: true });
    try {
      const tunnel = await BrokerTunnel.open(linkOf(first), { identity, random, watcher });
      kept = new KeptTunnel(tunnel, first, options);
      return kept;
    } finally {
      signal.removeEventListener('abort', onStop);
    }
  }

  /** Whether new streams are best placed here: the bridge takes them, and a leg carries them. */
  get serving(): boolean {
    return this.tunnel.usable && this.tunnel.legs.length > 0;
  }

  /** Another one has taken its place. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Another one takes its place: opens no new streams, and waits for the running ones, for TUNNEL_RETIRE_MS at the most. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    const timer = this.#options.clock.after(TUNNEL_RETIRE_MS, () => this.tunnel.destroy());
    void this.tunnel.close().then(() => timer.cancel());
  }

  get redundancy(): Redundancy {
    return this.#plan.redundancy(this.#views());
  }

  get #over(): boolean {
    return this.#stop.signal.aborted;
  }

  #views(): LegView[] {
    const stats = new Map(this.tunnel.stats.legs.map((each) => [each.leg, each]));
    return this.tunnel.legs.flatMap((leg) => {
      const birth = this.#births.get(leg);
      const stat = stats.get(leg.id);
      if (!birth || !stat) return [];
      return [viewOf(leg, birth, stateOf(stat))];
    });
  }

  /** Carries out what the plan says until it has nothing more to say for now. */
  #run(): void {
    while (!this.#over && this.tunnel.attachable) {
      const now = this.#options.clock.now();
      const step = this.#plan.step(now, this.#views());
      if (step.kind === 'dial') void this.#dial(step.dial);
      else if (step.kind === 'drop') this.#drop(step.id);
      else {
        this.#alarm.set(Number.isFinite(step.waitMs) ? now + step.waitMs : undefined);
        break;
      }
    }
    this.#tell();
  }

  async #dial(dial: LegDial): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    let route = dial.route;
    try {
      const paired = await this.#options.dial(dial, signal);
      route = paired.route;
      const leg = await this.tunnel.attach(linkOf(paired), signal);
      if (!this.tunnel.legs.includes(leg))
        throw new BeaconError('closed', 'the leg was cut at once', { retry: true });
      this.#births.set(leg, { route, at: clock.now() });
      this.#plan.opened({ ...dial, route }, paired.path, clock.now());
      log.debug('a leg was attached', { path: leg.path.join(', '), reason: dial.purpose });
      this.#options.events?.legOpened(dial.purpose);
      this.#options.onChange();
    } catch (cause) {
      const error = asBeaconError(cause);
      if (this.#over) return this.#plan.dropped(dial);
      log.debug(`a leg came to nothing: ${error.message}`, { code: error.code, reason: dial.purpose });
      this.#plan.failed({ ...dial, route }, error, clock.now());
    }
    this.#run();
  }

  #drop(id: number): void {
    const leg = this.tunnel.legs.find((each) => each.id === id);
    if (!leg) return;
    this.#options.log.debug('a leg too many was closed', { path: leg.path.join(', ') });
    this.#dropped.add(leg);
    this.#births.delete(leg);
    this.tunnel.release(leg);
  }

  #onLegGone(leg: Leg, error: BeaconError | undefined): void {
    const birth = this.#births.get(leg);
    this.#births.delete(leg);
    if (this.#over || this.#dropped.has(leg)) return;
    const { log, clock, onChange } = this.#options;
    const why = error ?? new BeaconError('closed', 'the leg was ended', { retry: true });
    log.debug(`a leg is gone: ${why.message}`, { path: leg.path.join(', '), code: why.code });
    this.#options.events?.lost(why.code);
    if (error) this.#drops.lost(leg.path.join(', '), error.code);
    if (birth) this.#plan.lost(viewOf(leg, birth, 'warm'), why, clock.now());
    const isLast = this.tunnel.legs.length === 0;
    if (isLast) this.#options.routes.beginAnew(clock.now());
    this.#run();
    if (isLast) onChange();
  }

  #onMove(leg: Leg, why: 'lost' | 'stalled'): void {
    this.#options.events?.moved(why);
    this.#options.log.info('a tunnel moved to another leg', { path: leg.path.join(', '), reason: why });
    // The word that the other one is gone follows: its plan must not miss it and think of a tunnel that never had two.
    if (why === 'stalled') this.#run();
  }

  #onLeave(node: string): void {
    this.#plan.leave(node, this.#views(), this.#options.clock.now());
    this.#run();
  }

  /** Once for each state: whoever is on call wants to know that one more loss would be noticed. */
  #tell(): void {
    if (this.#over || !this.tunnel.attachable) return;
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
    const paths = this.tunnel.legs.map(({ path }) => path);
    const spell = (names: readonly (readonly string[])[]): string =>
      names.map((each) => each.join(', ')).join('; ');
    const { nodes } = this.#options.routes;
    const zones = paths.map((path) => path.map((node) => nodes.zoneOf(node)));
    const isKnown = zones.flat().some((zone) => zone !== '');
    const named = zones.map((each) => each.map((zone) => zone || 'unknown'));
    return { path: spell(paths), ...(isKnown && { zone: spell(named) }) };
  }

  #end(): void {
    this.#stop.abort();
    this.#alarm.cancel();
    this.#births.clear();
  }
}

function linkOf({ link, path }: PairedLeg): PairedLink {
  return { link, path: path.map(({ node }) => node) };
}

function viewOf({ id, path }: Leg, { route, at }: Birth, state: LegState): LegView {
  return { id, path, route, state, bornAt: at };
}
