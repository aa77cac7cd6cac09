/** Relays, reduced to whom they let in and where they lead; and the driver of a {@link LegPlan} against them. */
import { BeaconError } from '../../src/base/errors.ts';
import { integerBelow, type Random } from '../../src/base/random.ts';
import type { LegView } from '../../src/tunnel/leg-pairs.ts';
import { LegPlan } from '../../src/tunnel/leg-plan.ts';
import type { LegDial } from '../../src/tunnel/leg-step.ts';
import { type Route, Routes } from '../../src/tunnel/routes.ts';
import { seededRandom } from './seeded-random.ts';

export interface RelayModelOptions {
  readonly names: readonly string[];
  /** Zones by the names of their nodes. Default: nobody knows any. */
  readonly zones?: Readonly<Record<string, string>>;
  /** Indices of the nodes that clients reach. */
  readonly entries: readonly number[];
  /** Indices of the nodes at which the bridge is parked. */
  readonly holders: readonly number[];
  /** One address before all entries; otherwise each has its own. */
  readonly balanced: boolean;
  /** Whether a node that holds the bridge offers that park first. */
  readonly prefersLocal: boolean;
  readonly random: Random;
}

type Answer = { readonly path: readonly string[] } | { readonly error: BeaconError };

export class RelayModel {
  readonly down = new Set<string>();
  /** Holders at which the bridge is not parked for now. */
  readonly left = new Set<string>();
  /** Nodes that refuse whoever comes, and lead nobody on. */
  readonly draining = new Set<string>();
  /** Nodes that answered, one for each dial that came through. */
  readonly answers: string[] = [];
  readonly #options: RelayModelOptions;

  constructor(options: RelayModelOptions) {
    this.#options = options;
  }

  get addresses(): { host: string; port: number }[] {
    const { balanced, entries } = this.#options;
    return balanced
      ? [{ host: '10.0.0.1', port: 1 }]
      : entries.map((index) => ({ host: '10.0.0.1', port: index + 1 }));
  }

  zoneOf(node: string): string {
    return this.#options.zones?.[node] ?? '';
  }

  dial({ address }: Route, avoid: readonly string[]): Answer {
    const { names, entries, holders, balanced, prefersLocal, random } = this.#options;
    // A balancer leads to nobody who is not ready.
    const isReady = (name: string): boolean => !this.down.has(name) && !this.draining.has(name);
    const up = entries.map((index) => names[index] as string).filter(isReady);
    const entry = balanced ? up[integerBelow(random, Math.max(1, up.length))] : names[address.port - 1];
    if (entry === undefined || this.down.has(entry)) return refused('unreachable');
    this.answers.push(entry);
    if (this.draining.has(entry)) return refused('draining');
    if (avoid.includes(entry)) return refused('avoided');
    const open = holders
      .map((index) => names[index] as string)
      .filter((name) => !avoid.includes(name) && isReady(name) && !this.left.has(name));
    const holder =
      prefersLocal && open.includes(entry) ? entry : open[integerBelow(random, Math.max(1, open.length))];
    if (holder === undefined) return refused('noBridge');
    return { path: holder === entry ? [entry] : [entry, holder] };
  }
}

function refused(code: 'unreachable' | 'avoided' | 'noBridge' | 'draining'): Answer {
  return { error: new BeaconError(code, code, { retry: true }) };
}

/** A tunnel whose time a test moves. */
export class ModelTunnel {
  readonly routes: Routes;
  readonly plan: LegPlan;
  /** When each dial began, and for what. */
  readonly dials: { readonly at: number; readonly purpose: string; readonly avoid: readonly string[] }[] = [];
  legs: LegView[] = [];
  now = 0;
  readonly #model: RelayModel;
  #lastId = 0;

  constructor(model: RelayModel, random: Random) {
    this.#model = model;
    this.routes = new Routes(model.addresses, random);
    this.plan = new LegPlan({ routes: this.routes, bridge: Buffer.alloc(16, 1), random, now: 0 });
  }

  /** Goes on to `until`, or until `done` holds after some step. */
  run(until: number, done: () => boolean = () => false): void {
    while (!done()) {
      const step = this.plan.step(this.now, this.legs);
      if (step.kind === 'drop') {
        this.#remove(step.id);
      } else if (step.kind === 'dial') {
        this.dials.push({ at: this.now, purpose: step.dial.purpose, avoid: step.dial.avoid });
        this.now += DIAL_MS;
        const answer = this.#model.dial(step.dial.route, step.dial.avoid);
        if ('error' in answer) this.plan.failed(step.dial, answer.error, this.now);
        else this.#open(step.dial, answer.path);
      } else {
        if (this.now + step.waitMs > until) break;
        this.now += Math.max(step.waitMs, 1);
      }
    }
    if (!done()) this.now = Math.max(this.now, until);
  }

  /** The bridge says that it is to get off `node`. */
  leave(node: string): void {
    this.plan.leave(node, this.legs, this.now);
  }

  /** `node` dies, with every leg across it. */
  lose(node: string): void {
    for (const leg of this.legs.filter(({ path }) => path.includes(node))) {
      this.#remove(leg.id);
      this.plan.lost(leg, new BeaconError('closed', 'cut', { retry: true }), this.now);
    }
  }

  /** Its state from now on, for all legs but the active one. */
  suspect(id: number): void {
    this.legs = this.legs.map((leg) => (leg.id === id ? { ...leg, state: 'suspected' } : leg));
  }

  #open(dial: LegDial, path: readonly string[]): void {
    this.#add(path, dial.route);
    const told = path.map((node) => ({ node, zone: this.#model.zoneOf(node) }));
    this.plan.opened(dial, told, this.now);
  }

  #add(path: readonly string[], route: Route): void {
    this.#lastId += 1;
    const state = this.legs.some((leg) => leg.state === 'active') ? 'warm' : 'active';
    this.legs.push({ id: this.#lastId, path, route, state, bornAt: this.now });
  }

  #remove(id: number): void {
    const wasActive = this.legs.find((leg) => leg.id === id)?.state === 'active';
    this.legs = this.legs.filter((leg) => leg.id !== id);
    const next = this.legs.find(({ state }) => state === 'warm');
    if (!wasActive || !next) return;
    this.legs = this.legs.map((leg) => (leg === next ? { ...leg, state: 'active' } : leg));
  }
}

/** From the start of a dial to its end. */
const DIAL_MS = 10;

/** A tunnel over three nodes, unless `options` say otherwise, each with an address of its own and the bridge parked at it. */
export function cluster(
  options: Partial<RelayModelOptions> = {},
  seed = 1,
): { model: RelayModel; tunnel: ModelTunnel } {
  const names = options.names ?? ['a', 'b', 'c'];
  const all = names.map((_, index) => index);
  const random = seededRandom(seed);
  const defaults = { names, entries: all, holders: all, balanced: false, prefersLocal: true, random };
  const model = new RelayModel({ ...defaults, ...options });
  return { model, tunnel: new ModelTunnel(model, random) };
}

export function isDisjoint(tunnel: ModelTunnel): boolean {
  return tunnel.plan.redundancy(tunnel.legs).kind === 'disjoint';
}
