/** Does to containers what faults say, and undoes it. */
import { type Fault, nameOf, type Place } from '../scenario/faults.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Cluster } from './cluster.ts';
import { clientPort, forwardPort, gossipPort } from './places.ts';
import { isolated } from './scenario.ts';
import { HARMLESS, type Toxin } from './toxic/flow.ts';

/** A relay that drains for longer is ended: --drain-timeout is 60 s, and a scenario gives it less. */
const DRAIN_SECONDS = 70;
const TABLE = 'chaos';

type Undo = () => Promise<void>;
const nothing: Undo = async () => {};

/** What is told of processes, for the history. */
export interface Processes {
  isUp(name: string): boolean;
  /** It begins, after `whileDown`. */
  up(name: string): Promise<void>;
  /** SIGKILL. */
  kill(name: string): Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  drain(name: string, seconds: number): Promise<void>;
}

export class Faults {
  readonly #cluster: Cluster;
  readonly #scenario: Scenario;
  readonly #processes: Processes;
  /** Rules of nft that are on, in the network of the toxic proxy. */
  readonly #rules = new Map<number, readonly string[]>();
  #applied: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, scenario: Scenario, processes: Processes) {
    this.#cluster = cluster;
    this.#scenario = scenario;
    this.#processes = processes;
  }

  /** Resolves with what ends it, once it is on. */
  async begin(fault: Fault, index: number): Promise<Undo> {
    switch (fault.kind) {
      case 'kill':
        return this.#kill(nameOf(fault.place));
      case 'restart':
        return (await this.#kill(nameOf(fault.place)))().then(() => nothing);
      case 'pause':
        return this.#pause(nameOf(fault.place), fault.forMs);
      case 'drain':
        return this.#drain(nameOf(fault.place));
      case 'certificates':
        return this.#renew(fault.place);
      case 'cut':
        return this.#cut(fault, index);
      case 'drop':
        return this.#drop(index, lossRules(this.#scenario.relays, fault.share));
      case 'blackHole':
        return this.#poison(fault.from, fault.to, { ...HARMLESS, swallows: true });
      case 'slow':
        return this.#poison(fault.from, fault.to, slowness(fault.ms, index));
      case 'reset':
        await this.#cluster.toxic('reset', { from: nameOf(fault.from), to: nameOf(fault.to) });
        return nothing;
      case 'clockJump':
      case 'duplicate':
      case 'reorder':
        // Not drawn for real processes; see scenario.ts.
        return nothing;
    }
  }

  async #kill(name: string): Promise<Undo> {
    await this.#processes.kill(name);
    return () => this.#processes.up(name);
  }

  async #drain(name: string): Promise<Undo> {
    const ended = this.#processes.drain(name, DRAIN_SECONDS);
    // Awaited by who undoes it; until then a failure is no loose end.
    ended.catch(() => {});
    return async () => {
      await ended;
      await this.#processes.up(name);
    };
  }

  async #pause(name: string, forMs: number): Promise<Undo> {
    // A client that is not there, as its plan says, cannot be stopped.
    if (!this.#processes.isUp(name)) return nothing;
    // The freezer of the engine and the signal are two ways to stand still: each takes its turn.
    const frozen = forMs % 2 === 0;
    const set = (on: boolean): Promise<void> =>
      frozen ? this.#cluster.pause(name, on) : this.#cluster.signal(name, on ? 'STOP' : 'CONT');
    await set(true);
    return () => set(false);
  }

  async #renew(place: Place): Promise<Undo> {
    const plan =
      'bridge' in place
        ? this.#scenario.bridges[place.bridge]
        : 'broker' in place
          ? this.#scenario.brokers[place.broker]
          : undefined;
    if (!plan) return nothing;
    await this.#cluster.renewCertificates(plan.ca);
    // Others see the new files by themselves, within 10 s; one that is down reads them when it starts.
    if ((await this.#cluster.pid(nameOf(place))) > 0) await this.#cluster.signal(nameOf(place), 'HUP');
    return nothing;
  }

  async #poison(from: Place, to: Place, toxin: Toxin): Promise<Undo> {
    const ways = [
      { from: nameOf(from), to: nameOf(to) },
      { from: nameOf(to), to: nameOf(from) },
    ];
    for (const way of ways) await this.#cluster.toxic('toxin', { ...way, toxin });
    return async () => {
      for (const way of ways) await this.#cluster.toxic('toxin', { ...way, toxin: HARMLESS });
    };
  }

  async #cut(fault: Extract<Fault, { kind: 'cut' }>, index: number): Promise<Undo> {
    const place = isolated(fault, this.#scenario);
    if (!place) return this.#drop(index, await this.#cutRules(fault.from, fault.to, fault.oneWay));
    const isFirst =
      this.#scenario.faults.findIndex(
        (other) => other.atMs === fault.atMs && isolated(other, this.#scenario),
      ) === index;
    // The first of its links stands for all of them.
    if (!isFirst) return nothing;
    await this.#cluster.plug(nameOf(place), 'relays', false);
    return () => this.#cluster.plug(nameOf(place), 'relays', true);
  }

  /** Packets between the two, at the toxic proxy's side of who dials: nobody is told, and TCP tries again. */
  async #cutRules(from: Place, to: Place, oneWay: boolean): Promise<readonly string[]> {
    const there = [...(await this.#way(from, to)), ...(await this.#wayBack(from, to))];
    return oneWay ? there : [...there, ...(await this.#way(to, from)), ...(await this.#wayBack(to, from))];
  }

  /** What `from` says on connections that it dialled to `to`. */
  async #way(from: Place, to: Place): Promise<readonly string[]> {
    if (!('relay' in to)) return [];
    const address = await this.#addressOf(from);
    return address === '' ? [] : [`input ip saddr ${address} tcp dport { ${portsOf(to.relay)} } drop`];
  }

  /** What `from` says on connections that `to` dialled to it. */
  async #wayBack(from: Place, to: Place): Promise<readonly string[]> {
    if (!('relay' in from)) return [];
    const address = await this.#addressOf(to);
    return address === '' ? [] : [`output ip daddr ${address} tcp sport { ${portsOf(from.relay)} } drop`];
  }

  #addressOf(place: Place): Promise<string> {
    return this.#cluster.address(nameOf(place), 'relay' in place ? 'relays' : 'outside');
  }

  async #drop(index: number, rules: readonly string[]): Promise<Undo> {
    this.#rules.set(index, rules);
    await this.#apply();
    return async () => {
      this.#rules.delete(index);
      await this.#apply();
    };
  }

  /** The whole table at once, one after the other: rules of nft have no names. */
  #apply(): Promise<void> {
    this.#applied = this.#applied
      .catch(() => {})
      .then(async () => {
        const lines = [...this.#rules.values()].flat().map((rule) => `add rule ip ${TABLE} ${rule}`);
        const chains = ['input', 'output'].map(
          (chain) => `add chain ip ${TABLE} ${chain} { type filter hook ${chain} priority 0 ; }`,
        );
        const text = [
          `add table ip ${TABLE}`,
          `delete table ip ${TABLE}`,
          `add table ip ${TABLE}`,
          ...chains,
          ...lines,
        ];
        this.#cluster.writeText('rules.nft', `${text.join('\n')}\n`);
        await this.#cluster.inNetwork('toxic', 'nft', '--file', `${this.#cluster.directory}/rules.nft`);
      });
    return this.#applied;
  }
}

/** Of gossip and forwards, at both of their ends: loss, which TCP makes up for. */
function lossRules(relays: number, share: number): readonly string[] {
  const ports = Array.from({ length: relays }, (_, relay) => gossipPort(relay)).join(', ');
  const lost = `numgen random mod 100 < ${Math.round(share * 100)} drop`;
  return ['input tcp dport', 'output tcp sport', 'output tcp dport', 'input tcp sport'].map(
    (where) => `${where} { ${ports} } ${lost}`,
  );
}

function portsOf(relay: number): string {
  return [clientPort(relay), gossipPort(relay), forwardPort(relay)].join(', ');
}

/** Late; late and in slices; or thin: three ways for a link to be slow. */
function slowness(ms: number, index: number): Toxin {
  const late = { ...HARMLESS, delayMs: ms };
  return (
    [
      late,
      { ...late, sliceBytes: 1 + ((index * 37) % 500) },
      { ...HARMLESS, bytesPerSecond: 64 * 1_024 * (1_000 / (ms + 50)) },
    ][index % 3] ?? late
  );
}
