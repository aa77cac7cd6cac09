/** What a client knows of the nodes that answered it: zone, whether they drain, whether they were lost. Pure. */
import { DRAINING_MEMORY_MS, ROUTES_NODES } from '../base/limits.ts';
import { hostOf } from './node-names.ts';

interface Known {
  /** Empty: not known. */
  zone: string;
  /** Answered and was not lost since. */
  here: boolean;
  /** Time until which it is taken to drain. */
  drainsUntil: number;
}

export class RouteNodes {
  /** By name, the one heard of longest ago first; at most ROUTES_NODES. */
  readonly #nodes = new Map<string, Known>();

  /** `node` answered. What it said of its end is old: a node that drains answers nobody. */
  answered(node: string, zone: string | undefined): void {
    const known = this.#touch(node);
    known.here = true;
    known.drainsUntil = 0;
    if (zone) known.zone = zone;
  }

  /** There is such a node, by the word of another. Says whether that is new. */
  seen(node: string, zone?: string): boolean {
    const isNew = !this.#nodes.has(node);
    const known = this.#touch(node);
    if (zone) known.zone = zone;
    return isNew;
  }

  lost(node: string): void {
    const known = this.#nodes.get(node);
    if (known) known.here = false;
  }

  drains(node: string, now: number): void {
    this.#touch(node).drainsUntil = now + DRAINING_MEMORY_MS;
  }

  /** Empty: not known. */
  zoneOf(node: string): string {
    return this.#nodes.get(node)?.zone ?? '';
  }

  /** Milliseconds for which `node` is still taken to drain; 0: it does not. */
  drainsFor(node: string, now: number): number {
    return Math.max(0, (this.#nodes.get(node)?.drainsUntil ?? 0) - now);
  }

  /** Nodes that are known to stand in one of `zones`, the one heard of last first. */
  inZones(zones: ReadonlySet<string>): string[] {
    return this.names().filter((node) => zones.has(this.zoneOf(node)));
  }

  /** Nodes that drain. */
  draining(now: number): string[] {
    return this.names().filter((node) => this.drainsFor(node, now) > 0);
  }

  /** All that are remembered, the one heard of last first. */
  names(): string[] {
    return [...this.#nodes.keys()].reverse();
  }

  /** Hosts on which a node answered that was not lost since and does not drain. */
  hosts(now: number): Set<string> {
    const here = [...this.#nodes].filter(([node, { here }]) => here && this.drainsFor(node, now) === 0);
    return new Set(here.map(([node]) => hostOf(node)));
  }

  #touch(node: string): Known {
    const known = this.#nodes.get(node) ?? { zone: '', here: false, drainsUntil: 0 };
    this.#nodes.delete(node);
    this.#nodes.set(node, known);
    if (this.#nodes.size > ROUTES_NODES) {
      const [oldest] = this.#nodes.keys();
      if (oldest !== undefined) this.#nodes.delete(oldest);
    }
    return known;
  }
}
