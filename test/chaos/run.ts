/** A chaos run from beginning to end: a scenario with real processes, its history, and what checkers say of it. */
import { spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import type { Violation } from '../scenario/checker.ts';
import { nameOf } from '../scenario/faults.ts';
import type { Event, Happening } from '../scenario/history.ts';
import type { ClientPlan, Scenario } from '../scenario/scenario.ts';
import type { Cluster } from './cluster.ts';
import { Faults } from './faults.ts';
import { weighHeld } from './held.ts';
import { type Look, levelsOf, look, Observer } from './observer.ts';
import { type Death, Lives } from './processes.ts';
import { viewsOf } from './views.ts';

export interface ChaosRun {
  readonly scenario: Scenario;
  /** By the clock of the machine. */
  readonly beganMs: number;
  readonly history: readonly Event[];
  readonly looks: readonly Look[];
  /** How many times as long as promised things may take, as the machine had other work. */
  readonly slowness: number;
  readonly deaths: readonly Death[];
  /** Beyond those of the checkers: what the run itself saw of processes. */
  readonly found: readonly Violation[];
}

/** Everything is there, and has found each other, before the run begins. */
const READY_SECONDS = 90;
/** What was begun is told by its time; in this order where that is the same millisecond. */
const ORDER: readonly Happening['what'][] = [
  'opened',
  'served',
  'wrote',
  'finished',
  'read',
  'end',
  'aborted',
  'failed',
];

export class Run {
  readonly #scenario: Scenario;
  readonly #cluster: Cluster;
  readonly #say: (text: string) => void;
  readonly #events: Event[] = [];
  readonly #looks: Look[] = [];
  readonly #lives: Lives;
  readonly #pending = new Set<Promise<void>>();
  /** What is done to each process, last. */
  readonly #turns = new Map<string, Promise<void>>();
  /** Of timers of the run itself, which has little to do. */
  readonly #lateness = monitorEventLoopDelay({ resolution: 10 });
  #beganMs = 0;
  #problems: Violation[] = [];

  constructor(scenario: Scenario, cluster: Cluster, say: (text: string) => void) {
    this.#scenario = scenario;
    this.#cluster = cluster;
    this.#say = say;
    this.#lives = new Lives(
      cluster,
      () => this.#now(),
      (happening) => this.#tell(happening),
    );
  }

  async run(): Promise<ChaosRun> {
    const { relays, clients } = this.#names();
    await this.#bringUp(relays, clients);
    const base = await this.#lookAtAll(relays);
    await this.#cluster.up(...clients.filter((name) => this.#plan(name)?.spans[0]?.fromMs === 0));
    await this.#cluster.compose('up', '--no-start', '--no-deps', ...clients);
    await this.#until('tunnels of all brokers', async () => {
      const brokers = clients.filter(
        (name) => name.startsWith('broker') && this.#plan(name)?.spans[0]?.fromMs === 0,
      );
      const looks = await Promise.all(brokers.map((name) => look(this.#cluster, name)));
      return looks.every((seen) => seen?.status.connected === true);
    });
    this.#beganMs = Date.now() + 1_500;
    this.#cluster.write('run.json', { scenario: this.#scenario, beganMs: this.#beganMs });
    for (const name of relays) this.#lives.runs(name);
    for (const name of clients)
      if (this.#plan(name)?.spans[0]?.fromMs === 0) this.#lives.runs(name);
      else this.#lives.waits(name);
    await this.#cluster.up('client');
    const stories = ['client', 'store'].map((name) => this.#follow(name));
    this.#lateness.enable();
    const observer = new Observer(this.#cluster, [...relays, ...clients], (seen) => this.#onLook(seen));
    await this.#play();
    this.#lateness.disable();
    await observer.stop();
    this.#say('what is held when all have ended');
    await this.#cluster.stop('client', 5);
    await weighHeld(this.#cluster, {
      relays,
      clients: clients.filter((name) => this.#lives.isUp(name)),
      base,
      tell: (happening) => this.#tell(happening),
    });
    await this.#cluster.stop('store', 5);
    await Promise.all(stories);
    return this.#result();
  }

  #names(): { readonly relays: readonly string[]; readonly clients: readonly string[] } {
    const { relays, bridges, brokers } = this.#scenario;
    return {
      relays: Array.from({ length: relays }, (_, relay) => nameOf({ relay })),
      clients: [
        ...bridges.map((_, bridge) => nameOf({ bridge })),
        ...brokers.map((_, broker) => nameOf({ broker })),
      ],
    };
  }

  #plan(name: string): ClientPlan | undefined {
    const [side, index] = name.split('-');
    return (side === 'bridge' ? this.#scenario.bridges : this.#scenario.brokers)[Number(index)];
  }

  async #bringUp(relays: readonly string[], clients: readonly string[]): Promise<void> {
    this.#say(
      `bringing up ${relays.length} relays, and ${clients.length} bridges and brokers of ${this.#scenario.cas} CAs`,
    );
    await this.#cluster.compose('up', '--no-deps', 'setup');
    await this.#cluster.up('toxic', 'store', ...relays);
    await this.#until('one cluster', async () => {
      const looks = await this.#lookAtAll(relays);
      return looks.every((seen) =>
        seen.status.members?.every(({ state, incarnation }) => state === 'connected' && incarnation !== null),
      );
    });
  }

  async #lookAtAll(names: readonly string[]): Promise<readonly Look[]> {
    const looks = await Promise.all(names.map((name) => look(this.#cluster, name)));
    return looks.map((seen, index) => {
      if (!seen) throw new Error(`${names[index]} does not answer`);
      return seen;
    });
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + READY_SECONDS * 1_000;
    for (;;) {
      if (await holds().catch(() => false)) return;
      if (Date.now() > end) throw new Error(`not after ${READY_SECONDS} s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  #now(): number {
    return Date.now() - this.#beganMs;
  }

  #tell(happening: Happening): void {
    this.#events.push({ ...happening, ms: this.#now() });
  }

  #onLook(seen: Look): void {
    const ms = seen.ms - this.#beganMs;
    if (ms < 0 || ms > this.#scenario.untilMs) return;
    if (!this.#lives.onLook(seen, this.#beganMs)) return;
    this.#looks.push(seen);
    for (const happening of levelsOf(seen)) this.#events.push({ ...happening, ms });
  }

  /** Lines of JSON that a container prints, until it ends. */
  async #follow(name: string): Promise<void> {
    const child = spawn('docker', ['logs', '--follow', this.#cluster.container(name)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.on('data', (text: Buffer) => this.#say(`${name}: ${text.toString().trim()}`));
    for await (const line of createInterface(child.stdout)) {
      if (!line.startsWith('{')) continue;
      const event = JSON.parse(line) as Event;
      this.#events.push({ ...event, ms: event.ms - this.#beganMs });
    }
  }

  /** Faults and comings and goings at their times, then the calm; resolves when the run is over. */
  async #play(): Promise<void> {
    const { faults, faultsUntilMs, untilMs } = this.#scenario;
    const hands = new Faults(this.#cluster, this.#scenario, this.#lives);
    const watch = setInterval(() => void this.#lives.verify().catch(() => {}), 2_000);
    for (const [index, fault] of faults.entries()) {
      const name = 'place' in fault ? nameOf(fault.place) : undefined;
      this.#at(fault.atMs, name, `fault ${index}, ${fault.kind}`, async () => {
        this.#say(`${(fault.atMs / 1_000).toFixed(0).padStart(5)} s  ${textOf(fault)}`);
        this.#tell({ what: 'fault', fault: index, on: true });
        const undo = await hands.begin(fault, index);
        if (fault.forMs === 0) return undo();
        await this.#sleepUntil(fault.atMs + fault.forMs);
        await undo();
        this.#tell({ what: 'fault', fault: index, on: false });
      });
    }
    for (const name of this.#names().clients) this.#playClient(name);
    await this.#sleepUntil(faultsUntilMs);
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    this.#tell({ what: 'calm' });
    this.#say(`${(this.#now() / 1_000).toFixed(0).padStart(5)} s  calm`);
    await this.#sleepUntil(untilMs);
    clearInterval(watch);
    await this.#lives.verify();
  }

  #playClient(name: string): void {
    for (const { fromMs, untilMs } of this.#plan(name)?.spans ?? []) {
      if (fromMs > 0) this.#at(fromMs, name, `${name} comes`, () => this.#lives.up(name));
      if (untilMs < this.#scenario.untilMs)
        this.#at(untilMs, name, `${name} leaves`, () => this.#lives.leave(name));
    }
  }

  /** What befalls one process takes its turn: on a busy machine things take longer than planned. */
  #at(ms: number, name: string | undefined, what: string, act: () => Promise<void>): void {
    const turn = async (): Promise<void> => {
      const before = this.#turns.get(name ?? what);
      const mine = Promise.resolve(before)
        .then(act)
        .catch((error: Error) => {
          this.#problems.push({ checker: 'run', ms: this.#now(), text: `${what}: ${error.message}` });
        });
      this.#turns.set(name ?? what, mine);
      await mine;
    };
    const running = this.#sleepUntil(ms)
      .then(turn)
      .finally(() => this.#pending.delete(running));
    this.#pending.add(running);
  }

  #sleepUntil(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - this.#now())));
  }

  #result(): ChaosRun {
    const rank = ({ what }: Event): number => ORDER.indexOf(what);
    const relays = this.#looks
      .filter(({ name }) => name.startsWith('relay'))
      .sort((one, other) => one.ms - other.ms);
    const views = viewsOf(relays, this.#beganMs);
    const history = [...this.#events, ...this.#lives.events(this.#beganMs), ...views].sort(
      (one, other) => one.ms - other.ms || rank(one) - rank(other),
    );
    return {
      scenario: this.#scenario,
      beganMs: this.#beganMs,
      history,
      looks: this.#looks,
      deaths: this.#lives.deaths,
      slowness: slownessOf(this.#lateness.max / 1e9),
      found: [...this.#lives.found, ...this.#problems],
    };
  }
}

/** A process that waits for a core waits several times for one answer. */
const WAITS = 2;

/** 1 on a machine at rest; a tenth more for each 50 ms that a timer was late at the most. */
export function slownessOf(lateSeconds: number): number {
  return Math.round((1 + WAITS * lateSeconds) * 10) / 10;
}

function textOf(fault: Scenario['faults'][number]): string {
  const { kind, atMs: _, forMs, ...rest } = fault;
  const where =
    'place' in rest
      ? nameOf(rest.place)
      : 'from' in rest
        ? `${nameOf(rest.from)} ${'oneWay' in rest && rest.oneWay ? '->' : '<->'} ${nameOf(rest.to)}`
        : 'gossip';
  return `${kind} ${where}${forMs > 0 ? ` for ${(forMs / 1_000).toFixed(1)} s` : ''}`;
}
