/** What a history says, put together for checkers: who was where from when until when, and what was wrong meanwhile. */
import { type Fault, nameOf } from '../faults.ts';
import type { Event, Happening, History } from '../history.ts';
import type { Scenario } from '../scenario.ts';

/** From, until: milliseconds; `untilMs` is Infinity where it never ended. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

type Of<What extends Happening['what']> = Extract<Event, { what: What }>;

export interface ParkSpan extends Span {
  readonly bridge: string;
  readonly instance: string;
  readonly infoHash: string;
  readonly node: string;
}

export interface NodeSpan extends Span {
  readonly node: string;
  readonly incarnation: number;
  readonly drainsMs: number;
}

export interface Attempt {
  readonly asked: Of<'asked'>;
  readonly outcome: Of<'paired'> | Of<'refused'> | Of<'left'> | undefined;
}

export class Facts {
  readonly scenario: Scenario;
  readonly calmMs: number;
  readonly endMs: number;
  readonly parks: readonly ParkSpan[];
  readonly nodes: readonly NodeSpan[];
  readonly attempts: readonly Attempt[];
  readonly #faults: readonly (Span & { readonly fault: Fault })[];
  readonly #full: ReadonlyMap<string, readonly Span[]>;

  constructor(history: History, scenario: Scenario) {
    this.scenario = scenario;
    this.endMs = history.at(-1)?.ms ?? 0;
    this.calmMs = history.findLast(({ what }) => what === 'calm')?.ms ?? Number.POSITIVE_INFINITY;
    this.parks = parksOf(history);
    this.nodes = nodesOf(history);
    this.attempts = attemptsOf(history);
    this.#faults = faultsOf(history, scenario);
    this.#full = fullOf(history);
  }

  /** Bridges and brokers of a CA, by name. */
  clientsOf(side: 'bridges' | 'brokers', ca: number): string[] {
    return this.scenario[side].flatMap((plan, index) =>
      plan.ca === ca ? [side === 'bridges' ? `bridge-${index}` : `broker-${index}`] : [],
    );
  }

  /** Relays of the scenario, by name. */
  get relays(): string[] {
    return Array.from({ length: this.scenario.relays }, (_, relay) => nameOf({ relay }));
  }

  /** Which process of that name ran at `ms`. */
  nodeAt(node: string, ms: number): NodeSpan | undefined {
    return this.nodes.find((each) => each.node === node && each.fromMs <= ms && ms < each.untilMs);
  }

  /**
   * Whether a fault was on between two times at one of `names`, between two of them, or with messages of all nodes; or one of
   * the nodes among them started, drained, ended, or was full. @param except faults that do not count
   */
  disturbed(
    names: readonly string[],
    fromMs: number,
    untilMs: number,
    except: (fault: Fault) => boolean = () => false,
  ): boolean {
    const isWithin = (span: Span): boolean => span.fromMs <= untilMs && fromMs <= span.untilMs;
    return (
      this.#faults.some((span) => isWithin(span) && !except(span.fault) && concerns(span.fault, names)) ||
      this.full(names, fromMs, untilMs)
    );
  }

  /** Whether one of `nodes` had no slot left at some time between two. */
  full(nodes: readonly string[], fromMs: number, untilMs: number): boolean {
    const isWithin = (span: Span): boolean => span.fromMs <= untilMs && fromMs <= span.untilMs;
    return nodes.some((node) => this.#full.get(node)?.some(isWithin));
  }

  /** Whether one of `nodes` started, began to drain, or ended between two times, or did not run at all. */
  changed(nodes: readonly string[], fromMs: number, untilMs: number): boolean {
    return nodes.some((node) => {
      const span = this.nodeAt(node, fromMs);
      return !span || span.untilMs <= untilMs || span.drainsMs <= untilMs;
    });
  }

  /** Whether `name`, a bridge or a broker, was ended on purpose, killed or started anew between two times. */
  ended(name: string, fromMs: number, untilMs: number): boolean {
    const [side, index] = name.split('-');
    const plan = this.scenario[side === 'bridge' ? 'bridges' : 'brokers'][Number(index)];
    // What ends with the run is not gone before.
    const within = (ms: number): boolean => fromMs <= ms && ms <= untilMs && ms < this.scenario.untilMs;
    if (!plan || plan.spans.some((span) => within(span.fromMs) || within(span.untilMs))) return true;
    if (!plan.spans.some((span) => span.fromMs <= fromMs && untilMs <= span.untilMs)) return true;
    return this.#faults.some(
      ({ fault, ...span }) =>
        (fault.kind === 'kill' || fault.kind === 'restart') &&
        nameOf(fault.place) === name &&
        span.fromMs <= untilMs &&
        fromMs <= span.untilMs,
    );
  }
}

