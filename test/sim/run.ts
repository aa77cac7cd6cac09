/** Runs a whole scenario in virtual time. One seed decides all of it: two runs have the same history, byte for byte. */
import { integerBelow } from '../../src/base/random.ts';
import type { History } from '../scenario/history.ts';
import type { ClientPlan, Scenario } from '../scenario/scenario.ts';
import { AUTHORITIES, type Authority } from './authorities.ts';
import type { Clients, SimBrokerClient, SimClient } from './client.ts';
import { ClientHost, type ClientHostOptions } from './client-host.ts';
import { Faults, hostOf, type Victim } from './faults.ts';
import type { Message } from './message.ts';
import { SimNet } from './net.ts';
import { Observer } from './observer.ts';
import { SimRelay } from './relay.ts';
import { Weather } from './weather.ts';
import { World } from './world.ts';

/** Share of clients that know all relays, of which there are so many at the least where they do not. */
const KNOW_ALL = 0.5;
const LEAST_RELAYS = 3;
const LATENCY = { minLatencyMs: 1, maxLatencyMs: 20 };
const LOOK_MS = 1_000;
/** Clients that are told to leave have done so. */
const LEAVE_MS = 35_000;
const LEAVE_LOOK_MS = 1_000;

export interface Run {
  readonly history: History;
  /** Times that each rare branch was reached, by its name. */
  readonly sometimes: ReadonlyMap<string, number>;
}

export async function runScenario(scenario: Scenario, clients: Clients): Promise<Run> {
  const cluster = new Cluster(scenario, clients);
  await cluster.run();
  return { history: cluster.world.history, sometimes: cluster.world.sometimes };
}

/** The history as text, one line of JSON for each event. */
export function traceOf({ history }: Run): string {
  return history.map((event) => `${JSON.stringify(event)}\n`).join('');
}

class Cluster {
  readonly world: World;
  readonly #scenario: Scenario;
  readonly #net: SimNet<Message>;
  readonly #relays: readonly SimRelay[];
  readonly #bridges: readonly ClientHost<SimClient>[];
  readonly #brokers: readonly ClientHost<SimBrokerClient>[];
  readonly #faults: Faults;

  constructor(scenario: Scenario, clients: Clients) {
    this.#scenario = scenario;
    this.world = new World(scenario.seed);
    this.#net = new SimNet(this.world, LATENCY);
    const relays = Array.from({ length: scenario.relays }, (_, relay) => hostOf({ relay }));
    const weather = new Weather(this.world);
    const observer = new Observer(this.world);
    const infoHashes = AUTHORITIES.slice(0, scenario.cas).map(({ infoHash }) => infoHash);
    const common = { world: this.world, net: this.#net, relays };
    const fewer = (): readonly string[] => this.#someOf(relays);
    this.#relays = relays.map(
      (name) => new SimRelay({ ...common, name, observer, weather, infoHashes, slots: scenario.slots }),
    );
    const host = <C extends SimClient>(
      plan: ClientPlan,
      name: string,
      make: ClientHostOptions<C>['make'],
    ): ClientHost<C> =>
      new ClientHost({
        ...common,
        relays: fewer(),
        name,
        make,
        authority: AUTHORITIES[plan.ca] as Authority,
      });
    this.#bridges = scenario.bridges.map((plan, bridge) => host(plan, hostOf({ bridge }), clients.bridge));
    this.#brokers = scenario.brokers.map((plan, broker) => host(plan, hostOf({ broker }), clients.broker));
    const victims = new Map<string, Victim>([
      ...this.#relays.map((each, relay) => [hostOf({ relay }), each] as const),
      ...this.#bridges.map((each, bridge) => [hostOf({ bridge }), each] as const),
      ...this.#brokers.map((each, broker) => [hostOf({ broker }), each] as const),
    ]);
    this.#faults = new Faults({ net: this.#net, weather, victims });
  }

  /** Clients need not know every relay. Where a bridge does not, brokers at the others are served over a forward. */
  #someOf(relays: readonly string[]): readonly string[] {
    const { random } = this.world;
    if (relays.length < LEAST_RELAYS || random.fraction() < KNOW_ALL) return relays;
    const without = integerBelow(random, relays.length);
    return relays.filter((_, at) => at !== without);
  }

  get #hasClients(): boolean {
    return [...this.#bridges, ...this.#brokers].some(({ client }) => client !== undefined);
  }

  async run(): Promise<void> {
    const { untilMs } = this.#scenario;
    for (const relay of this.#relays) relay.start();
    this.#planClients();
    this.#planFaults();
    this.world.after(LOOK_MS, () => this.#look());
    await this.world.runUntil(untilMs);
    for (const client of [...this.#bridges, ...this.#brokers]) client.want(false);
    while (this.#hasClients && this.world.now < untilMs + LEAVE_MS)
      await this.world.runUntil(this.world.now + LEAVE_LOOK_MS);
    // What they said last is under way.
    await this.world.runUntil(this.world.now + LEAVE_LOOK_MS);
    for (const client of [...this.#bridges, ...this.#brokers]) client.tellHeld();
    for (const relay of this.#relays) relay.tellDirectory();
    for (const relay of this.#relays) await relay.stopAndTell();
  }

  #planClients(): void {
    const { bridges, brokers, streams } = this.#scenario;
    const plan = ({ spans }: ClientPlan, host: ClientHost<SimClient> | undefined): void => {
      for (const { fromMs, untilMs } of spans) {
        this.world.after(fromMs, () => host?.want(true));
        this.world.after(untilMs, () => host?.want(false));
      }
    };
    for (const [at, each] of bridges.entries()) plan(each, this.#bridges[at]);
    for (const [at, each] of brokers.entries()) plan(each, this.#brokers[at]);
    for (const each of streams)
      this.world.after(each.atMs, () => this.#brokers[each.broker]?.client?.open(each));
  }

  #planFaults(): void {
    const { faults, faultsUntilMs } = this.#scenario;
    for (const [at, fault] of faults.entries()) {
      this.world.after(fault.atMs, () => {
        this.world.record({ what: 'fault', fault: at, on: true });
        this.#faults.begin(fault);
      });
      this.world.after(fault.atMs + fault.forMs, () => {
        this.#faults.end(fault);
        this.world.record({ what: 'fault', fault: at, on: false });
      });
    }
    this.world.after(faultsUntilMs, () => this.world.record({ what: 'calm' }));
  }

  #look(): void {
    for (const relay of this.#relays) relay.tellDirectory();
    for (const broker of this.#brokers) broker.client?.tellTunnels();
    if (this.world.now < this.#scenario.untilMs) this.world.after(LOOK_MS, () => this.#look());
  }
}
