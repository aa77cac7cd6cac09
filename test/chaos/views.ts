/**
 * What relays know of each other, and where bridges are parked, out of what daemons say of themselves. No relay tells an
 * info_hash; it says how many adverts it knows. Where that is as many as bridges are parked at by their own words, the two are
 * taken for the same; where it stays different for longer than an advert may take, the relay is taken to know none of them.
 */
import { ADVERT_MS } from '../scenario/bounds.ts';
import type { Happening } from '../scenario/history.ts';
import type { Scenario } from '../scenario/scenario.ts';
import type { Look } from './observer.ts';
import { infoHashOf } from './places.ts';

export class Views {
  readonly #scenario: Scenario;
  /** Where each bridge says that it is parked. */
  readonly #parked = new Map<string, ReadonlySet<string>>();
  /** Names of parks in the history, by bridge and relay. */
  readonly #parks = new Map<string, number>();
  readonly #differsSince = new Map<string, number>();
  #count = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  of(look: Look): readonly Happening[] {
    if (look.name.startsWith('bridge')) return this.#parksOf(look);
    return look.name.startsWith('relay') ? this.#directoryOf(look) : [];
  }

  /** It has ended: so have its parks. */
  gone(bridge: string): readonly Happening[] {
    return this.#change(bridge, new Set());
  }

  #parksOf({ name, status }: Look): readonly Happening[] {
    return this.#change(
      name,
      new Set((status.parks ?? []).filter(({ parked }) => parked > 0).map(({ host }) => host)),
    );
  }

  #change(bridge: string, now: ReadonlySet<string>): Happening[] {
    const before = this.#parked.get(bridge) ?? new Set();
    this.#parked.set(bridge, now);
    const happenings: Happening[] = [];
    for (const node of before) {
      const park = this.#parks.get(`${bridge}@${node}`);
      if (!now.has(node) && park !== undefined) happenings.push({ what: 'unparked', park });
    }
    for (const node of now) {
      if (before.has(node)) continue;
      this.#count += 1;
      this.#parks.set(`${bridge}@${node}`, this.#count);
      happenings.push({
        what: 'parked',
        park: this.#count,
        bridge,
        node,
        infoHash: this.#infoHashOf(bridge),
      });
    }
    return happenings;
  }

  #infoHashOf(bridge: string): string {
    return infoHashOf(this.#scenario.bridges[Number(bridge.split('-')[1])]?.ca ?? -1);
  }

  #directoryOf({ name: node, status, ms }: Look): readonly Happening[] {
    const { incarnation, directoryEntries, members = [] } = status;
    if (typeof incarnation !== 'number') return [];
    const known = members.flatMap((row) =>
      typeof row['incarnation'] === 'number' ? [[String(row['node']), row['incarnation']] as const] : [],
    );
    const holders = this.#holders();
    const expected = Object.values(holders).reduce((sum, nodes) => sum + nodes.length, 0);
    if (directoryEntries === expected) this.#differsSince.delete(node);
    else if (!this.#differsSince.has(node)) this.#differsSince.set(node, ms);
    const since = this.#differsSince.get(node);
    // Bridges and relays are not asked in the same instant.
    if (since !== undefined && ms - since <= ADVERT_MS) return [];
    return [
      {
        what: 'directory',
        node,
        members: { ...Object.fromEntries(known), [node]: incarnation },
        holders: since === undefined ? holders : {},
      },
    ];
  }

  #holders(): Record<string, string[]> {
    const holders: Record<string, string[]> = {};
    for (const [bridge, nodes] of this.#parked) {
      const hash = this.#infoHashOf(bridge);
      if (nodes.size > 0) holders[hash] = [...new Set([...(holders[hash] ?? []), ...nodes])].sort();
    }
    return holders;
  }
}