function concerns(fault: Fault, names: readonly string[]): boolean {
  if ('place' in fault) return names.includes(nameOf(fault.place));
  if (!('from' in fault)) return true;
  return names.includes(nameOf(fault.from)) && names.includes(nameOf(fault.to));
}

function parksOf(history: History): ParkSpan[] {
  const ends = new Map<number, number>();
  for (const event of history) if (event.what === 'unparked') ends.set(event.park, event.ms);
  return history.flatMap((event) => {
    if (event.what !== 'parked') return [];
    const { bridge, instance, infoHash, node, ms } = event;
    return [
      {
        bridge,
        instance,
        infoHash,
        node,
        fromMs: ms,
        untilMs: ends.get(event.park) ?? Number.POSITIVE_INFINITY,
      },
    ];
  });
}

function nodesOf(history: History): NodeSpan[] {
  const spans: { -readonly [Key in keyof NodeSpan]: NodeSpan[Key] }[] = [];
  const current = (node: string): (typeof spans)[number] | undefined =>
    spans.findLast((each) => each.node === node && each.untilMs === Number.POSITIVE_INFINITY);
  for (const event of history) {
    if (event.what === 'up') {
      const { node, incarnation, ms: fromMs } = event;
      const never = Number.POSITIVE_INFINITY;
      spans.push({ node, incarnation, fromMs, untilMs: never, drainsMs: never });
    } else if (event.what === 'down') {
      const span = current(event.node);
      if (span) span.untilMs = event.ms;
    } else if (event.what === 'draining') {
      const span = current(event.node);
      if (span) span.drainsMs = event.ms;
    }
  }
  return spans;
}

function attemptsOf(history: History): Attempt[] {
  const outcomes = new Map<number, NonNullable<Attempt['outcome']>>();
  for (const event of history)
    if (event.what === 'paired' || event.what === 'refused' || event.what === 'left')
      if (!outcomes.has(event.attempt)) outcomes.set(event.attempt, event);
  return history.flatMap((event) =>
    event.what === 'asked' ? [{ asked: event, outcome: outcomes.get(event.attempt) }] : [],
  );
}

function faultsOf(history: History, scenario: Scenario): (Span & { readonly fault: Fault })[] {
  const spans = new Map<number, { fault: Fault; fromMs: number; untilMs: number }>();
  for (const event of history) {
    if (event.what !== 'fault') continue;
    const fault = scenario.faults[event.fault];
    if (!fault) continue;
    const known = spans.get(event.fault);
    // What is over at once is never said to be off.
    const untilMs = fault.forMs === 0 ? event.ms : Number.POSITIVE_INFINITY;
    if (event.on) spans.set(event.fault, { fault, fromMs: event.ms, untilMs });
    else if (known) known.untilMs = event.ms;
  }
  return [...spans.values()];
}

/** When a node had no slot left: brokers wait there, as is promised. */
function fullOf(history: History): Map<string, Span[]> {
  const full = new Map<string, { fromMs: number; untilMs: number }[]>();
  for (const event of history) {
    if (event.what !== 'level' || event.of !== 'slots') continue;
    const spans = full.get(event.at) ?? [];
    full.set(event.at, spans);
    const last = spans.at(-1);
    const isFull = last?.untilMs === Number.POSITIVE_INFINITY;
    if (event.value >= event.most && !isFull)
      spans.push({ fromMs: event.ms, untilMs: Number.POSITIVE_INFINITY });
    if (event.value < event.most && isFull && last) last.untilMs = event.ms;
  }
  return full;
}

const known = new WeakMap<History, Facts>();

/** The same for all checkers of a run. */
export function factsOf(history: History, scenario: Scenario): Facts {
  const facts = known.get(history);
  if (facts?.scenario === scenario) return facts;
  const made = new Facts(history, scenario);
  known.set(history, made);
  return made;
}
